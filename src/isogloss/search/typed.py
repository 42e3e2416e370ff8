"""Check a parsed filter against the types of the columns it names."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from isogloss._core.errors import FilterError, nearest
from isogloss.search.grammar import And, Literal, Node, Not, Test, fail

_ORDERED = ("<", "<=", ">", ">=", "BETWEEN")
_EXAMPLES = {
    "string": "'x'",
    "integer": "1993",
    "float": "0.5",
    "decimal": "1.50",
    "boolean": "TRUE",
    "date": "'1993-04-05'",
    "timestamp": "'1993-04-05 12:30:00'",
}
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
    r" ?(Z|z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True, slots=True)
class Condition:
    """One test whose values have the type of its column.

    Parameters
    ----------
    column : str
        The column.
    type : pyarrow.DataType
        Its type; of a dictionary, the type of its values.
    op : str
        ``=  <>  <  <=  >  >=  IN  BETWEEN  LIKE  ILIKE  IS NULL  HAS  HAS ANY  HAS ALL``.
    values : tuple
        str, int, float, bool or Decimal; dates and moments as integers in the column's unit.
    negated : bool
        True for NOT.
    """

    column: str
    type: Any
    op: str
    values: tuple[Any, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """Every one of the nodes holds."""

    nodes: tuple["Typed", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of the nodes holds."""

    nodes: tuple["Typed", ...]


Typed: TypeAlias = Condition | All | Some


def check(node: Node, schema: pa.Schema) -> Typed:
    """Check a filter against columns and give every literal the type of its column.

    NOT is moved down to the tests (De Morgan's laws hold with NULL too) and nested ANDs and ORs
    are joined, so the result is as flat as it can be.

    Parameters
    ----------
    node : Node
        What `parse` gave.
    schema : pyarrow.Schema
        The columns that a filter may name.

    Returns
    -------
    Condition, All or Some
        The typed tree.

    Raises
    ------
    FilterError
        For an unknown column, an operator or a value that does not fit the column's type.

    Examples
    --------
    >>> from isogloss.search.grammar import parse
    >>> schema = pa.schema([("year", pa.int16())])
    >>> check(parse("NOT year < 1993"), schema).negated
    True
    >>> check(parse("yaer = 1"), schema)
    Traceback (most recent call last):
    isogloss._core.errors.FilterError: filter, column 1: no column 'yaer'; did you mean 'year'?
    """
    return _check(node, schema, False)


def _check(node: Node, schema: pa.Schema, negated: bool) -> Typed:
    if isinstance(node, Not):
        return _check(node.node, schema, not negated)
    if isinstance(node, Test):
        return _condition(node, schema, negated)
    kind = All if isinstance(node, And) != negated else Some
    flat: list[Typed] = []
    for child in node.nodes:
        typed = _check(child, schema, negated)
        flat.extend(typed.nodes if isinstance(typed, kind) else (typed,))
    return kind(tuple(flat))


def kind_of(type_: Any) -> str:
    """Name the kind of values that a column holds; empty when filters cannot compare them.

    Examples
    --------
    >>> kind_of(pa.int8()), kind_of(pa.date32()), kind_of(pa.binary())
    ('integer', 'date', '')
    """
    is_ = pa.types
    tests = {
        "string": is_.is_string(type_) or is_.is_large_string(type_),
        "boolean": is_.is_boolean(type_),
        "integer": is_.is_integer(type_),
        "float": is_.is_floating(type_),
        "date": is_.is_date(type_),
        "timestamp": is_.is_timestamp(type_),
        "decimal": is_.is_decimal128(type_),
        "list": is_.is_list(type_) or is_.is_large_list(type_) or is_.is_fixed_size_list(type_),
    }
    return next((kind for kind, holds in tests.items() if holds), "")


def _condition(test: Test, schema: pa.Schema, negated: bool) -> Condition:
    if test.column not in schema.names:
        fail(test.at, f"no column {test.column!r}; {nearest(test.column, schema.names)}")
    if "`" in test.column:
        fail(test.at, f"column {test.column!r} has a backquote in its name: rename it to filter")
    type_ = schema.field(test.column).type
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if test.op == "IS NULL":
        return Condition(test.column, type_, test.op, (), negated)
    kind = kind_of(type_)
    item = type_.value_type if kind == "list" else type_
    _check_operator(test, type_, kind, kind_of(item))
    values = tuple(_value(test, literal, item) for literal in test.values)
    return Condition(test.column, type_, test.op, values, negated)


