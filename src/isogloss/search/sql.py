"""Write a checked filter as SQL for Lance.

Every literal is written anew from its typed value. Column names stand in backquotes, the only
quoting that Lance takes for every name that it can store (names with a backquote are refused
before). NaN counts as NULL, as it does in our results.
"""

from typing import Any

import pyarrow as pa

from isogloss._core.errors import FilterError
from isogloss.search.typed import All, Condition, Typed, kind_of

_NAMES = {
    "halffloat": "Float16",
    "float": "Float32",
    "double": "Float64",
    "date32[day]": "Date32",
    "date64[ms]": "Date64",
}
_UNITS = {"s": "Second", "ms": "Millisecond", "us": "Microsecond", "ns": "Nanosecond"}


def to_sql(node: Typed) -> str:
    """Write a checked filter as a SQL predicate for Lance.

    Parameters
    ----------
    node : Condition, All or Some
        What `check` gave.

    Returns
    -------
    str
        The predicate.

    Examples
    --------
    >>> from isogloss.search.grammar import parse
    >>> from isogloss.search.typed import check
    >>> schema = pa.schema([("label", pa.string()), ("year", pa.int16())])
    >>> to_sql(check(parse("label = 'it''s' AND year >= 1993"), schema))
    "`label` = 'it''s' AND `year` >= arrow_cast('1993', 'Int16')"
    """
    if isinstance(node, Condition):
        sql = _condition(node)
        return f"NOT ({sql})" if node.negated else sql
    joint = " AND " if isinstance(node, All) else " OR "
    return joint.join(
        to_sql(child) if isinstance(child, Condition) else f"({to_sql(child)})"
        for child in node.nodes
    )


def _condition(node: Condition) -> str:
    column = f"`{node.column}`"
    kind = kind_of(node.type)
    if kind == "float":  # NaN sorts above all numbers in DataFusion and equals itself
        column = f"nullif({column}, arrow_cast('NaN', '{_type_name(node.type)}'))"
    if node.op == "IS NULL":
        return f"{column} IS NULL"
    item = node.type.value_type if kind == "list" else node.type
    if node.op == "ILIKE":
        return f"lower({column}) LIKE {_string(node.values[0].lower())}"
    values = [_literal(value, item) for value in node.values]
    if node.op == "IN":
        return f"{column} IN ({', '.join(values)})"
    if node.op == "BETWEEN":
        return f"({column} >= {values[0]} AND {column} <= {values[1]})"
    if node.op == "HAS":
        return f"array_has({column}, {values[0]})"
    if node.op.startswith("HAS"):
        return f"array_has_{node.op[4:].lower()}({column}, make_array({', '.join(values)}))"
    return f"{column} {node.op} {values[0]}"


def _string(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _literal(value: Any, type_: Any) -> str:
    kind = kind_of(type_)
    if kind == "string":
        return _string(value)
    if kind == "boolean":
        return "true" if value else "false"
    name = _type_name(type_)
    if kind in ("date", "timestamp"):
        return f"arrow_cast({value}, '{name}')"
    if kind == "float" and name == "Float16":
        return f"arrow_cast(arrow_cast('{value!r}', 'Float32'), 'Float16')"
    return (
        f"arrow_cast('{value:f}', '{name}')"
        if kind == "decimal"
        else (f"arrow_cast('{value!r}', '{name}')")
    )


def _type_name(type_: Any) -> str:
    if pa.types.is_integer(type_):
        return str(type_).replace("uint", "UInt").replace("int", "Int")
    if pa.types.is_decimal128(type_):
        return f"Decimal128({type_.precision}, {type_.scale})"
    if pa.types.is_timestamp(type_):
        if type_.tz is None:
            return f"Timestamp({_UNITS[type_.unit]}, None)"
        if not all(char.isascii() and (char.isalnum() or char in "_+-:/") for char in type_.tz):
            raise FilterError(f"filters cannot compare moments of the zone {type_.tz!r}")
        return f'Timestamp({_UNITS[type_.unit]}, Some("{type_.tz}"))'
    return _NAMES[str(type_)]
