"""Attributes as colours of a map: what kind each is, and a code or a number for every passage."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss._core.errors import ColumnError, nearest
from isogloss.app.web.asgi import Refusal
from isogloss.app.web.exact import exact
from isogloss.app.web.shapes import LIMITS
from isogloss.app.web.view import Points
from isogloss.search.results import json_columns
from isogloss.search.typed import kind_of
from isogloss.store.table import scan
from isogloss.topics.times import read_times

# Texts with more different values than this, or longer ones, are no categories.
MOST_DISTINCT = 1000
LONGEST_CATEGORY = 200
# Columns whose values are kept at hand.
KEPT = 8
NULL, OTHER = -1, -2
_KINDS = {
    "boolean": "category", "integer": "number", "float": "number", "decimal": "number",
    "date": "time", "timestamp": "time", "list": "list",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Values:
    """An attribute of all passages.

    Parameters
    ----------
    kind : {"category", "number", "time"}
    codes : int8 (n,) or float32 (n,)
        For a category its place among the most frequent, -1 for null, -2 for all others; else
        0..1 between `low` and `high`, NaN for null.
    categories : list of (value, count)
        The most frequent, equal counts by value.
    others, nulls : int
        Passages with another value, and without one.
    low, high : number, ISO time or None
    quantiles : list of float
        21 of them, in 0..1.
    """

    kind: str
    codes: NDArray[Any]
    categories: list[tuple[Any, int]]
    others: int
    nulls: int
    low: Any = None
    high: Any = None
    quantiles: tuple[float, ...] = ()


class Attributes:
    """The attributes of the passages of one table; read when first asked for.

    Parameters
    ----------
    points : Points
    """

    def __init__(self, points: Points) -> None:
        self.points = points
        self.names: list[str] = list(points.atlas.manifest.attributes)
        self._lock = Lock()
        self._about: list[dict[str, Any]] | None = None
        self._kept: OrderedDict[str, Values] = OrderedDict()

    def about(self) -> list[dict[str, Any]]:
        """Give name, type, kind and number of different values of each."""
        with self._lock:
            if self._about is None:
                self._about = self._looked()
            return self._about

    def one(self, name: str) -> dict[str, Any]:
        """Give what `about` says of one attribute.

        Raises
        ------
        ColumnError
            When there is none of that name.
        """
        for entry in self.about():
            if entry["name"] == name:
                return entry
        raise ColumnError(f"the atlas has no attribute {name!r}; {nearest(name, self.names)}")

    def values(self, name: str) -> Values:
        """Give an attribute of all passages.

        Raises
        ------
        ColumnError
            When there is none of that name.
        Refusal
            400 when it is no category, number or time.
        """
        kind = self.one(name)["kind"]
        if kind not in ("category", "number", "time"):
            raise Refusal(
                400, "bad_request", f"attribute {name!r} is of kind {kind}: it gives no colours"
            )
        with self._lock:
            known = self._kept.get(name)
            if known is None:
                column = self.points.column(name)
                read = categories_of if kind == "category" else numbers_of
                known = self._kept[name] = read(column, kind)
            self._kept.move_to_end(name)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return known

    def reply(self, name: str) -> dict[str, Any]:
        """Give what the codes of an attribute mean."""
        entry = self.one(name)
        told = {"name": name, "kind": entry["kind"], "type": entry["type"]}
        if entry["kind"] in ("category", "number", "time"):
            values = self.values(name)
            found = [{"value": value, "count": count} for value, count in values.categories]
            return told | {
                "categories": found, "others": values.others, "nulls": values.nulls,
                "low": exact(values.low), "high": exact(values.high),
                "quantiles": list(values.quantiles),
            }  # fmt: skip
        return told | {
            "categories": [], "others": 0, "nulls": self.points.column(name).null_count,
            "low": None, "high": None, "quantiles": [],
        }  # fmt: skip

    def _looked(self) -> list[dict[str, Any]]:
        """Look at the columns of texts, once, with bounded memory."""
        schema = self.points.atlas.schema
        types = {name: _plain(schema.field(name).type) for name in self.names}
        texts = [name for name in self.names if kind_of(types[name]) in ("string", "boolean")]
        counted = _distinct(self.points, texts) if texts and len(self.points) else {}
        return [
            {
                "name": name,
                "type": str(schema.field(name).type),
                "kind": self._kind(name, types[name], counted.get(name)),
                "distinct": None if counted.get(name) is None else len(counted[name] or ()),
            }
            for name in self.names
        ]

    def _kind(self, name: str, type_: Any, values: set[str] | None) -> str:
        kind = kind_of(type_)
        if kind != "string":
            return _KINDS.get(kind, "other")
        if values is not None:
            if values and _are_times(values):
                return "time"
            many = len(values) > 20 and len(values) > len(self.points) / 2
            return "text" if many else "category"
        return "text"


def _plain(type_: Any) -> Any:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _distinct(points: Points, names: list[str]) -> dict[str, set[str] | None]:
    """Collect the different values of columns; None where there are too many or too long ones."""
    found: dict[str, set[Any] | None] = {name: set() for name in names}
    table = points.atlas.table
    for batch in scan(table, names, batch_size=65_536):
        for name in names:
            held = found[name]
            if held is None:
                continue
            column = batch.column(name)
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            values = [value for value in pc.unique(column).to_pylist() if value is not None]
            held.update(values)
            long = any(isinstance(value, str) and len(value) > LONGEST_CATEGORY for value in values)
            if long or len(held) > MOST_DISTINCT:
                found[name] = None
    return found


def _are_times(values: set[Any]) -> bool:
    if not all(isinstance(value, str) for value in values):
        return False
    try:
        read_times(pa.array(sorted(values), pa.string()), "")
    except ColumnError:
        return False
    return any(value.strip() for value in values)


def categories_of(column: Any, kind: str = "category") -> Values:
    """Code a column by its most frequent values.

    Examples
    --------
    >>> values = categories_of(pa.chunked_array([["b", "a", "b", None]]))
    >>> values.categories, values.codes.tolist()
    ([('b', 2), ('a', 1)], [0, 1, 0, -1])
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    coded = array.dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    values: list[Any] = coded.dictionary.to_pylist()
    places = coded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    counts = np.bincount(places, minlength=len(values) + 1)
    order = sorted(range(len(values)), key=lambda n: (-int(counts[n]), values[n]))
    code = np.full(len(values) + 1, OTHER, dtype=np.int8)
    code[len(values)] = NULL
    first = order[: LIMITS["categories"]]
    code[first] = np.arange(len(first), dtype=np.int8)
    kept = [(values[n], int(counts[n])) for n in first]
    others = sum(int(counts[n]) for n in order[LIMITS["categories"] :])
    return Values(kind, code[places], kept, others, int(counts[len(values)]))


