"""Topics of passages before and after an edit: only rows that cannot be foreseen are kept.

A record leads from the topics that are there to those that are wanted. It foresees that a passage
goes to the topic that stands for its own (`number`) and keeps the strengths on its path, cut to the
length of the new one. Where that is wrong, the record holds the passage's row.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError
from isogloss._core.files import is_refusal

ROWS = "rows.parquet"
Ints = NDArray[np.int64]
_SCHEMA = pa.schema(
    [
        ("passage", pa.int64()),
        ("topic", pa.int32()),
        ("memberships", pa.list_(pa.float32())),
    ]
)


class Rows(NamedTuple):
    """Topics of some passages.

    Attributes
    ----------
    topic : int32 (n,)
        Leaf topic, -1 for none.
    start, length : int64 (n,)
        Where a passage's strengths are in `strength`.
    strength : float32 (m,)
        From root to leaf.
    """

    topic: NDArray[np.int32]
    start: Ints
    length: Ints
    strength: NDArray[np.float32]

    @classmethod
    def of(cls, topic: Any, memberships: Any) -> "Rows":
        """Take them out of Arrow columns."""
        offsets = memberships.offsets.to_numpy().astype(np.int64)
        strength = np.asarray(memberships.values.to_numpy(), dtype=np.float32)
        return cls(topic.to_numpy().astype(np.int32), offsets[:-1], np.diff(offsets), strength)

    @classmethod
    def assigned(cls, labels: NDArray[np.int32], membership: Any) -> "Rows":
        """Take them out of what `TopicModel.assign` gives."""
        start = membership.indptr.astype(np.int64)
        strength = membership.data.astype(np.float32)
        return cls(labels.astype(np.int32), start[:-1], np.diff(start), strength)

    def packed(self) -> "Rows":
        """Put the strengths one after the other, in the order of the rows."""
        start = np.cumsum(self.length) - self.length
        places = np.repeat(self.start - start, self.length) + np.arange(int(self.length.sum()))
        return Rows(self.topic, start, self.length, self.strength[places])

    def take(self, which: NDArray[Any]) -> "Rows":
        """Take some rows."""
        return Rows(self.topic[which], self.start[which], self.length[which], self.strength)

    def columns(self) -> dict[str, pa.Array]:
        """Give the columns of the table of passages."""
        rows = self.packed()
        ends = np.concatenate([rows.start, [len(rows.strength)]]).astype(np.int32)
        own = np.zeros(len(rows.topic), dtype=np.float32)
        inside = np.flatnonzero(rows.length)
        own[inside] = rows.strength[(rows.start + rows.length - 1)[inside]]
        return {
            "topic": pa.array(rows.topic, pa.int32()),
            "membership": pa.array(own, pa.float32()),
            "memberships": pa.ListArray.from_arrays(pa.array(ends), pa.array(rows.strength)),
        }


def joined(first: Rows, second: Rows) -> Rows:
    """Put rows after others, over one array of strengths."""
    return Rows(
        np.concatenate([first.topic, second.topic]),
        np.concatenate([first.start, second.start + len(first.strength)]),
        np.concatenate([first.length, second.length]),
        np.concatenate([first.strength, second.strength]),
    )


def foreseen(now: Rows, number: NDArray[np.int32], lengths: Ints) -> tuple[Rows, NDArray[np.bool_]]:
    """Give the rows that are to be expected, and which of them can be.

    Parameters
    ----------
    now : Rows
        As they are.
    number : int32 (t,)
        The wanted topic that stands for each topic that is there; -1 where none does.
    lengths : int64 (u,)
        Length of the path to each wanted topic.

    Returns
    -------
    rows : Rows
    known : bool (n,)
        False where nothing can be foreseen.
    """
    none = now.topic < 0
    topic = np.append(number, np.int32(-1))[now.topic]
    length = np.append(lengths, np.int64(0))[topic]
    known = none | ((topic >= 0) & (length <= now.length))
    return Rows(topic, now.start, np.where(known, length, 0), now.strength), known


def unlike(found: Rows, known: NDArray[np.bool_], wanted: Rows) -> NDArray[np.intp]:
    """Give the places of rows that differ, in topic or in any bit of a strength."""
    same = known & (found.topic == wanted.topic) & (found.length == wanted.length)
    places = np.flatnonzero(same)
    a, b = found.take(places).packed(), wanted.take(places).packed()
    owner = np.repeat(places, a.length)
    same[owner[a.strength.view(np.uint32) != b.strength.view(np.uint32)]] = False
    return np.flatnonzero(~same)


def inverse(number: NDArray[np.int32], topics: int) -> NDArray[np.int32]:
    """Turn a numbering around: -1 for topics that none, or several, lead to.

    Examples
    --------
    >>> inverse(np.array([0, 1, 1, 2], dtype=np.int32), 4).tolist()
    [0, -1, 3, -1]
    """
    held = np.flatnonzero(number >= 0)
    counts = np.bincount(number[held], minlength=topics)
    back = np.full(topics, -1, dtype=np.int32)
    back[number[held]] = held
    back[counts != 1] = -1
    return back


def back_numbers(renumbered: NDArray[np.int32], parent: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give the old topic that stands for each new one; parts stand below the topic they part.

    Parameters
    ----------
    renumbered : int32 (t,)
        New number of each old topic.
    parent : int32 (u,)
        Of the new tree.
    """
    back = inverse(renumbered, len(parent))
    told = np.isin(np.arange(len(parent)), renumbered)
    for topic in np.flatnonzero(~told).tolist():
        above = int(parent[topic])
        while above >= 0 and not told[above]:
            above = int(parent[above])
        back[topic] = back[above] if above >= 0 else -1
    return back


