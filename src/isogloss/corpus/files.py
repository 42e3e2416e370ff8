"""Open files of text and tables, whatever they are packed in, as streams of Arrow batches."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from isogloss._core.errors import SourceError
from isogloss.corpus.lines import LineDecoder, Record, Report, read_lines, reason_of

TABLES = (".parquet", ".pq", ".arrow", ".feather", ".ipc")
LINES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".md")
PACKED = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2"}


def kind_of(path: Path) -> str | None:
    """Name the kind of a file by its suffix; None when it is none that we read.

    Examples
    --------
    >>> kind_of(Path("a.jsonl.gz")), kind_of(Path("b.PARQUET")), kind_of(Path("c.doc"))
    ('.jsonl', '.parquet', None)
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    last = suffixes[-1] if suffixes else ""
    return last if last in TABLES or last in LINES else None


def open_bytes(path: Path) -> Any:
    """Open a file for reading bytes, unpacked.

    Raises
    ------
    SourceError
        When it cannot be opened.
    """
    packing = PACKED.get(path.suffix.lower())
    try:
        raw = pa.OSFile(str(path), "rb")
    except OSError as error:
        raise SourceError(f"cannot read {path}: {reason_of(error)}") from error
    return pa.CompressedInputStream(raw, packing) if packing else raw


def json_records(stream: Any, name: str, report: Report) -> Iterator[Record]:
    """Read JSON objects, one a line.

    Yields
    ------
    (int, dict, bool)
        Number of the record, counting lines that are not blank from 0, the object, and whether
        its bytes were repaired.
    """
    decode = LineDecoder()
    row = -1

    def too_long(_line: int, kind: str, reason: str) -> None:
        nonlocal row
        row += 1
        report(row, kind, reason)

    for line_number, line in read_lines(stream, name, too_long):
        if not line.strip():
            continue
        row += 1
        text, repaired = decode(line)
        try:
            value = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", None) or str(error) or "too deeply nested"
            report(row, "not JSON", f"line {line_number + 1} is not JSON: {reason}"[:200])
            continue
        if not isinstance(value, dict):
            kind = type(value).__name__
            report(row, "not an object", f"line {line_number + 1} is a {kind}, not an object")
            continue
        yield row, value, repaired


def _no_constant(text: str) -> float:
    return float(text.replace("Infinity", "inf"))


def plain_lines(stream: Any, name: str, report: Report) -> Iterator[Record]:
    """Read a text file as one document a line."""
    decode = LineDecoder()
    for number, line in read_lines(stream, name, report):
        text, repaired = decode(line)
        yield number, {"text": text}, repaired


def table_batches(path: Path, kind: str, rows: int) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Open Parquet or Arrow IPC as a stream of batches.

    Raises
    ------
    SourceError
        When the file is none, or is cut.
    """
    try:
        if path.stat().st_size == 0:
            raise SourceError(f"{path} is empty (0 bytes)")
        if kind in (".parquet", ".pq"):
            import pyarrow.parquet as pq

            file = pq.ParquetFile(path)
            return file.schema_arrow, _guard(path, file.iter_batches(batch_size=rows))
        source = pa.memory_map(str(path), "r")
        try:
            reader = pa.ipc.open_file(source)
            batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
            return reader.schema, _guard(path, batches)
        except pa.ArrowInvalid:
            source.seek(0)
            stream = pa.ipc.open_stream(source)
            return stream.schema, _guard(path, iter(stream))
    except (OSError, pa.ArrowException) as error:
        what = "Parquet" if kind in (".parquet", ".pq") else "Arrow"
        raise SourceError(f"{path} cannot be read as {what}: {reason_of(error)}") from error


def _guard(path: Path, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    count = 0
    try:
        for batch in batches:
            yield batch
            count += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path} is damaged after row {count}: {reason_of(error)}") from error
