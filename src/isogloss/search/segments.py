"""The files of an atlas' vector index: each covers a stretch of passage numbers.

They are derived: a row of a file counts only where the table has a passage of the same number
and the same content, encoded by the same weights, so a stale file can slow a search down but
never change its answer. Additions get a file of their own; files of like size are merged, so that
a few, each at least twice as long as the next, cover everything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError
from isogloss.search.vector_index import VectorIndex

Ints = NDArray[np.int64]

PATTERN = "vectors-*.safetensors"
# A file with more dead rows than this share of its own is made anew.
DEAD = 0.25


@dataclass(frozen=True, slots=True)
class Live:
    """The passages of a table.

    Parameters
    ----------
    numbers, hashes, row_ids : int64 (n,)
        Passage numbers (ascending), hashes of contents, row ids of the table.
    scan : int64 (n,)
        The places of the rows in these, in the order in which the table gives its rows.
    """

    numbers: Ints
    hashes: Ints
    row_ids: Ints
    scan: Ints


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the index, and which of its rows are passages of the table.

    Parameters
    ----------
    index : VectorIndex
    places : int64 (n,)
        For each row of the file: its place among the live passages, -1 for none.
    path : Path or None
        The file; None for one in memory.
    """

    index: VectorIndex
    places: Ints
    path: Path | None = None


def read_live(table: Any) -> Live:
    """Read numbers, hashes and row ids of all passages.

    Parameters
    ----------
    table : lancedb.table.Table

    Returns
    -------
    Live

    Raises
    ------
    AtlasError
        When numbers do not ascend.

    Examples
    --------
    >>> import lancedb, tempfile
    >>> rows = [{"passage": 3, "content_hash": 7}, {"passage": 5, "content_hash": 8}]
    >>> table = lancedb.connect(tempfile.mkdtemp()).create_table("passages", rows)
    >>> read_live(table).numbers.tolist()
    [3, 5]
    """
    names = [name for name in ("passage", "content_hash") if name in table.schema.names]
    found = table.search().select(names).with_row_id(True).to_arrow()
    numbers = found["passage"].to_numpy().astype(np.int64)
    hashes = found["content_hash"].to_numpy() if len(names) == 2 else np.zeros_like(numbers)
    row_ids = found["_rowid"].to_numpy().astype(np.int64)
    order = np.argsort(numbers, kind="stable")
    numbers = numbers[order]
    if len(numbers) and (np.diff(numbers) <= 0).any():
        raise AtlasError("the table of passages is damaged: passage numbers are not unique")
    scan = np.empty(len(order), dtype=np.int64)
    scan[order] = np.arange(len(order))
    return Live(numbers, hashes[order].astype(np.int64), row_ids[order], scan)


def open_segments(folder: Path, fingerprint: str, live: Live) -> list[Segment]:
    """Open the files that hold passages of the table; damaged and stale ones are left out.

    Parameters
    ----------
    folder : Path
        Of the atlas.
    fingerprint : str
        Of the encoder that made the vectors.
    live : Live

    Returns
    -------
    list of Segment
        Each passage in at most one of them.
    """
    found: list[Segment] = []
    if not len(live.numbers):  # every passage was deleted
        return found
    taken = np.zeros(len(live.numbers), dtype=bool)
    for path in sorted(folder.glob(PATTERN)):
        if path.name.split("-")[1] != _short(fingerprint):
            continue
        try:
            index = VectorIndex.open(path)
        except (AtlasError, OSError):
            continue  # derived: what it held is scanned from the table instead
        places = _places(index, live)
        places[(places >= 0) & taken[places]] = -1
        taken[places[places >= 0]] = True
        if (places >= 0).any():
            found.append(Segment(index, places, path))
    return found


def _places(index: VectorIndex, live: Live) -> Ints:
    if not len(live.numbers):
        return np.full(len(index), -1, dtype=np.int64)
    place = np.searchsorted(live.numbers, index.numbers).clip(0, len(live.numbers) - 1)
    same = (live.numbers[place] == index.numbers) & (live.hashes[place] == index.hashes)
    return np.where(same, place, -1).astype(np.int64)


def _short(fingerprint: str) -> str:
    plain = "".join(char for char in fingerprint.lower() if char in "0123456789abcdef")
    return plain[-16:] or "none"


