"""Types of columns: found in records that have none, and brought to what an atlas can hold."""

import datetime
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_TIME = re.compile(_CLOCK + r"\Z")
_ZULU = re.compile(_CLOCK + r"Z\Z")
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
# Types whose values are there, or None.
_NEVER_MISSING = {type(None), str, int, bool, list, dict}


def storable(kind: pa.DataType) -> pa.DataType:
    """Give the nearest type that an atlas can hold; JSON text where there is none.

    Examples
    --------
    >>> storable(pa.dictionary(pa.int8(), pa.large_string())), storable(pa.null())
    (DataType(string), DataType(string))
    """
    if pa.types.is_dictionary(kind):
        return storable(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = storable(kind.value_type)
        return pa.string() if pa.types.is_nested(inner) else pa.list_(inner)
    if pa.types.is_decimal(kind):
        return pa.float64()
    plain = (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
        or pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
    )  # fmt: skip
    return kind if plain else pa.string()


def to_storable(column: pa.Array, target: pa.DataType) -> tuple[pa.Array, int]:
    """Bring a column to a type that an atlas can hold.

    Returns
    -------
    (pyarrow.Array, int)
        The column, and how many values did not fit and became null.

    Examples
    --------
    >>> to_storable(pa.array([{"a": 1}]), pa.string())[0].to_pylist()
    ['{"a": 1}']
    """
    if column.type == target and not pa.types.is_string(target):
        return column, 0
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(target) and not _is_text(column.type):
        values = column.to_pylist()
        return pa.array([None if v is None else _as_text(v) for v in values], pa.string()), 0
    try:
        if pa.types.is_string(target):
            # Through bytes, because that is where UTF-8 is checked.
            return pc.cast(pc.cast(column, pa.binary()), pa.string()), 0
        return pc.cast(column, target), 0
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if pa.types.is_nested(target):
            return fit_values(column.to_pylist(), target)
        return _value_by_value(column, target)


def _value_by_value(column: pa.Array, target: pa.DataType) -> tuple[pa.Array, int]:
    if pa.types.is_string(target):
        raw = pc.cast(column, pa.binary()).to_pylist()
        texts = [None if v is None else v.decode("utf-8", "replace") for v in raw]
        changed = sum(
            v is not None and t.encode() != v for v, t in zip(raw, texts, strict=True) if t
        )
        return pa.array(texts, pa.string()), changed
    values = []
    lost = 0
    for item in column:
        try:
            values.append(pc.cast(item, target).as_py())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            values.append(None)
            lost += 1
    return pa.array(values, target), lost


def _is_text(kind: pa.DataType) -> bool:
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(binary or text or pa.types.is_string_view(kind))


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.generic):
        return _as_text(value.item())
    if not isinstance(value, dict | list | tuple | bool | int | float):
        return whole_text(_spelt(value) or "")
    return whole_text(json.dumps(value, ensure_ascii=False, default=_spelt))


def _spelt(value: Any) -> str | None:
    """Write a value that JSON does not know: dates and times in ISO form, others as `str` does."""
    if is_missing(value):
        return None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def whole_text(text: str) -> str:
    r"""Replace what UTF-8 cannot hold (halves of surrogate pairs) by U+FFFD.

    Examples
    --------
    >>> whole_text("a\ud800b")
    'a\ufffdb'
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def is_missing(value: Any) -> bool:
    """Tell whether Python has no value here: None, `NaT` and `NA` of pandas and NumPy, and NaN.

    Examples
    --------
    >>> is_missing(float("nan")), is_missing(np.datetime64("NaT")), is_missing("nan")
    (True, True, False)
    """
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    # By name: pandas need not be installed, and `NA != NA` is no truth value.
    return type(value).__name__ in ("NaTType", "NAType")


def _given(values: Sequence[Any]) -> list[Any]:
    """Give the values that are there; the usual kinds, JSON's, are told apart at once."""
    if set(map(type, values)) <= _NEVER_MISSING:
        return [value for value in values if value is not None]
    return [value for value in values if not is_missing(value)]


