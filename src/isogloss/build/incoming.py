"""Which passages of an atlas a change is about, and which rows of a source it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, ParameterError, nearest
from isogloss.build.documents import id_keys
from isogloss.store import table

_COLUMNS = ["passage", "topic", "id", "content_hash"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some passages of an atlas, by rising number.

    Parameters
    ----------
    passage : int64 (n,)
        Their numbers.
    topic : int32 (n,)
        Their leaves, -1 for none.
    ids : pyarrow.Array
        Their ids.
    hashes : int64 (n,)
        Hashes of their contents.
    """

    passage: NDArray[np.int64]
    topic: NDArray[np.int32]
    ids: pa.Array
    hashes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.passage)

    def take(self, places: NDArray[np.int64]) -> "Rows":
        """Take some of them, by place."""
        ordered = np.sort(places)
        return Rows(
            self.passage[ordered], self.topic[ordered], self.ids.take(pa.array(ordered)),
            self.hashes[ordered],
        )  # fmt: skip


def all_rows(opened: Any, where: str | None = None) -> Rows:
    """Read number, topic, id and hash of the passages of a table.

    Parameters
    ----------
    opened : lancedb.table.Table
    where : str, optional
        A condition that `compile_filter` wrote.
    """
    query = opened.search()
    if where is not None:
        query = query.where(where)
    with table.reading("the table of passages"):
        found = pa.Table.from_batches(
            query.select(_COLUMNS).to_batches(batch_size=4096),
            schema=pa.schema([opened.schema.field(name) for name in _COLUMNS]),
        )
    order = np.argsort(found["passage"].to_numpy(), kind="stable")
    found = found.take(pa.array(order)).combine_chunks()
    return Rows(
        found["passage"].to_numpy(), found["topic"].to_numpy(),
        pa.concat_arrays(found["id"].chunks) if found["id"].num_chunks else
        pa.array([], found.schema.field("id").type),
        found["content_hash"].to_numpy(),
    )  # fmt: skip


def rows_of_ids(rows: Rows, ids: Sequence[Any]) -> tuple[Rows, list[Any]]:
    """Find the passages of documents, and the ids that none has.

    Parameters
    ----------
    rows : Rows
        All passages.
    ids : sequence of str or int
        Ids; one may come twice.

    Returns
    -------
    found : Rows
    missing : list
        Ids that no passage has, in the order given.

    Raises
    ------
    ParameterError
        When an id is of another type than those of the atlas.
    """
    if isinstance(ids, str | bytes) or not isinstance(ids, Sequence | np.ndarray | pa.Array):
        raise ParameterError(f"ids is {type(ids).__name__}: give a list of ids")
    wanted = [_plain_id(value, rows.ids.type) for value in ids]
    # half characters, which no file can hold, are in no id
    asked = pa.array([None if _is_broken(value) else value for value in wanted], rows.ids.type)
    there = pc.is_in(rows.ids, value_set=asked.drop_null()).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(there)
    known = pc.and_(asked.is_valid(), pc.is_in(asked, value_set=rows.ids)).to_pylist()
    missing = [value for value, found in zip(wanted, known, strict=True) if not found]
    return rows.take(places), list(dict.fromkeys(missing))


def _plain_id(value: Any, type_: pa.DataType) -> Any:
    plain = value.as_py() if isinstance(value, pa.Scalar) else value
    if isinstance(plain, np.generic):
        plain = plain.item()
    if pa.types.is_integer(type_):
        fits = isinstance(plain, int) and not isinstance(plain, bool) and -(2**63) <= plain < 2**63
    else:
        fits = isinstance(plain, str)
    if not fits:
        kind = "integers" if pa.types.is_integer(type_) else "strings"
        raise ParameterError(f"id {value!r} cannot be one of this atlas: its ids are {kind}")
    return plain


def _is_broken(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value)


