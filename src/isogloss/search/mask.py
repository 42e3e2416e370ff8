"""Evaluate a checked filter over an Arrow table, plainly: the reference for what Lance gives."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss.search.typed import All, Condition, Typed, kind_of

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def to_mask(node: Typed, table: pa.Table) -> NDArray[np.bool_]:
    """Tell which rows of a table pass a checked filter.

    NULL and NaN make a test neither true nor false, as in SQL; a row passes when the whole
    filter is true.

    Parameters
    ----------
    node : Condition, All or Some
        What `check` gave.
    table : pyarrow.Table
        Holds the columns that the filter names.

    Returns
    -------
    bool (n,)
        True for the rows that pass.

    Examples
    --------
    >>> from isogloss.search.grammar import parse
    >>> from isogloss.search.typed import check
    >>> table = pa.table({"year": [1992, 1993, None]})
    >>> to_mask(check(parse("NOT year < 1993"), table.schema), table).tolist()
    [False, True, False]
    """
    return np.array([value is True for value in _evaluate(node, table)], dtype=bool)


def _evaluate(node: Typed, table: pa.Table) -> list[bool | None]:
    if isinstance(node, Condition):
        test = value_test(node)
        values = [test(value) for value in _column(table.column(node.column))]
        return [None if v is None else not v for v in values] if node.negated else values
    parts = [_evaluate(child, table) for child in node.nodes]
    decisive = not isinstance(node, All)  # one true decides an OR, one false an AND
    return [_join(row, decisive) for row in zip(*parts, strict=True)]


def _join(row: tuple[bool | None, ...], decisive: bool) -> bool | None:
    if decisive in row:
        return decisive
    return None if None in row else not decisive


def _column(column: pa.ChunkedArray) -> list[Any]:
    if kind_of(column.type) == "timestamp" or pa.types.is_date64(column.type):
        column = column.cast(pa.int64())
    elif pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    values = column.to_pylist()
    return [None if isinstance(v, float) and math.isnan(v) else v for v in values]


def value_test(node: Condition) -> Callable[[Any], bool | None]:
    """Give a test of single values, its `negated` left aside; NULL gives None.

    Parameters
    ----------
    node : Condition

    Returns
    -------
    callable

    Examples
    --------
    >>> value_test(Condition("label", pa.string(), "LIKE", ("sci.%",)))("sci.space")
    True
    """
    values = node.values
    if node.op == "IS NULL":
        return lambda value: value is None
    if node.op in ("LIKE", "ILIKE"):
        return _like(values[0], node.op == "ILIKE")
    tests: dict[str, Callable[[Any], bool]] = {
        "IN": lambda value: value in values,
        "BETWEEN": lambda value: bool(values[0] <= value <= values[1]),
        "HAS": lambda value: values[0] in value,
        "HAS ANY": lambda value: any(wanted in value for wanted in values),
        "HAS ALL": lambda value: all(wanted in value for wanted in values),
    }
    test = tests.get(node.op) or (lambda value: _COMPARE[node.op](value, values[0]))
    return lambda value: None if value is None else test(value)


def _like(pattern: str, folded: bool) -> Callable[[Any], bool | None]:
    parts = re.findall(r"\\.|.", pattern.lower() if folded else pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    regex = re.compile("".join(wild.get(p) or re.escape(p[-1]) for p in parts), re.DOTALL)

    def test(value: Any) -> bool | None:
        if value is None:
            return None
        return regex.fullmatch(value.lower() if folded else value) is not None

    return test
