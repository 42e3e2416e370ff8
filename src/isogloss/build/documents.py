"""First stage: a source becomes shards of documents on disk."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError
from isogloss._core.events import Event, OnEvent
from isogloss.build.input_digest import InputDigest
from isogloss.build.settings import SHARD_BYTES, SHARD_ROWS
from isogloss.store.gone import Gone
from isogloss.store.workspace import Shard, Workspace

if TYPE_CHECKING:
    from isogloss.corpus.source import Source


@dataclass(slots=True)
class Spooled:
    """What the first stage found.

    Parameters
    ----------
    shards : list of Shard
        In the order of the source.
    documents : int
        New documents in them.
    known : int
        Documents that the atlas already holds.
    gone : int
        Documents of the atlas that the source does not hold (they stay).
    left_out : int
        Documents that were deleted from the atlas and stay out.
    digest : str
        Of all documents of the atlas with these: see `InputDigest`.
    """

    shards: list[Shard]
    documents: int
    known: int
    gone: int
    left_out: int = 0
    digest: str = ""


class Known(Protocol):
    """Chooses which documents of a source are taken."""

    @property
    def gone(self) -> int:
        """Documents of the atlas that the source has not held so far."""

    @property
    def left_out(self) -> int:
        """Documents that were not taken because they had been deleted."""

    def is_new(
        self, ids: list[Any], hashes: NDArray[np.int64], *, rows: list[int]
    ) -> NDArray[np.bool_]:
        """Tell which documents are to be taken."""


class KnownDocuments:
    """The documents that an atlas already holds, 16 bytes each.

    With ids, a document is known by its id and must not have changed. Without, it is known by its
    contents; where several are alike, they are counted. What was deleted is known as well and
    stays out, and so are the contents that a document had before it was replaced.

    Parameters
    ----------
    ids : sequence or None
        Ids of the atlas' documents, None where the source has no id column.
    hashes : int64 (n,)
        Their content hashes.
    taken : Gone, optional
        What was deleted and replaced.

    Examples
    --------
    >>> known = KnownDocuments(["a", "b"], np.array([1, 2]))
    >>> known.is_new(["a", "c"], np.array([1, 9]), rows=[0, 1]).tolist()
    [False, True]
    >>> known.gone
    1
    """

    def __init__(
        self, ids: list[Any] | None, hashes: NDArray[np.int64], taken: Gone | None = None
    ) -> None:
        self._by_id = ids is not None
        keys = hashes if ids is None else id_keys(ids)
        taken = taken or Gone()
        self._live = len(keys)
        # What is in the atlas comes before what was deleted from it.
        keys = np.concatenate([keys, taken.deleted])
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        self._hashes = np.concatenate([hashes, taken.deleted]).astype(np.int64)[order]
        self._deleted = order >= self._live
        self._seen = np.zeros(len(keys), dtype=bool)
        self._replaced = set(
            zip(taken.replaced.tolist(), taken.contents.tolist(), strict=True)
        )  # asked, never iterated
        self.left_out = 0

    @property
    def gone(self) -> int:
        """Documents of the atlas that have not been met so far."""
        return self._live - int((self._seen & ~self._deleted).sum())

    def is_new(
        self, ids: list[Any], hashes: NDArray[np.int64], *, rows: list[int]
    ) -> NDArray[np.bool_]:
        """Tell which documents the atlas lacks: bool (n,).

        Raises
        ------
        AtlasError
            When a document has the id of a known one and other contents.
        """
        keys = id_keys(ids) if self._by_id else hashes
        fresh = np.ones(len(keys), dtype=bool)
        starts = np.searchsorted(self._keys, keys, side="left")
        for place, (key, first) in enumerate(zip(keys.tolist(), starts.tolist(), strict=True)):
            at = first
            while at < len(self._keys) and self._keys[at] == key:
                if not self._seen[at]:
                    content = int(hashes[place])
                    changed = self._by_id and self._hashes[at] != content
                    if self._deleted[at]:
                        self.left_out += 1
                    elif changed and (key, content) not in self._replaced:
                        raise AtlasError(
                            f"document {ids[place]!r} (row {rows[place]}) has changed since the "
                            "atlas was built: isogloss update takes changed documents, or build "
                            "anew with --fresh"
                        )
                    # a deleted id stays out however often it comes
                    self._seen[at] = not (self._deleted[at] and self._by_id)
                    fresh[place] = False
                    break
                at += 1
        return fresh


def id_keys(ids: Sequence[Any]) -> NDArray[np.int64]:
    """Hash ids: int64 (n,); 1 and "1" are different ids."""
    return np.array([_hash_id(value) for value in ids], dtype=np.int64)


def _hash_id(value: Any) -> int:
    digest = hashlib.blake2b(f"{type(value).__name__}:{value}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def content_hashes(batch: pa.RecordBatch) -> NDArray[np.int64]:
    """Hash text and attributes of every row of a batch: int64 (n,).

    Examples
    --------
    >>> batch = pa.record_batch({"id": [1, 2], "row": [0, 1], "text": ["a", "a"]})
    >>> len(set(content_hashes(batch).tolist()))
    1
    """
    parts = []
    for name in batch.schema.names:
        if name in ("id", "row"):
            continue
        column = batch.column(name)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            parts.append(column.to_pylist())
        elif pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            values = column.to_pylist()
            parts.append([json.dumps(v, default=str, ensure_ascii=False) for v in values])
        else:
            parts.append(pc.cast(column, pa.string()).to_pylist())
    hashes = np.empty(batch.num_rows, dtype=np.int64)
    for row, values in enumerate(zip(*parts, strict=True)):
        joined = "\x1f".join("\x00" if value is None else value for value in values)
        digest = hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        hashes[row] = int.from_bytes(digest, "little", signed=True)
    return hashes


def cut_shards(
    batches: Iterator[pa.RecordBatch], *, rows: int = SHARD_ROWS, size: int = SHARD_BYTES
) -> Iterator[pa.Table]:
    """Cut a stream into shards; where the cuts fall does not depend on the batches.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        With a column `text`.
    rows, size : int
        A shard ends at this many rows, or with the row that brings its text to `size` bytes.

    Yields
    ------
    pyarrow.Table
        A shard.

    Examples
    --------
    >>> stream = (pa.record_batch({"text": ["x"] * n}) for n in (3, 1, 3))
    >>> [shard.num_rows for shard in cut_shards(stream, rows=5)]
    [5, 2]
    """
    held: list[pa.RecordBatch] = []
    held_rows = held_size = 0
    for whole in batches:
        batch = whole
        while batch.num_rows:
            sizes = pc.fill_null(pc.binary_length(batch.column("text")), 0).to_numpy()
            full = int(np.searchsorted(held_size + np.cumsum(sizes, dtype=np.int64), size)) + 1
            take = min(batch.num_rows, rows - held_rows, full)
            held.append(batch.slice(0, take))
            held_rows += take
            held_size += int(sizes[:take].sum())
            batch = batch.slice(take)
            if held_rows >= rows or held_size >= size:
                yield pa.Table.from_batches(held)
                held, held_rows, held_size = [], 0, 0
    if held_rows:
        yield pa.Table.from_batches(held)


def spool(
    source: "Source",
    workspace: Workspace,
    *,
    known: "Known | None",
    start: int,
    on_event: OnEvent,
    expect: Callable[[], int | None] = lambda: None,
    before: str | None = None,
) -> Spooled:
    """Read a source to its end and keep what is new as shards.

    Parameters
    ----------
    source : Source
        An opened source.
    workspace : Workspace
        Where the shards go; the ones that are there and fit are kept.
    known : Known or None
        Knows what the atlas holds already.
    start : int
        Number of the next passage.
    on_event : callable
        Takes progress.
    expect : callable
        Gives the number of rows when it is known.
    before : str or None
        Digest of the documents of the atlas; None for a new one.

    Returns
    -------
    Spooled
    """
    numbered = source.id_column is None
    counts = {"read": 0, "known": 0}
    digest = InputDigest(source.schema.names, before)

    def new_documents() -> Iterator[pa.RecordBatch]:
        for batch in source.batches():
            hashes = content_hashes(batch)
            counts["read"] += batch.num_rows
            on_event(Event("read", counts["read"], expect(), "documents"))
            wide = batch.append_column("content_hash", pa.array(hashes))
            if known is not None:
                rows = batch.column("row").to_pylist()
                fresh = known.is_new(batch.column("id").to_pylist(), hashes, rows=rows)
                counts["known"] += int((~fresh).sum())
                wide = wide.filter(pa.array(fresh))
            if wide.num_rows:
                ids = None if numbered else wide.column("id").to_pylist()
                digest.add(wide.column("content_hash").to_numpy(), ids)
                yield wide

    shards: list[Shard] = []
    total = 0
    for cut in cut_shards(new_documents()):
        numbers = pa.array(np.arange(start + total, start + total + cut.num_rows))
        place = cut.schema.get_field_index("id")
        table = cut.set_column(place, "id", numbers) if numbered else cut
        shards.append(workspace.put_documents(len(shards), start + total, table))
        total += table.num_rows
    if expect() != counts["read"]:
        on_event(Event("read", counts["read"], counts["read"], "documents"))
    if known is None:
        return Spooled(shards, total, 0, 0, digest=digest.value)
    old = counts["known"] - known.left_out
    return Spooled(shards, total, old, known.gone, known.left_out, digest.value)