def fitted(column: pa.ChunkedArray, field: pa.Field, atlas: Any) -> pa.Array:
    """Give a column of a source the type that it has in the atlas, where that says the same.

    Columns without any value fit everything; integers fit other integers and floats, floats other
    floats, moments and dates those of other units, as long as nothing is lost. A source in another
    format (JSON for Parquet) often differs in just that.

    Raises
    ------
    AtlasError
        When it does not fit.

    Examples
    --------
    >>> fitted(pa.chunked_array([[1, 2]]), pa.field("year", pa.int16()), "a.atlas").type
    DataType(int16)
    >>> moments = pa.chunked_array([pa.array([5000], pa.timestamp("ms"))])
    >>> fitted(moments, pa.field("at", pa.timestamp("s")), "a.atlas").type
    TimestampType(timestamp[s])
    """
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], column.type)
    type_, given = field.type, column.type
    if given == type_:
        return whole
    if column.null_count == len(column):
        return pa.nulls(len(column), type_)
    is_ = pa.types
    try:
        if is_.is_integer(given) and (is_.is_integer(type_) or is_.is_floating(type_)):
            return whole.cast(type_)
        if is_.is_floating(given) and is_.is_floating(type_):
            return whole.cast(type_)
        if _differs_in_layout(given, type_):
            return whole.cast(type_)
    except pa.ArrowInvalid as error:
        reason = " ".join(str(error).split())[:100]
        raise AtlasError(
            f"attribute {field.name!r} does not fit the {type_} of {atlas}: {reason}"
        ) from error
    raise AtlasError(
        f"attribute {field.name!r} is {given} in the source and {type_} in {atlas}: make them alike"
    )


def _differs_in_layout(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Tell whether two types hold the same kind of values, written in another way."""
    is_ = pa.types
    if is_.is_timestamp(given) and is_.is_timestamp(wanted):
        return bool(given.tz == wanted.tz)
    return any(
        kind(given) and kind(wanted)
        for kind in (
            is_.is_date,
            is_.is_time,
            is_.is_duration,
            lambda type_: is_.is_string(type_) or is_.is_large_string(type_),
            lambda type_: is_.is_list(type_) or is_.is_large_list(type_),
        )
    )


def check_attributes(source: pa.Schema, names: Sequence[str], atlas: Any) -> None:
    """Refuse a source that lacks an attribute of the atlas, or has one more.

    Raises
    ------
    AtlasError
        Naming it.
    """
    for name in [*names, *source.names]:
        if name not in source.names:
            raise AtlasError(
                f"attribute {name!r} of {atlas} is missing in the source: give whole documents"
            )
        if name not in names:
            raise AtlasError(f"{atlas} has no attribute {name!r}; {nearest(name, names)}")


class Replacements:
    """Takes the rows of a source that replace documents of an atlas, and what they replace.

    Parameters
    ----------
    rows : Rows
        All passages of the atlas.
    add_new : bool
        Take rows with new ids too.

    Attributes
    ----------
    replaced : list of int
        Places of the passages in `rows` that go.
    added, unchanged : int
        Rows with new ids; rows that the atlas holds as they are.
    unknown : list
        The first new ids, where they are not wanted.
    """

    SHOWN = 3

    def __init__(self, rows: Rows, *, add_new: bool) -> None:
        keys = id_keys(rows.ids.to_pylist())
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._hashes = rows.hashes
        self._add_new = add_new
        self.replaced: list[int] = []
        self.added = self.updated = self.unchanged = self.unknown_total = 0
        self.unknown: list[Any] = []
        self.gone = self.left_out = 0

    def is_new(
        self, ids: list[Any], hashes: NDArray[np.int64], *, rows: list[int]
    ) -> NDArray[np.bool_]:
        """Tell which documents are taken: bool (n,). The source gives each id once."""
        keys = id_keys(ids)
        taken = np.zeros(len(keys), dtype=bool)
        low = np.searchsorted(self._keys, keys, side="left")
        high = np.searchsorted(self._keys, keys, side="right")
        for place in range(len(keys)):
            held = self._order[low[place] : high[place]]
            if not len(held):
                self._meet_new(ids[place])
                taken[place] = self._add_new
            elif len(held) == 1 and self._hashes[held[0]] == hashes[place]:
                self.unchanged += 1
            else:
                self.replaced += held.tolist()
                self.updated += 1
                taken[place] = True
        return taken

    def _meet_new(self, value: Any) -> None:
        if self._add_new:
            self.added += 1
            return
        self.unknown_total += 1
        if len(self.unknown) < self.SHOWN:
            self.unknown.append(value)

    def require_known(self, atlas: Any) -> None:
        """Refuse new ids where they are not wanted.

        Raises
        ------
        AtlasError
            Naming the first ones.
        """
        if self.unknown_total:
            shown = ", ".join(repr(value) for value in self.unknown)
            more = ", ..." if self.unknown_total > len(self.unknown) else ""
            one = self.unknown_total == 1
            raise AtlasError(
                f"{self.unknown_total:,} {'row has an id' if one else 'rows have ids'} that "
                f"{atlas} does not hold ({shown}{more}); nothing was changed: --add-new "
                "(add_new=True) adds them"
            )
