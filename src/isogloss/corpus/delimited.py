"""CSV and TSV, line by line: what is broken is rejected, the rest is read."""

from collections.abc import Iterator
from typing import Any

from isogloss._core.errors import SourceError
from isogloss.corpus.lines import LONGEST_LINE, LineDecoder, Record, Report, read_lines


def csv_records(
    stream: Any, name: str, report: Report, *, delimiter: str | None
) -> Iterator[Record]:
    """Read CSV with a header; quoted fields may hold line ends.

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
        decode = LineDecoder()
        for _, line in read_lines(stream, name, report):
            text, bad = decode(line)
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
