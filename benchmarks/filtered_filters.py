"""Our filters as the peers write them."""

from isogloss.search.filters import check, parse
from isogloss.search.typed import All, Condition

_RANGES = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def _typed(where, schema):
    return check(parse(where), schema)


def plain_sql(where, schema):
    """Write a filter as LanceDB and DuckDB users write it, with plain literals.

    >>> import pyarrow as pa
    >>> plain_sql("NOT n BETWEEN 1 AND 2 OR t HAS 'x'",
    ...           pa.schema([("n", pa.int64()), ("t", pa.list_(pa.string()))]))
    "NOT (n BETWEEN 1 AND 2) OR array_has(t, 'x')"
    """
    return _sql(_typed(where, schema)) if where else None


def _sql(node):
    if isinstance(node, Condition):
        return f"NOT ({_test(node)})" if node.negated else _test(node)
    joint = " AND " if isinstance(node, All) else " OR "
    return joint.join(
        _sql(one) if isinstance(one, Condition) else f"({_sql(one)})" for one in node.nodes
    )


def _test(node):
    values = ["'" + v.replace("'", "''") + "'" if isinstance(v, str) else str(v)
              for v in node.values]  # fmt: skip
    if node.op == "BETWEEN":
        return f"{node.column} BETWEEN {values[0]} AND {values[1]}"
    if node.op == "IN":
        return f"{node.column} IN ({', '.join(values)})"
    if node.op == "HAS":
        return f"array_has({node.column}, {values[0]})"
    if node.op == "HAS ANY":
        return f"array_has_any({node.column}, [{', '.join(values)}])"
    if node.op in ("=", *_RANGES):
        return f"{node.column} {node.op} {values[0]}"
    raise ValueError(f"the grid has no test {node.op!r}")


def conditions(where, schema):
    """Write a filter as nested lists, from which Qdrant's conditions are made.

    A negated test passes no row without a value in our language; in Qdrant it passes them. So
    only columns that always have one may be negated.

    >>> import pyarrow as pa
    >>> conditions("n >= 3 AND s IN ('a', 'b')",
    ...            pa.schema([("n", pa.int64()), ("s", pa.string())]))
    ['all', ['range', 'n', {'gte': 3}], ['any', 's', 'a', 'b']]
    """
    return _conditions(_typed(where, schema)) if where else None


def _conditions(node):
    if isinstance(node, Condition):
        made = _condition(node)
        if not node.negated:
            return made
        if node.column not in ("source", "words"):
            raise ValueError(f"column {node.column!r} may be null: the grid does not negate it")
        return ["none", made]
    parts = [_conditions(one) for one in node.nodes]
    return ["all" if isinstance(node, All) else "some", *parts]


def _condition(node):
    if node.op in ("=", "HAS"):
        return ["equal", node.column, node.values[0]]
    if node.op in ("IN", "HAS ANY"):
        return ["any", node.column, *node.values]
    if node.op == "BETWEEN":
        return ["range", node.column, {"gte": node.values[0], "lte": node.values[1]}]
    if node.op in _RANGES:
        return ["range", node.column, {_RANGES[node.op]: node.values[0]}]
    raise ValueError(f"the grid has no test {node.op!r}")
