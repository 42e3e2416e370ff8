"""Write a checked filter for Qdrant.

Qdrant knows no third truth value, so each test also asks that its column has a value: the key
``n`` of a point lists the columns that are not null. It compares numbers as floats of 64 bits, so
whole numbers of more than 32 bits are compared limb by limb. It has no order of strings and no
patterns: those tests let every row with a value through, and the rows are tested again here.
"""

from dataclasses import dataclass
from typing import Any

from isogloss._core.extras import need
from isogloss.remote.fields import Field, literal, split
from isogloss.search.typed import All, Condition, Typed

NOT_NULL = "n"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A filter for the server.

    Parameters
    ----------
    filter : qdrant_client.models.Filter
    exact : bool
        False where it lets through more rows than it should.
    """

    filter: Any
    exact: bool


def to_qdrant(node: Typed, fields: dict[str, Field]) -> Compiled:
    """Write a checked filter for Qdrant.

    Parameters
    ----------
    node : Condition, All or Some
        What `isogloss.search.typed.check` gave.
    fields : dict of str to Field
        The columns, as `fields_of` describes them.

    Returns
    -------
    Compiled

    Examples
    --------
    >>> import pyarrow as pa
    >>> from isogloss.remote.fields import fields_of
    >>> from isogloss.search.filters import check, parse
    >>> schema = pa.schema([("label", pa.string())])
    >>> to_qdrant(check(parse("label LIKE 'a%'"), schema), fields_of(schema)).exact
    False
    """
    models = need("qdrant_client.models", extra="servers")
    condition, exact = _compile(node, fields, models)
    return Compiled(models.Filter(must=[condition]), exact)


def _compile(node: Typed, fields: dict[str, Field], models: Any) -> tuple[Any, bool]:
    if isinstance(node, Condition):
        return _condition(node, fields[node.column], models)
    parts = [_compile(child, fields, models) for child in node.nodes]
    exact = all(one for _, one in parts)
    conditions = [condition for condition, _ in parts]
    if isinstance(node, All):
        return models.Filter(must=conditions), exact
    return models.Filter(should=conditions), exact


def _condition(node: Condition, field: Field, models: Any) -> tuple[Any, bool]:
    known = _match(models, NOT_NULL, field.key)
    if node.op == "IS NULL":
        return (known if node.negated else models.Filter(must_not=[known])), True
    test = _test(node, field, models)
    if test is None:
        return known, False
    if node.negated:
        return models.Filter(must=[known], must_not=[test]), True
    return models.Filter(must=[known, test]), True


def _test(node: Condition, field: Field, models: Any) -> Any:
    """Write a test of a column that has a value; None where Qdrant cannot do it."""
    values = [literal(value, field) for value in node.values]
    if node.op in ("LIKE", "ILIKE") or (field.kind == "string" and node.op in _ORDERED):
        return None
    if node.op == "HAS":
        return _match(models, field.key, values[0])
    if node.op == "HAS ALL":
        return models.Filter(must=[_match(models, field.key, value) for value in values])
    if node.op == "HAS ANY" or (node.op == "IN" and field.kind == "string"):
        return models.FieldCondition(key=field.key, match=models.MatchAny(any=values))
    if node.op == "<>":
        return models.Filter(must_not=[_compare("=", values[0], field, models)])
    if node.op == "IN":
        return models.Filter(should=[_compare("=", value, field, models) for value in values])
    if node.op == "BETWEEN":
        ends = zip((">=", "<="), values, strict=True)
        return models.Filter(must=[_compare(op, value, field, models) for op, value in ends])
    return _compare(node.op, values[0], field, models)


_ORDERED = ("<", "<=", ">", ">=", "BETWEEN")


def _match(models: Any, key: str, value: Any) -> Any:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _range(models: Any, key: str, op: str, value: float) -> Any:
    bounds = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
    sides = {"gte": value, "lte": value} if op == "=" else {bounds[op]: value}
    return models.FieldCondition(key=key, range=models.Range(**sides))


def _compare(op: str, value: Any, field: Field, models: Any) -> Any:
    """Compare a string, a boolean, a float or a whole number in limbs."""
    if field.kind == "string":
        return _match(models, field.key, value)
    if field.kind == "boolean":
        # as 0 and 1: not every edition keeps booleans apart from whole numbers
        return _match(models, field.key, int(value))
    if field.kind == "float":
        return _range(models, field.key, op, value)
    keys, limbs = limb_keys(field), split(value, field.limbs)
    if op == "=":
        pairs = zip(keys, limbs, strict=True)
        return models.Filter(must=[_match(models, key, limb) for key, limb in pairs])
    strict = op.rstrip("=")
    ways = []
    for place, key in enumerate(keys):
        last = place == len(keys) - 1
        same = [
            _match(models, one, limb) for one, limb in zip(keys[:place], limbs[:place], strict=True)
        ]
        here = _range(models, key, op if last else strict, limbs[place])
        ways.append(models.Filter(must=[*same, here]))
    return models.Filter(should=ways)


def limb_keys(field: Field) -> list[str]:
    """Name the keys that hold a column's whole numbers, the highest limb first.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from isogloss.remote.fields import fields_of
    >>> limb_keys(fields_of(pa.schema([("year", pa.int64())]))["year"])
    ['c0', 'c0_1']
    """
    return [field.key, *(f"{field.key}_{place}" for place in range(1, field.limbs))]