def uncovered(segments: Sequence[Segment], live: Live) -> Ints:
    """Give the places of the passages that no segment holds, in the order of the table.

    Examples
    --------
    >>> uncovered([], Live(np.array([4, 9]), np.zeros(2), np.zeros(2), np.arange(2))).tolist()
    [0, 1]
    """
    held = np.zeros(len(live.numbers), dtype=bool)
    for segment in segments:
        held[segment.places[segment.places >= 0]] = True
    return live.scan[~held[live.scan]]


def index_passages(folder: Path, table: Any, fingerprint: str, *, seed: int = 0) -> list[Path]:
    """Bring the index of an atlas up to date with its table.

    Parameters
    ----------
    folder : Path
        Of the atlas.
    table : lancedb.table.Table
        The passages.
    fingerprint : str
        Of the encoder that made the vectors.
    seed : int, default 0

    Returns
    -------
    list of Path
        The files of the index.

    Raises
    ------
    StorageError
        When the disk refuses.

    Notes
    -----
    Memory is bounded: vectors are read in blocks, several times over where there are cells.
    """
    live = read_live(table)
    kept = open_segments(folder, fingerprint, live)
    while True:
        missing = uncovered(kept, live)
        weak = [one for one in kept if (one.places < 0).mean() > DEAD]
        if not weak and not len(missing):
            break
        if weak:
            kept = [one for one in kept if one not in weak]
            continue
        small = [one for one in kept if (one.places >= 0).sum() < 2 * len(missing)]
        if small:
            kept = [one for one in kept if one not in small]
            continue
        path = _write_segment(folder, table, fingerprint, live, missing, seed)
        made = VectorIndex.open(path)
        kept.append(Segment(made, _places(made, live), path))
    named = [one.path for one in kept if one.path is not None]
    for path in folder.glob(PATTERN):
        if path not in named:
            path.unlink(missing_ok=True)
    return sorted(named)


def _write_segment(
    folder: Path, table: Any, fingerprint: str, live: Live, places: Ints, seed: int
) -> Path:
    dim = table.schema.field("vector").type.list_size

    def blocks() -> Iterator[NDArray[np.float32]]:
        return read_vectors(table, live, places)

    numbers = live.numbers[places]
    name = f"vectors-{_short(fingerprint)}-{numbers.min():012d}-{numbers.max():012d}.safetensors"
    VectorIndex.write(folder / name, blocks, numbers, dim, hashes=live.hashes[places], seed=seed)
    return folder / name


def read_vectors(table: Any, live: Live, places: Ints) -> Iterator[NDArray[np.float32]]:
    """Stream the vectors of some passages.

    Parameters
    ----------
    table : lancedb.table.Table
    live : Live
        Its passages.
    places : int64 (m,)
        The places of those wanted, in the order of the table.

    Yields
    ------
    float32 (b, d)
        Unit rows; rows of zeros stay.

    Raises
    ------
    AtlasError
        When the table gives other rows than before.
    """
    if not len(places):
        return
    wanted = np.zeros(len(live.numbers), dtype=bool)
    wanted[places] = True
    query = table.search().select(["passage", "vector"])
    if places.min():
        first = int(live.numbers[places.min()])
        query = query.where(f"passage >= {first}", prefilter=True)
    given = 0
    for batch in query.to_batches(batch_size=8192):
        own = batch.column("passage").to_numpy()
        place = np.searchsorted(live.numbers, own).clip(0, len(live.numbers) - 1)
        held = wanted[place]
        count = int(held.sum())
        if not np.array_equal(place[held], places[given : given + count]):
            raise AtlasError("the table of passages changed while it was read: open it again")
        given += count
        if count:
            rows = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
            block = rows.reshape(len(own), -1).astype(np.float32, copy=False)
            yield np.ascontiguousarray(block[held])


def read_column(table: Any, live: Live, name: str) -> Any:
    """Read a column of all passages, by ascending number.

    Parameters
    ----------
    table : lancedb.table.Table
    live : Live
    name : str

    Returns
    -------
    pyarrow.ChunkedArray

    Raises
    ------
    AtlasError
        When the table gives other rows than before.
    """
    found = table.search().select(list(dict.fromkeys(["passage", name]))).to_arrow()
    numbers = found["passage"].to_numpy()
    if (np.diff(numbers) < 0).any():
        order = np.argsort(numbers, kind="stable")
        found, numbers = found.take(order), numbers[order]
    if not np.array_equal(numbers, live.numbers):
        raise AtlasError("the table of passages changed while it was read: open it again")
    return found[name]