def numbers_of(column: Any, kind: str) -> Values:
    """Scale numbers or times to 0..1.

    Infinite numbers count as the lowest and highest that are finite.

    Examples
    --------
    >>> values = numbers_of(pa.chunked_array([[1990, None, 2000]]), "number")
    >>> values.codes.tolist(), values.low, values.high
    ([0.0, nan, 1.0], 1990, 2000)
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())
    times = read_times(array, "") if kind == "time" else None
    if times is not None:
        empty = np.isnat(times)
        numbers = times.astype("datetime64[us]").astype(np.int64).astype(np.float64)
        numbers[empty] = np.nan
    else:
        numbers = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    finite = np.isfinite(numbers)
    nulls = int(np.isnan(numbers).sum())
    if not finite.any():
        return Values(kind, np.full(len(numbers), np.nan, np.float32), [], 0, nulls)
    low, high = float(numbers[finite].min()), float(numbers[finite].max())
    span = (high / 2 - low / 2) or 1.0  # halves: the difference itself may overflow
    scaled = ((numbers.clip(low, high) / 2 - low / 2) / span).astype(np.float32)
    quantiles = np.quantile(scaled[finite].astype(np.float64), np.linspace(0, 1, 21))
    least, most = (int(np.flatnonzero(numbers == edge)[0]) for edge in (low, high))
    names = _named(array, times, [least, most])
    if pa.types.is_integer(array.type):  # above 2**53 several are the same as floats
        names = list(pc.min_max(array).as_py().values())
    return Values(
        kind, scaled, [], 0, nulls, names[0], names[1], tuple(quantiles.clip(0, 1).tolist())
    )


def _named(array: Any, times: Any, rows: list[int]) -> list[Any]:
    """Write single values for people and JSON."""
    if times is not None and not pa.types.is_temporal(array.type):
        return [str(times[row]) for row in rows]
    return json_columns(pa.table({"x": array.take(pa.array(rows))}), ["x"])["x"]
