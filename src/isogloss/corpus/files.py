"""Open files of text and tables, whatever they are packed in, as streams of Arrow batches."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from isogloss._core.errors import SourceError

Report = Callable[[int, str, str], None]  # row, kind, reason
Record = tuple[int, dict[str, Any], bool]  # row, values, whether bytes were repaired

TABLES = (".parquet", ".pq", ".arrow", ".feather", ".ipc")
LINES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".md")
PACKED = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2"}
LONGEST_LINE = 64 << 20
# Signs that text does not hold, but for line ends, tabs and escapes of terminals.
_CONTROL = bytes([*range(9), *range(14, 27), *range(28, 32)])


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
        raise SourceError(f"cannot read {path}: {_reason(error)}") from error
    return pa.CompressedInputStream(raw, packing) if packing else raw


def _reason(error: BaseException) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error)).split())[:200]


def read_lines(
    stream: IO[bytes] | Any, name: str, report: Report, *, longest: int = LONGEST_LINE
) -> Iterator[tuple[int, bytes]]:
    r"""Split a stream of bytes into lines, in bounded memory.

    Parameters
    ----------
    stream : binary stream
    name : str
        For messages.
    report : callable
        Takes a line longer than `longest` bytes as a reject.

    Yields
    ------
    (int, bytes)
        Number of the line, from 0, and the line without its end.

    Raises
    ------
    SourceError
        When the stream breaks off (a packed file that is cut or is none).

    Examples
    --------
    >>> import io
    >>> list(read_lines(io.BytesIO(b"a\r\n\nb"), "x", print))
    [(0, b'a'), (1, b''), (2, b'b')]
    """
    held = b""
    number = 0
    skipping = False
    first = True
    while True:
        try:
            block = stream.read(1 << 20)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(
                f"{name} is damaged after line {number}: {_reason(error)}; pack it again"
            ) from error
        if not block:
            break
        if first:
            first = False
            block = _check_start(bytes(block), name)
        parts = (held + block).split(b"\n")
        held = parts.pop()
        for part in parts:
            if skipping:
                skipping = False
            elif len(part) > longest:
                report(number, *_too_long(longest))
            else:
                yield number, part.removesuffix(b"\r")
            number += 1
        if len(held) > longest:
            if not skipping:
                report(number, *_too_long(longest))
            held, skipping = b"", True
    if held and not skipping:
        yield number, held.removesuffix(b"\r")


def _too_long(longest: int) -> tuple[str, str]:
    return "line too long", f"line is longer than {longest >> 20} MB"


def _check_start(block: bytes, name: str) -> bytes:
    if block.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{name} is UTF-16 text; save it as UTF-8")
    head = block[:4096]
    if len(head) - len(head.translate(None, _CONTROL)) > len(head) // 20:
        raise SourceError(f"{name} is no text: it holds binary data")
    return block.removeprefix(b"\xef\xbb\xbf")


def decode_text(raw: bytes, name: str) -> tuple[str, bool]:
    r"""Read the bytes of a text file: UTF-8, UTF-16 with its mark, else Windows-1252.

    Bytes that are not UTF-8 read as Windows-1252 where nothing in the file is UTF-8 beyond ASCII;
    in a file that is UTF-8 elsewhere they become U+FFFD.

    Returns
    -------
    str, bool
        The text, and whether bytes were repaired.

    Raises
    ------
    SourceError
        For binary data.

    Examples
    --------
    >>> decode_text(b"caf\xc3\xa9", "a.txt"), decode_text(b"caf\xe9", "b.txt")
    (('café', False), ('café', True))
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace"), False
    raw = _check_start(raw, name)
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
    return _as_1252(raw, text), True


def _as_1252(raw: bytes, text: str) -> str:
    """Read bytes as Windows-1252 where `text`, read as UTF-8, has nothing but ASCII intact."""
    if all(one < "\x80" or one == "\ufffd" for one in text):
        return raw.decode("cp1252", "replace")
    return text