def path_lengths(depth: NDArray[np.int32]) -> Ints:
    """Give the number of topics on the path to each."""
    return depth.astype(np.int64) + 1


class RowWriter:
    """Writes the rows of a record, batch by batch.

    Parameters
    ----------
    path : Path
        The Parquet file to make.
    number, lengths
        As for `foreseen`.
    """

    def __init__(self, path: Path, number: NDArray[np.int32], lengths: Ints) -> None:
        self._number, self._lengths = number, lengths
        self.rows = 0
        self._writer = pq.ParquetWriter(
            path, _SCHEMA, compression="zstd", use_dictionary=["topic"], write_statistics=False,
            column_encoding={"passage": "DELTA_BINARY_PACKED",
                             "memberships.list.element": "BYTE_STREAM_SPLIT"},
        )  # fmt: skip
        self._waiting: list[pa.RecordBatch] = []

    def add(self, passages: Ints, now: Rows, wanted: Rows) -> None:
        """Keep what leads from the rows that are (to be) there to those that are wanted."""
        expected, known = foreseen(now, self._number, self._lengths)
        which = unlike(expected, known, wanted)
        if len(which):
            columns = wanted.take(which).columns()
            self._waiting.append(
                pa.RecordBatch.from_arrays(
                    [pa.array(passages[which]), columns["topic"], columns["memberships"]],
                    schema=_SCHEMA,
                )
            )
            self.rows += len(which)
        if sum(batch.num_rows for batch in self._waiting) >= 1 << 17:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting).combine_chunks())
        self._waiting = []

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, kind: Any, *error: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()


class KeptRows:
    """The rows of a record, found by the numbers of their passages.

    Parameters
    ----------
    path : Path
        What `RowWriter` made.

    Raises
    ------
    AtlasError
        When the file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            table = pq.read_table(path).combine_chunks()
            if table.schema.names != _SCHEMA.names:
                raise ValueError("its columns are others")
            passages = table["passage"].to_numpy().astype(np.int64)
            if table.num_rows:
                rows = Rows.of(table["topic"].chunk(0), table["memberships"].chunk(0))
            else:
                nothing = np.zeros(0, dtype=np.int64)
                rows = Rows(
                    nothing.astype(np.int32), nothing, nothing, np.zeros(0, dtype=np.float32)
                )
        except (OSError, ValueError, pa.ArrowException) as error:
            if is_refusal(error):
                raise
            reason = " ".join(str(error).split())[:120]
            raise AtlasError(f"{path} is missing or damaged ({reason})") from error
        order = np.argsort(passages, kind="stable")
        self.passages = passages[order]
        self.rows = rows.take(order)

    def find(self, passages: Ints) -> tuple[NDArray[np.bool_], Rows]:
        """Tell which passages are here, and give their rows."""
        if not len(self.passages):
            return np.zeros(len(passages), dtype=bool), self.rows
        place = np.minimum(np.searchsorted(self.passages, passages), len(self.passages) - 1)
        here = self.passages[place] == passages
        return here, self.rows.take(place[here])


def changed_arrays(
    now: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Give the arrays of a model that another one does not have alike.

    Examples
    --------
    >>> a, b = np.zeros(2), np.ones(2)
    >>> list(changed_arrays({"x": a, "y": a}, {"x": a, "y": b, "z": b}))
    ['y', 'z']
    """
    return {
        name: array for name, array in wanted.items()
        if name not in now or now[name].dtype != array.dtype or now[name].shape != array.shape
        or now[name].tobytes() != array.tobytes()
    }  # fmt: skip