def infer_json(values: Sequence[Any]) -> pa.DataType:
    """Find the narrowest type for values of one field of JSON records; NaN is a number among them.

    Examples
    --------
    >>> infer_json([1, None, 2.5]), infer_json([1, "a"]), infer_json([["x"], []])
    (DataType(double), DataType(string), ListType(list<item: string>))
    >>> infer_json([1, float("nan")]), infer_json(["a", float("nan")])
    (DataType(double), DataType(string))
    """
    given = _given(values)
    kinds = {type(value) for value in given}
    has_nan = len(given) < len(values) and any(isinstance(value, float) for value in values)
    if has_nan and kinds <= {int, float}:
        return pa.float64()
    if not kinds or kinds == {str}:
        return pa.string()
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        fits = all(-(2**63) <= value < 2**63 for value in given)
        return pa.int64() if fits else pa.string()
    if kinds <= {int, float}:
        return pa.float64()
    if kinds == {list}:
        inner = infer_json([item for value in given for item in value])
        return pa.string() if pa.types.is_nested(inner) else pa.list_(inner)
    return pa.string()


def infer_csv(values: Sequence[str | None]) -> pa.DataType:
    """Find the narrowest type for strings of one CSV column; "007" stays a string.

    Examples
    --------
    >>> infer_csv(["1", None]), infer_csv(["007"]), infer_csv(["2024-01-31"])
    (DataType(int64), DataType(string), DataType(date32[day]))
    """
    given = [value for value in values if value is not None]
    if not given:
        return pa.string()
    tests = [
        (pa.int64(), _INT),
        (pa.float64(), _FLOAT),
        (pa.date32(), _DATE),
        (pa.timestamp("us"), _TIME),
        (pa.timestamp("us", "UTC"), _ZULU),
    ]
    for kind, pattern in tests:
        if kind == pa.float64() and any(_LEADING_ZERO.match(value) for value in given):
            continue
        if all(pattern.match(value) for value in given):
            return kind
    if all(value.lower() in ("true", "false") for value in given):
        return pa.bool_()
    return pa.string()


def fit_values(values: list[Any], kind: pa.DataType) -> tuple[pa.Array, int]:
    """Make an array of a type; values that do not fit become null and are counted.

    Values that are missing become null and are not counted; NaN stays where the type has one.

    Examples
    --------
    >>> array, lost = fit_values([1, "x", None], pa.int64())
    >>> array.to_pylist(), lost
    ([1, None, None], 1)
    """
    keeps = float if pa.types.is_floating(kind) else ()
    if not {one for one in set(map(type, values)) if one != keeps} <= _NEVER_MISSING:
        values = [None if is_missing(v) and not isinstance(v, keeps) else v for v in values]
    if pa.types.is_string(kind):
        return pa.array([None if v is None else _as_text(v) for v in values], kind), 0
    try:
        if all(value is None or isinstance(value, str) for value in values):
            return pc.cast(pa.array(values, pa.string()), kind), 0
        if not any(isinstance(value, bool) for value in values) or pa.types.is_boolean(kind):
            return pa.array(values, kind), 0
    except (pa.ArrowException, TypeError, OverflowError):
        pass  # value by value, so that one that does not fit costs only itself
    lost = 0
    fitted = []
    for value in values:
        one = None if value is None else _fit(value, kind)
        lost += value is not None and one is None
        fitted.append(one)
    return pa.array(fitted, kind), lost


def _fit(value: Any, kind: pa.DataType) -> Any:
    try:
        if isinstance(value, str) and not pa.types.is_nested(kind):
            return pc.cast(pa.scalar(value.strip()), kind).as_py()
        if pa.types.is_integer(kind) and isinstance(value, bool | float):
            return None
        if pa.types.is_floating(kind) and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
            value = [None if is_missing(item) else _as_text(item) for item in value]
        return pa.scalar(value, kind).as_py()
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError,
            OverflowError, ValueError):  # fmt: skip
        return None
