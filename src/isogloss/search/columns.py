"""Evaluate checked filters over the columns of a table, all rows at once.

Gives what `mask.to_mask` gives, row by row and slowly. Columns are read when a filter first names
them and kept: numbers as NumPy arrays, everything else as distinct values and codes, so that a
test of strings runs once for each distinct string.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss.search.mask import value_test
from isogloss.search.typed import All, Condition, Typed, kind_of

Bools = NDArray[np.bool_]

# Bytes of columns kept at hand.
KEPT_BYTES = 256 << 20
_NUMERIC = ("integer", "float", "boolean", "date", "timestamp")
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": np.equal, "<>": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater,
    ">=": np.greater_equal,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Values:
    """Values of a column, or of all lists of one.

    ``numbers`` for kinds that NumPy compares; else ``distinct`` values and the ``code`` of each.
    ``valid`` is False for NULL and NaN.
    """

    valid: Bools
    numbers: NDArray[Any] | None = None
    distinct: pa.Array | None = None
    code: NDArray[np.int32] | None = None
    nbytes: int = 0


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its values, or, for lists, their items and where each list begins."""

    valid: Bools
    values: _Values | None
    starts: NDArray[np.int64] | None
    nbytes: int


class Columns:
    """The columns of a table, for filters.

    Parameters
    ----------
    read : callable
        Gives the column of a name.

    Examples
    --------
    >>> from isogloss.search.grammar import parse
    >>> from isogloss.search.typed import check
    >>> rows = pa.table({"year": [1992, None, 1993]})
    >>> columns = Columns(rows.column)
    >>> columns.mask(check(parse("NOT year < 1993"), rows.schema)).tolist()
    [False, False, True]
    """

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read
        self._kept: OrderedDict[str, _Column] = OrderedDict()

    def mask(self, node: Typed) -> Bools:
        """Tell which passages pass a checked filter.

        Parameters
        ----------
        node : Condition, All or Some

        Returns
        -------
        bool (n,)
        """
        true, _ = self._evaluate(node)
        return true

    def _evaluate(self, node: Typed) -> tuple[Bools, Bools]:
        """Give where a node is true and where it is false; elsewhere it is unknown."""
        if isinstance(node, Condition):
            column = self._column(node.column)
            if node.op == "IS NULL":
                null = ~(column.valid if column.values is None else _valid(column))
                true, false = null, ~null
            else:
                true = _test_column(node, column)
                false = _valid(column) & ~true
            return (false, true) if node.negated else (true, false)
        parts = [self._evaluate(child) for child in node.nodes]
        every = np.logical_and.reduce
        some = np.logical_or.reduce
        join, other = (every, some) if isinstance(node, All) else (some, every)
        return join([true for true, _ in parts]), other([false for _, false in parts])

    def _column(self, name: str) -> _Column:
        known = self._kept.get(name)
        if known is None:
            known = as_column(_whole(self._read(name)))
            self._kept[name] = known
        self._kept.move_to_end(name)
        while sum(one.nbytes for one in self._kept.values()) > KEPT_BYTES and len(self._kept) > 1:
            self._kept.popitem(last=False)
        return known


def _whole(column: Any) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    if not column.num_chunks:
        return pa.array([], column.type)
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def as_column(array: pa.Array) -> _Column:
    """Take a column apart for filters.

    Parameters
    ----------
    array : pyarrow.Array

    Returns
    -------
    _Column

    Examples
    --------
    >>> as_column(pa.array([1.5, float("nan")])).values.valid.tolist()
    [True, False]
    """
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    valid = np.asarray(array.is_valid())
    kind = kind_of(array.type)
    if kind == "list":
        if pa.types.is_fixed_size_list(array.type):
            array = array.cast(pa.list_(array.type.value_type))
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        values = _values(array.flatten(), kind_of(array.type.value_type))
        return _Column(valid, values, starts, values.nbytes + starts.nbytes + valid.nbytes)
    if not kind:
        return _Column(valid, None, None, valid.nbytes)
    values = _values(array, kind)
    return _Column(valid, values, None, values.nbytes + valid.nbytes)


def _values(array: pa.Array, kind: str) -> _Values:
    valid = np.asarray(array.is_valid())
    if kind in _NUMERIC:
        if kind == "timestamp" or pa.types.is_date64(array.type):
            array = array.cast(pa.int64())
        elif pa.types.is_date32(array.type):
            array = array.cast(pa.int32())
        if array.null_count:
            array = array.fill_null(False if kind == "boolean" else 0)
        numbers = array.to_numpy(zero_copy_only=False)
        if kind == "float":
            valid = valid & ~np.isnan(numbers)
        return _Values(valid, numbers=numbers, nbytes=numbers.nbytes + valid.nbytes)
    coded = array.dictionary_encode()
    code = coded.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int32)
    size = code.nbytes + coded.dictionary.nbytes + valid.nbytes
    return _Values(valid, distinct=coded.dictionary, code=code, nbytes=size)


def _valid(column: _Column) -> Bools:
    if column.values is None or column.starts is not None:
        return column.valid
    return column.values.valid


def _test_column(node: Condition, column: _Column) -> Bools:
    values = column.values
    assert values is not None  # filters compare only kinds that have values
    if column.starts is None:
        return _test_values(values, node)
    wanted = node.values if node.op == "HAS ALL" else (node.values,)
    item = node.type.value_type
    result = column.valid.copy()
    for one in wanted:
        several = one if isinstance(one, tuple) else (one,)
        held = _test_values(values, Condition(node.column, item, "IN", several))
        counts = np.concatenate([[0], np.cumsum(held, dtype=np.int64)])
        result &= counts[column.starts[1:]] > counts[column.starts[:-1]]
    return result


def _test_values(values: _Values, node: Condition) -> Bools:
    if values.numbers is not None:
        return _test_numbers(values.numbers, node) & values.valid
    assert values.distinct is not None and values.code is not None
    if not len(values.distinct):
        return np.zeros(len(values.valid), dtype=bool)
    if pa.types.is_string(values.distinct.type) and node.op in ("=", "<>", "IN"):
        same = np.asarray(pc.is_in(values.distinct, pa.array(node.values, values.distinct.type)))
        passes = ~same if node.op == "<>" else same
    else:
        test = value_test(node)
        passes = np.array([test(value) is True for value in values.distinct.to_pylist()])
    return passes[values.code] & values.valid


def _test_numbers(numbers: NDArray[Any], node: Condition) -> Bools:
    if node.op == "IN":
        wanted = np.array(node.values, dtype=numbers.dtype)
        if len(wanted) == 1:
            return np.asarray(numbers == wanted[0])
        return np.isin(numbers, wanted)
    low = numbers.dtype.type(node.values[0])
    if node.op == "BETWEEN":
        return np.asarray((numbers >= low) & (numbers <= numbers.dtype.type(node.values[1])))
    return np.asarray(_COMPARE[node.op](numbers, low))
