"""`embed --situate`: rows that are chunks of documents become vectors that know their documents.

The rows are spooled to disk and read back document by document, so that they may stand in any
order; only the numbers of documents and places are held. Vectors of an earlier output whose inputs
have not changed are kept.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from isogloss._core.errors import ColumnError, ParameterError, SourceError, StorageError, nearest
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.files import atomic_path, storage_errors
from isogloss._core.plural import plural
from isogloss.build.embed import spare_source
from isogloss.build.report import LISTED_REJECTS, Stopwatch, peak_rss_mb
from isogloss.situate.base import Chunked, Reading, Situator
from isogloss.situate.spec import load_situator
from isogloss.situate.stale import FINGERPRINT, GROUP_ROWS, Known, redo, vector_column

__all__ = ["SituatedColumns", "embed_situated"]

DTYPES = ("float32", "float16")
BLOCK = 2048  # chunks whose readings are held at once
PACE = 256  # the same while nothing is known yet, so that progress is told often
NUMBER = r"^\s*[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)\s*$"


@dataclass(frozen=True, slots=True, kw_only=True)
class SituatedColumns:
    """Which columns of the source say what.

    Parameters
    ----------
    document : str
        The document of each row.
    order : str, optional
        Numbers or strings by which the chunks of a document are ordered, each at a place of its
        own; strings that all are numbers are ordered as numbers. By default chunks stand in the
        order of the rows.
    title : str, optional
        Title of the document, used by ``prefix``: that of its first chunk.
    text, id : str, optional
        As for `isogloss.corpus.open_source`.
    """

    document: str
    order: str | None = None
    title: str | None = None
    text: str | None = None
    id: str | None = None


def embed_situated(
    source: Any,
    output: str | Path,
    situate: str,
    columns: SituatedColumns,
    *,
    encoder: str | None = None,
    dtype: str = "float32",
    limit: int | None = None,
    fresh: bool = False,
    on_event: OnEvent = ignore,
) -> dict[str, Any]:
    """Write the situated vectors of a source whose rows are chunks.

    Parameters
    ----------
    source : path, frame, table, list of dict
        What `corpus.open_source` takes.
    output : path
        The Parquet file to make: columns id, document, key, vector, in the order of the rows. When
        it is there already, made by the same situator, only chunks whose inputs changed are
        encoded.
    situate : str
        ``"chunk"``, ``"window"``, ``"prefix"``, ``"late"`` or a folder, see `load_situator`.
    columns : SituatedColumns
    encoder : str, optional
        Spec of the encoder, where the situator does not know its own.
    dtype : {"float32", "float16"}
    limit : int, optional
        Rows to read at most.
    fresh : bool, default False
        Encode everything, whatever is there.
    on_event : callable
        Takes progress.

    Returns
    -------
    dict
        output, rows, documents, encoded, kept, dim, dtype, situator, fingerprint, truncation,
        skipped, skipped_total, seconds, peak_rss_mb.

    Raises
    ------
    ParameterError, SourceError, ColumnError, EncoderError, StorageError

    Examples
    --------
    >>> rows = [{"text": "A cat came.", "book": 1}, {"text": "It slept.", "book": 1}]
    >>> out = Path(tempfile.mkdtemp()) / "chunks.parquet"
    >>> report = embed_situated(rows, out, "window", SituatedColumns(document="book"))
    >>> report["rows"], report["documents"], report["encoded"]
    (2, 1, 2)
    """
    from isogloss.corpus import open_source

    if dtype not in DTYPES:
        raise ParameterError(
            f"dtype is {dtype!r}; situated vectors are kept as they are: {nearest(dtype, DTYPES)}"
        )
    if limit is not None and limit < 1:
        raise ParameterError(f"limit is {limit}; it must be at least 1")
    target = Path(output)
    if target.is_dir() or not target.parent.is_dir():
        what = "it is a folder" if target.is_dir() else f"there is no folder {target.parent}"
        raise StorageError(f"cannot write {target}: {what}; give the name of a file")
    spare_source(source, target)
    watch = Stopwatch()
    with watch("read"):
        opened = open_source(source, text=columns.text, id=columns.id, limit=limit)
        names = _attributes(opened, columns)
    with watch("load encoder"):
        situator = load_situator(situate, encoder=encoder)
    with storage_errors("the work folder"):
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        with watch("read"), storage_errors("the work folder"):
            rows = _Rows(opened, names, folder)
        if not len(rows.order):
            raise SourceError(
                f"{str(source)[:200]} holds no chunks: {plural(opened.rejected, 'row')} skipped"
            )
        with watch("encode"):
            known = None if fresh else Known(target, situator)
            with storage_errors("the work folder"):
                work = _Work(folder, len(rows.order), situator.dim, dtype)
            encoded = _encode(rows, situator, known, work, on_event)
        with watch("write"), storage_errors(str(target)), atomic_path(target) as temporary:
            _write(rows, work, situator, dtype, temporary)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    skipped = [
        {"file": one.file, "row": one.row, "reason": one.reason}
        for one in opened.rejects[:LISTED_REJECTS]
    ]
    return {
        "output": str(target),
        "rows": len(rows.order),
        "documents": rows.documents,
        "encoded": encoded,
        "kept": len(rows.order) - encoded,
        "dim": situator.dim,
        "dtype": dtype,
        "situator": situator.spec,
        "fingerprint": situator.fingerprint,
        "truncation": situator.truncation.summary(),
        "skipped": skipped,
        "skipped_total": opened.rejected,
        "seconds": watch.seconds,
        "peak_rss_mb": peak_rss_mb(),
    }


def _attributes(opened: Any, columns: SituatedColumns) -> dict[str, str]:
    """Give the names under which the columns came in."""
    back = {kept: name for name, kept in opened.renamed.items()}
    there = {back.get(name, name): name for name in opened.schema.names}
    own = {opened.text_column, opened.id_column}
    found = {}
    wanted = (("document", columns.document), ("order", columns.order), ("title", columns.title))
    for role, name in wanted:
        if name is None:
            continue
        if name in own:
            raise ColumnError(f"{name!r} is the text or id column: it cannot be the {role} column")
        if name not in there:
            raise ColumnError(f"there is no {role} column {name!r}; {nearest(name, there)}")
        kind = opened.schema.field(there[name]).type
        if pa.types.is_nested(kind):
            raise ColumnError(f"the {role} column {name!r} is {kind}: give one of plain values")
        found[role] = there[name]
    return found


class _Rows:
    """The chunks on disk, and the order in which they make documents."""

    def __init__(self, opened: Any, names: dict[str, str], folder: Path) -> None:
        path = folder / "chunks.arrow"
        numbers: dict[Any, int] = {}
        documents: list[NDArray[np.int64]] = []
        places: list[pa.Array] = []
        kinds = {"id": None, "text": None, **dict.fromkeys(names.values())}
        writer = None
        with pa.OSFile(str(path), "wb") as sink:
            for batch in opened.batches():
                table = pa.table([batch.column(name) for name in kinds], list(kinds))
                if writer is None:
                    writer = pa.ipc.new_file(sink, table.schema)
                writer.write_table(table)
                values = table[names["document"]].to_pylist()
                if None in values:
                    row = batch.column("row")[values.index(None)].as_py()
                    raise ColumnError(
                        f"row {row} has no document in {names['document']!r}: give each row one"
                    )
                documents.append(
                    np.array([numbers.setdefault(value, len(numbers)) for value in values])
                )
                if "order" in names:
                    places.append(table[names["order"]].combine_chunks())
            if writer is not None:
                writer.close()
        self.documents = len(numbers)
        self.names = names
        self.order: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        if writer is None:
            return
        self._source = pa.memory_map(str(path))
        self.table = pa.ipc.open_file(self._source).read_all()
        self._batches = self.table.to_batches()
        self._starts = np.cumsum([0, *(batch.num_rows for batch in self._batches)])
        self._document = np.concatenate(documents)
        self.order = _sorted(self._document, list(numbers), places, names.get("order", ""))

    def groups(self) -> Iterator[tuple[NDArray[np.int64], Chunked]]:
        """Give each document: its rows in order, and its chunks."""
        owner = self._document[self.order]
        edges = np.flatnonzero(np.diff(owner)) + 1
        for rows in np.split(self.order, edges):
            title = ""
            if "title" in self.names:
                given = self._values(self.names["title"], rows[:1])[0]
                title = "" if given is None else str(given)
            yield rows, Chunked(tuple(self._values("text", rows)), title)

    def _values(self, name: str, rows: NDArray[np.int64]) -> list[Any]:
        """Give the values of some rows; taking them of the whole column would copy it."""
        held = np.searchsorted(self._starts, rows, side="right") - 1
        found: list[Any] = [None] * len(rows)
        for number in np.unique(held).tolist():
            places = np.flatnonzero(held == number)
            local = pa.array(rows[places] - self._starts[number])
            values = self._batches[number].column(name).take(local).to_pylist()
            for place, value in zip(places.tolist(), values, strict=True):
                found[place] = value
        return found


def _sorted(
    documents: NDArray[np.int64], labels: list[Any], places: list[pa.Array], name: str
) -> NDArray[np.int64]:
    """Order rows by document, then by the order column."""
    if not places:
        return np.argsort(documents, kind="stable")
    column = _places(pa.chunked_array(places).combine_chunks(), name)
    ranks = pa.compute.rank(column, sort_keys="ascending", tiebreaker="dense").to_numpy()
    order = np.lexsort((ranks, documents))
    ordered, owner = ranks[order], documents[order]
    equal = np.flatnonzero((np.diff(ordered) == 0) & (np.diff(owner) == 0))
    if len(equal):
        first = int(equal[0])
        count = int(((ordered == ordered[first]) & (owner == owner[first])).sum())
        raise ColumnError(
            f"document {labels[owner[first]]!r} has {count:,} chunks at the place "
            f"{column[int(order[first])].as_py()!r} of {name!r}: give each chunk a place of its "
            "own, or leave --order out"
        )
    return order


def _places(column: pa.Array, name: str) -> pa.Array:
    """Give values that can be ordered; strings that all are numbers as numbers."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    empty = pa.compute.is_null(column, nan_is_null=True)
    count = int(pa.compute.sum(empty).as_py() or 0)
    if count:
        raise ColumnError(f"{name!r} is empty or NaN in {plural(count, 'row')}: give each a place")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        like = pa.compute.match_substring_regex(column, NUMBER)
        if pa.compute.all(like).as_py():
            return pa.compute.utf8_trim_whitespace(column).cast(pa.float64())
    return column


