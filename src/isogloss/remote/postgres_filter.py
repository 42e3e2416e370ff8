"""Write a checked filter as SQL of PostgreSQL: fixed words, our own column names, parameters.

No text of the user is in the SQL: columns are called ``c0``, ``c1``, ... and every value is a
parameter with its type. NULL means in PostgreSQL what it means in our filters.
"""

from typing import Any

import pyarrow as pa

from isogloss.remote.fields import Field, literal
from isogloss.search.typed import All, Condition, Typed, kind_of


def column_type(field: Field) -> str:
    """Give the SQL type that holds a column's plain values.

    Examples
    --------
    >>> from isogloss.remote.fields import fields_of
    >>> column_type(fields_of(pa.schema([("year", pa.uint64())]))["year"])
    'numeric'
    """
    if field.kind == "string":
        return 'text COLLATE "C"'
    if field.kind == "float":
        return "double precision" if pa.types.is_float64(field.type) else "real"
    if field.kind == "decimal" or pa.types.is_uint64(field.type):
        return "numeric"
    if field.kind == "list":
        return "text[]"
    if field.kind in ("boolean", ""):
        return "boolean"
    return "bigint"


def to_postgres(node: Typed, fields: dict[str, Field]) -> tuple[str, list[Any]]:
    """Write a checked filter as a SQL condition and its parameters.

    Parameters
    ----------
    node : Condition, All or Some
        What `isogloss.search.typed.check` gave.
    fields : dict of str to Field
        The columns, as `fields_of` describes them.

    Returns
    -------
    (str, list)
        The condition with a ``%s`` for each parameter.

    Examples
    --------
    >>> from isogloss.remote.fields import fields_of
    >>> from isogloss.search.filters import check, parse
    >>> schema = pa.schema([("label", pa.string()), ("year", pa.int16())])
    >>> tree = check(parse("label = 'it''s' AND year IN (1, 2)"), schema)
    >>> to_postgres(tree, fields_of(schema))
    ('(c0 = %s::text) AND (c1 = ANY(%s::bigint[]))', ["it's", [1, 2]])
    """
    if isinstance(node, Condition):
        sql, values = _condition(node, fields[node.column])
        return (f"NOT ({sql})" if node.negated else sql), values
    parts = [to_postgres(child, fields) for child in node.nodes]
    joint = " AND " if isinstance(node, All) else " OR "
    sql = joint.join(f"({part})" for part, _ in parts)
    return sql, [value for _, values in parts for value in values]


def _condition(node: Condition, field: Field) -> tuple[str, list[Any]]:
    key = field.key
    if node.op == "IS NULL":
        return f"{key} IS NULL", []
    values = [literal(value, field) for value in node.values]
    kind = column_type(field).split(" COLLATE")[0]
    if node.op == "ILIKE":  # both sides are folded by us, in one way
        return f"coalesce({key}_low, {key}) LIKE %s::text", [values[0].lower()]
    if node.op == "LIKE":
        return f"{key} LIKE %s::text", values
    if node.op == "IN":
        return f"{key} = ANY(%s::{kind}[])", [values]
    if node.op == "BETWEEN":
        return f"{key} >= %s::{kind} AND {key} <= %s::{kind}", values
    if node.op in ("HAS", "HAS ALL"):
        return f"{key} @> %s::text[]", [values]
    if node.op == "HAS ANY":
        return f"{key} && %s::text[]", [values]
    return f"{key} {node.op} %s::{kind}", values


def has_folded(field: Field) -> bool:
    """Tell whether a column has a folded twin, for ILIKE."""
    return kind_of(field.type) == "string"
