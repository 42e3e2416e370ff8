"""The Lance table of passages: made in one transaction, changed, read at a pinned version."""

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from isogloss._core.errors import AtlasError, StorageError
from isogloss._core.files import is_refusal, refusal_message
from isogloss.store.sizes import MEND

# Where in its source a library says that it met an error.
_PLACE = re.compile(r",?\s+\S+\.rs:\d+")
# Consecutive passages from which on they are taken out as a range, and numbers in one list.
_RUN = 16
_LISTED = 5000


def table_schema(id_type: pa.DataType, dim: int, attributes: pa.Schema) -> pa.Schema:
    """Give the schema of the passages of an atlas.

    Parameters
    ----------
    id_type : pyarrow.DataType
        Type of the source's ids.
    dim : int
        Length of a vector.
    attributes : pyarrow.Schema
        The source's other columns.

    Examples
    --------
    >>> table_schema(pa.string(), 4, pa.schema([("year", pa.int64())])).names[-2:]
    ['content_hash', 'year']
    """
    return pa.schema(
        [
            ("passage", pa.int64()),
            ("document", pa.int64()),
            ("row", pa.int64()),
            ("id", id_type),
            ("text", pa.string()),
            ("vector", pa.list_(pa.float32(), dim)),
            ("topic", pa.int32()),
            ("membership", pa.float32()),
            ("memberships", pa.list_(pa.float32())),
            ("content_hash", pa.int64()),
            *attributes,
        ]
    )


def _connect(folder: Path) -> Any:
    from isogloss.store.quick_lance import lancedb

    return lancedb.connect(str(folder))


def _refuse(error: BaseException, what: str) -> None:
    if is_refusal(error):
        raise StorageError(refusal_message(what, error)) from error


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what Lance says of files that it cannot read into one line.

    Raises
    ------
    AtlasError
        When a file of the table is missing or damaged.

    Examples
    --------
    >>> with reading("the table"):
    ...     raise RuntimeError("lance error: Not found: a/b.lance, /src/index/x.rs:1")
    Traceback (most recent call last):
    isogloss._core.errors.AtlasError: the table is damaged (lance error: Not found: a/b.lance): \
build it anew with --fresh
    """
    try:
        yield
    except (RuntimeError, OSError, ValueError) as error:
        told = " ".join(str(error).split())
        if "lance" not in told.lower():
            raise
        reason = _PLACE.split(told)[0][:400]  # not where in Lance it was noticed
        raise AtlasError(f"{what} is damaged ({reason}): build it anew with --fresh") from error


def create_table(
    folder: Path, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> Any:
    """Make a table; what an unfinished build left under its name is replaced.

    Raises
    ------
    StorageError
        When the disk is full.
    """
    remove_table(folder, name)
    reader = pa.RecordBatchReader.from_batches(schema, batches)
    try:
        return _connect(folder).create_table(name, data=reader, schema=schema)
    except Exception as error:
        _refuse(error, "the table of passages")
        raise


def remove_table(folder: Path, name: str) -> None:
    """Remove a table that no manifest speaks of."""
    path = folder / f"{name}.lance"
    if path.exists():
        shutil.rmtree(path)


def open_table(folder: Path, name: str, version: int | None) -> Any:
    """Open a table, pinned to the version that the manifest names (None: the newest).

    Raises
    ------
    AtlasError
        When the table is missing or lacks the version.
    """
    if not (folder / f"{name}.lance").is_dir():
        raise AtlasError(f"{folder / name}.lance, the table of passages, is missing; {MEND}")
    try:
        table = _connect(folder).open_table(name)
        if version is not None and table.version != version:
            table.checkout(version)
    except (ValueError, RuntimeError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise AtlasError(f"{folder}: the table of passages cannot be opened: {reason}") from error
    return table


def change(
    folder: Path, name: str, version: int, schema: pa.Schema,
    batches: Iterable[pa.RecordBatch] | None, *, remove: NDArray[np.int64] | None = None,
) -> Any:  # fmt: skip
    """Take passages out of `version` and add others; what a broken change left is dropped first.

    Parameters
    ----------
    folder : Path
        Folder of the atlas.
    name, version
        The table, and the version of it that the manifest names.
    schema : pyarrow.Schema
        Of the new passages.
    batches : iterable of pyarrow.RecordBatch or None
        New passages; None for none.
    remove : int64 (n,), sorted, optional
        Numbers of passages to take out.

    Raises
    ------
    StorageError
        When the disk is full.
    """
    table = open_table(folder, name, None)
    try:
        if table.version != version:
            table.checkout(version)
            table.restore()
        for test in number_tests(remove) if remove is not None else ():
            table.delete(test)
        if batches is not None:
            table.add(pa.RecordBatchReader.from_batches(schema, batches))
    except Exception as error:
        _refuse(error, "the table of passages")
        raise
    return table


def number_tests(numbers: NDArray[np.int64]) -> Iterator[str]:
    """Write tests that together name passages by their numbers, each of bounded length.

    Parameters
    ----------
    numbers : int64 (n,), sorted, distinct

    Yields
    ------
    str
        A condition for Lance.

    Examples
    --------
    >>> list(number_tests(np.array([1, 5, *range(10, 40)])))
    ['passage >= 10 AND passage <= 39', 'passage IN (1, 5)']
    """
    breaks = np.flatnonzero(np.diff(numbers) != 1)
    first = np.concatenate([[0], breaks + 1]) if len(numbers) else breaks
    last = np.concatenate([breaks, [len(numbers) - 1]]) if len(numbers) else breaks
    long = last - first >= _RUN
    for low, high in zip(numbers[first[long]].tolist(), numbers[last[long]].tolist(), strict=True):
        yield f"passage >= {low} AND passage <= {high}"
    single = numbers[~np.repeat(long, last - first + 1)].tolist()
    for begin in range(0, len(single), _LISTED):
        yield f"passage IN ({', '.join(map(str, single[begin : begin + _LISTED]))})"


@dataclass(frozen=True, slots=True)
class Wear:
    """What changes have left in a table.

    Parameters
    ----------
    fragments : int
        Data files that a scan opens.
    rows, deleted : int
        Passages that are there, and those that were taken out but still take room.
    bytes_live, bytes_all : int
        Of what the newest version uses, and of the whole folder.
    files : int
        In the folder.
    """

    fragments: int
    rows: int
    deleted: int
    bytes_live: int
    bytes_all: int
    files: int


def wear(folder: Path, table: Any) -> Wear:
    """Measure what changes have left in a table.

    Parameters
    ----------
    folder : Path
        Folder of the atlas.
    table : lancedb.table.Table
        At its newest version.
    """
    stats = table.stats()
    newest = max(table.list_versions(), key=lambda version: int(version["version"]))
    sizes = [
        path.stat().st_size
        for path in (folder / f"{table.name}.lance").rglob("*")
        if path.is_file()
    ]
    return Wear(
        fragments=int(stats["fragment_stats"]["num_fragments"]),
        rows=int(stats["num_rows"]),
        deleted=int(newest["metadata"].get("total_deletion_file_rows", 0)),
        bytes_live=int(stats["total_bytes"]),
        bytes_all=sum(sizes),
        files=len(sizes),
    )


def scan(table: Any, columns: list[str], *, batch_size: int = 4096) -> Iterator[pa.RecordBatch]:
    """Stream columns of all passages, in the order of `passage`.

    Yields
    ------
    pyarrow.RecordBatch
        Up to `batch_size` rows each.
    """
    with reading("the table of passages"):
        yield from table.search().select(columns).to_batches(batch_size=batch_size)