def json_records(stream: Any, name: str, report: Report) -> Iterator[Record]:
    """Read JSON objects, one a line.

    Yields
    ------
    (int, dict, bool)
        Number of the record, counting lines that are not blank from 0, the object, and whether
        its bytes were repaired.
    """
    row = -1
    for line_number, line in read_lines(stream, name, report):
        if not line.strip():
            continue
        row += 1
        text = line.decode("utf-8", "replace")
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
        yield row, value, _was_repaired(text, line)


def _was_repaired(text: str, line: bytes) -> bool:
    return "\ufffd" in text and b"\xef\xbf\xbd" not in line


def _no_constant(text: str) -> float:
    return float(text.replace("Infinity", "inf"))


def plain_lines(stream: Any, name: str, report: Report) -> Iterator[Record]:
    """Read a text file as one document a line."""
    for number, line in read_lines(stream, name, report):
        text = line.decode("utf-8", "replace")
        yield number, {"text": text}, _was_repaired(text, line)


def csv_records(
    stream: Any, name: str, report: Report, *, delimiter: str | None
) -> Iterator[Record]:
    """Read CSV with a header; quoted fields may hold line ends.

    Lines that are not UTF-8 read as Windows-1252 as long as no line was UTF-8 beyond ASCII; later
    their bytes become U+FFFD.

    Yields
    ------
    (int, dict, bool)
        Number of the record, from 0 after the header, its fields as strings, and whether its
        bytes were repaired.

    Raises
    ------
    SourceError
        When there is no header, or a column name stands twice.
    """
    import csv

    csv.field_size_limit(LONGEST_LINE)
    repaired = {"now": False}

    def texts() -> Iterator[str]:
        utf8 = False  # whether UTF-8 beyond ASCII was met
        for _, line in read_lines(stream, name, report):
            text = line.decode("utf-8", "replace")
            bad = _was_repaired(text, line)
            utf8 = utf8 or not (bad or line.isascii())
            if bad and not utf8:  # as spreadsheets write it
                text = _as_1252(line, text)
            repaired["now"] |= bad
            yield text + "\n"

    lines = texts()
    first = next(lines, None)
    if first is None or not first.strip():
        raise SourceError(f"{name} is empty: a CSV file begins with the names of its columns")
    mark = delimiter or max(",;\t|", key=lambda c: (first.count(c), -",;\t|".index(c)))
    ended = False

    def watched() -> Iterator[str]:
        nonlocal ended
        yield first
        yield from lines
        ended = True

    # A row is whole before the next line is asked for, unless a quote is open: a row that comes
    # after the end of the lines was cut by it.
    reader = csv.reader(watched(), delimiter=mark)
    try:
        header = next(reader)
    except csv.Error as error:
        raise SourceError(f"{name}: the header cannot be read: {error}") from error
    if ended:
        raise SourceError(f"{name}: {_open_quote(header, 1, reader.line_num)}; close it")
    double = sorted({column for column in header if header.count(column) > 1})
    if double:
        raise SourceError(f"{name}: the column {double[0]!r} stands twice in the header")
    row = -1
    while True:
        begin = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row += 1
            report(row, "broken row", f"line {reader.line_num}: {error}")
            continue
        if not fields:
            continue
        row += 1
        if ended:
            report(row, "quote never closed", _open_quote(fields, begin, reader.line_num))
            return
        if len(fields) != len(header):
            report(
                row,
                "wrong number of fields",
                f"line {reader.line_num} has {len(fields)} fields, the header {len(header)}",
            )
            continue
        record: dict[str, Any] = {
            key: (value if value != "" else None) for key, value in zip(header, fields, strict=True)
        }
        yield row, record, repaired["now"]
        repaired["now"] = False


def _open_quote(fields: list[str], begin: int, end: int) -> str:
    """Say where the quote was opened in which a CSV file ends; its row began on line `begin`."""
    opened = end + 1 - fields[-1].count("\n")
    lost = f"lines {begin} to {end} are" if end > begin else f"line {end} is"
    return f"a quote opened in line {opened} is never closed: {lost} lost by it"


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
        raise SourceError(f"{path} cannot be read as {what}: {_reason(error)}") from error


def _guard(path: Path, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    count = 0
    try:
        for batch in batches:
            yield batch
            count += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{path} is damaged after row {count}: {_reason(error)}") from error