class _Work:
    """Vectors and keys by row of the source, on disk."""

    def __init__(self, folder: Path, rows: int, dim: int, dtype: str) -> None:
        self.vectors = np.lib.format.open_memmap(
            folder / "vectors.npy", mode="w+", dtype=dtype, shape=(rows, dim)
        )
        self.keys = np.zeros(rows, dtype="S32")


def _encode(
    rows: _Rows, situator: Situator, known: Known | None, work: _Work, on_event: OnEvent
) -> int:
    """Fill in vectors and keys; give the chunks that were encoded."""
    encoded = done = 0
    block = BLOCK if known is not None and len(known) else PACE
    held: list[Reading] = []
    where: list[NDArray[np.int64]] = []

    def flush() -> int:
        found = redo(situator, held, known)
        places = np.concatenate(where)
        work.vectors[places] = found.vectors
        work.keys[places] = np.array(found.keys, dtype="S32")
        return int(found.stale.sum())

    on_event(Event("encode", 0, len(rows.order), "chunks"))
    for places, document in rows.groups():
        held += situator.readings(document)
        where.append(places)
        if len(held) >= block:
            encoded += flush()
            done += len(held)
            on_event(Event("encode", done, len(rows.order), "chunks"))
            held, where = [], []
    if held:
        encoded += flush()
    on_event(Event("encode", len(rows.order), len(rows.order), "chunks"))
    return encoded


def _write(rows: _Rows, work: _Work, situator: Situator, dtype: str, path: Path) -> None:
    writer = None
    for start in range(0, len(rows.order), GROUP_ROWS):
        stop = min(start + GROUP_ROWS, len(rows.order))
        some = rows.table.slice(start, stop - start)
        table = pa.table(
            {
                "id": some["id"].combine_chunks(),
                "document": some[rows.names["document"]].combine_chunks(),
                "key": pa.array([key.decode() for key in work.keys[start:stop]], pa.string()),
                "vector": vector_column(np.asarray(work.vectors[start:stop]), dtype),
            }
        ).replace_schema_metadata(
            {"isogloss.situator": situator.spec, FINGERPRINT: situator.fingerprint}
        )
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