def _check_operator(test: Test, type_: Any, kind: str, item: str) -> None:
    about = f"column {test.column!r} holds {type_}"
    shown = _named(test.column)
    if test.op.startswith("HAS"):
        if kind != "list":
            fail(test.at, f"{about}, no list: HAS is for lists{_hint(shown, kind)}")
        if item not in ("string", "integer", "float", "boolean"):
            fail(test.at, f"{about}: HAS knows strings, numbers and booleans; {_only_null(shown)}")
    elif kind == "list":
        example = _EXAMPLES.get(item, "'x'")
        fail(test.at, f"{about}: {test.op} is not for lists; write {shown} HAS {example}")
    elif not kind:
        fail(test.at, f"{about}, which filters cannot compare; {_only_null(shown)}")
    elif test.op in ("LIKE", "ILIKE") and kind != "string":
        fail(test.at, f"{about}: {test.op} is for strings{_hint(shown, kind)}")
    elif test.op in _ORDERED and kind == "boolean":
        fail(test.at, f"{about}: {test.op} is not for booleans; write {shown} = TRUE")


def _hint(shown: str, kind: str) -> str:
    return f"; write {shown} = {_EXAMPLES[kind]}" if kind in _EXAMPLES else ""


def _only_null(shown: str) -> str:
    return f"write {shown} IS NULL or {shown} IS NOT NULL"


def _named(column: str) -> str:
    return column if column.isidentifier() else '"' + column.replace('"', '""') + '"'


def _value(test: Test, literal: Literal, type_: Any) -> Any:
    kind, value = kind_of(type_), literal.value
    shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:60] + "..."
    about = f"column {test.column!r} holds {type_}"
    problem = f"give a value such as {_EXAMPLES[kind]}, not {shown}"
    try:
        if test.op in ("LIKE", "ILIKE") and isinstance(value, str):
            return like_pattern(value)
        return _TYPED[kind](value, type_)
    except FilterError as error:
        problem = f"{shown} {error}"
    except (ValueError, OverflowError, ArithmeticError):
        pass  # no value of this type: the message above says so
    return fail(literal.at, f"{about}: {problem}")


def _string(value: Any, type_: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _boolean(value: Any, type_: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _integer(value: Any, type_: Any) -> int:
    if isinstance(value, bool | str) or int(value) != value:
        raise ValueError
    span = np.iinfo(type_.to_pandas_dtype())
    if not span.min <= value <= span.max:
        raise FilterError(f"is out of its range, {span.min} to {span.max}")
    return int(value)


def _float(value: Any, type_: Any) -> float:
    if isinstance(value, bool | str):
        raise ValueError
    with np.errstate(over="ignore"):
        rounded = float(np.dtype(type_.to_pandas_dtype()).type(float(value)))
    if not np.isfinite(rounded):
        raise FilterError("is out of its range")
    return rounded


def _decimal(value: Any, type_: Any) -> Decimal:
    if isinstance(value, bool | str):
        raise ValueError
    exact = Decimal(str(value))
    try:
        pa.scalar(exact, type_)
    except pa.ArrowInvalid:
        raise FilterError("has more digits than that") from None
    return exact


def _moment(value: Any) -> tuple[date, tuple[int, int, int], int, str | None, bool]:
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError
    day = date(int(match[1]), int(match[2]), int(match[3]))
    hour, minute, second = (int(match[part] or 0) for part in (4, 5, 6))
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError
    nanoseconds = int((match[7] or "").ljust(9, "0"))
    return day, (hour, minute, second), nanoseconds, match[8], match[4] is not None


def _date(value: Any, type_: Any) -> int:
    day, _, _, _, timed = _moment(value)
    if timed:
        raise ValueError
    days = (day - date(1970, 1, 1)).days
    return days if pa.types.is_date32(type_) else days * 86_400_000


def _timestamp(value: Any, type_: Any) -> int:
    day, (hour, minute, second), nanoseconds, zone, _ = _moment(value)
    seconds = (day - date(1970, 1, 1)).days * 86_400 + hour * 3600 + minute * 60 + second
    if zone is not None:
        if type_.tz is None:
            raise FilterError("names a zone and the column has none: leave the zone out")
        seconds -= _offset(zone)
    count = _PER_SECOND[type_.unit]
    parts, rest = divmod(nanoseconds * count, 10**9)
    if rest:
        raise FilterError(f"is finer than the column's unit, {type_.unit}")
    whole = seconds * count + parts
    if not -(2**63) < whole < 2**63:
        raise FilterError("is out of its range")
    return whole


def _offset(zone: str) -> int:
    if zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


_TYPED = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "float": _float,
    "decimal": _decimal,
    "date": _date,
    "timestamp": _timestamp,
}


def like_pattern(text: str) -> str:
    r"""Write a LIKE pattern in one way: ``\`` before ``%``, ``_`` and ``\`` that are meant as such.

    A backslash before anything else is itself.

    Examples
    --------
    >>> print(like_pattern(r"a\b%"), like_pattern(r"5\%"))
    a\\b% 5\%
    """
    parts: list[str] = []
    place = 0
    while place < len(text):
        char, follower = text[place], text[place + 1 : place + 2]
        if char == "\\":
            escaped = follower in ("%", "_", "\\") and follower != ""
            parts.append("\\" + (follower if escaped else "\\"))
            place += 1 + escaped
        else:
            parts.append(char)
            place += 1
    return "".join(parts)
