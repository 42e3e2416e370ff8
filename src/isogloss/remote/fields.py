"""The columns that filters may name, in a form that every server can hold exactly.

Whole numbers, dates, moments and decimals are whole numbers here; servers that compare them as
floats get them in limbs of 32 bits. NaN is null. Elements of lists are strings.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from isogloss.search.typed import kind_of

_LIMB = 32
LARGEST = 1.7976931348623157e308  # stands for infinity, which JSON cannot say
FIXED = ("id", "topic")


@dataclass(frozen=True, slots=True)
class Field:
    """One column.

    Parameters
    ----------
    name : str
    key : str
        Its name in the server: ``c`` and its number, so that no name needs quoting.
    type : pyarrow.DataType
    kind : str
        Of `isogloss.search.typed.kind_of`; empty when only NULL can be asked for.
    limbs : int
        Limbs of 32 bits that hold its whole numbers; 0 for other kinds.

    Examples
    --------
    >>> fields_of(pa.schema([("year", pa.int64())]))["year"].limbs
    2
    """

    name: str
    key: str
    type: Any
    kind: str
    limbs: int


def fields_of(schema: pa.Schema) -> dict[str, Field]:
    """Describe columns by name, numbered in their order."""
    found = {}
    for place, field in enumerate(schema):
        type_ = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        kind = kind_of(type_)
        if kind == "list" and kind_of(type_.value_type) not in _ITEMS:
            kind = ""
        found[field.name] = Field(field.name, f"c{place}", type_, kind, _limbs(type_, kind))
    return found


_ITEMS = ("string", "integer", "float", "boolean")


def _limbs(type_: Any, kind: str) -> int:
    if kind == "decimal":
        return 4
    if kind == "timestamp" or pa.types.is_date64(type_):
        return 2
    if kind == "date":
        return 1
    if kind == "integer":
        return 2 if type_.bit_width == 64 else 1
    return 0


def plain_values(column: Any, field: Field) -> list[Any]:
    """Give a column's values: str, bool, int, float or a list of str; None for null and NaN.

    Examples
    --------
    >>> import datetime as dt
    >>> table = pa.table({"day": [dt.date(1970, 1, 3)], "x": [float("nan")]})
    >>> fields = fields_of(table.schema)
    >>> [plain_values(table[name], fields[name]) for name in fields]
    [[2], [None]]
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not field.kind:
        return [None if value is None else True for value in column.to_pylist()]
    if field.kind == "timestamp" or pa.types.is_date64(field.type):
        return list(column.cast(pa.int64()).to_pylist())
    if field.kind == "date":
        return list(column.cast(pa.int32()).to_pylist())
    values = column.to_pylist()
    if field.kind == "decimal":
        return [None if value is None else scaled(value, field.type) for value in values]
    if field.kind == "float":
        return [None if value is None or math.isnan(value) else value for value in values]
    if field.kind == "list":
        return [None if value is None else _items(value) for value in values]
    return list(values)


def _items(value: Sequence[Any]) -> list[str]:
    nan = (one is None or (isinstance(one, float) and math.isnan(one)) for one in value)
    return [item_code(one) for one, left_out in zip(value, nan, strict=True) if not left_out]


def item_code(value: Any) -> str:
    """Write an element of a list as a string that is equal where the value is.

    Examples
    --------
    >>> item_code(True), item_code(-0.0), item_code(3), item_code("x")
    ('true', '0.0', '3', 'x')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value + 0.0)
    return str(value)


def scaled(value: Decimal, type_: Any) -> int:
    """Give a decimal as a whole number of its last places.

    Examples
    --------
    >>> scaled(Decimal("-2.25"), pa.decimal128(10, 2))
    -225
    """
    sign, digits, exponent = value.as_tuple()
    places = int(exponent) + int(type_.scale)
    whole = int("".join(map(str, digits)) or "0") * int(10**places)
    return -whole if sign else whole


def literal(value: Any, field: Field) -> Any:
    """Give a filter's typed value in the form of `plain_values`; of a list, one element."""
    if field.kind == "decimal":
        return scaled(value, field.type)
    if field.kind == "list":
        return item_code(value)
    return value


def split(value: int, limbs: int) -> list[int]:
    """Cut a whole number into limbs, the signed one first; their order is that of the numbers.

    Examples
    --------
    >>> split(-1, 2), split(2**32 + 5, 2)
    ([-1, 4294967295], [1, 5])
    """
    mask = (1 << _LIMB) - 1
    low = [(value >> (_LIMB * place)) & mask for place in range(limbs - 1)]
    return [value >> (_LIMB * (limbs - 1)), *reversed(low)]


def join(limbs: Sequence[int]) -> int:
    """Undo `split`.

    Examples
    --------
    >>> join(split(-(2**63), 2)) == -(2**63)
    True
    """
    value = 0
    for limb in limbs:
        value = (value << _LIMB) + limb
    return value


def to_column(values: Sequence[Any], field: Field) -> Any:
    """Undo `plain_values`, for filters: an Arrow array of the column's type.

    Elements of lists that were null or NaN are not given back; no test asks for them.

    Examples
    --------
    >>> field = fields_of(pa.schema([("day", pa.date32())]))["day"]
    >>> str(to_column([2], field)[0])
    '1970-01-03'
    """
    if not field.kind:
        # only NULL is asked for, so any value of any type will do
        return pa.array([None if value is None else True for value in values], pa.bool_())
    if field.kind in ("timestamp", "date"):
        whole = pa.int32() if pa.types.is_date32(field.type) else pa.int64()
        return pa.array(values, whole).cast(field.type)
    if field.kind == "decimal":
        given = [None if v is None else Decimal(v).scaleb(-field.type.scale) for v in values]
        return pa.array(given, field.type)
    if field.kind == "list":
        item = field.type.value_type
        read = _READ[kind_of(item)]
        rows = [None if row is None else [read(code) for code in row] for row in values]
        return pa.array(rows, pa.list_(item))
    if pa.types.is_float16(field.type):
        import numpy as np

        return pa.array([None if v is None else np.float16(v) for v in values], field.type)
    return pa.array(values, field.type)


_READ: dict[str, Any] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": lambda code: code == "true",
}
