"""CSV and TSV, line by line: a broken row costs its own lines, and what follows is read.

A quote that is left open swallows lines until another quote closes it, or until the end. A row that
cannot be used, and whose quotes are broken, gives all lines back but those that broke it.
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from isogloss._core.errors import SourceError
from isogloss._core.plural import plural
from isogloss.corpus.lines import LONGEST_LINE, LineDecoder, Record, Report, read_lines

__all__ = ["csv_records"]

# Letters that are read again at most, for each one in the file: hostile files have an end.
MOST_AGAIN = 8


class _Line(NamedTuple):
    number: int  # from 1
    text: str
    repaired: bool


class _RowTooLong(Exception):  # noqa: N818 - never leaves this file
    """A row, held open by a quote, that has grown too long."""


class _Lines:
    """Lines of a file for a CSV reader; those of the row that is read now can be given once more.

    Parameters
    ----------
    stream, name, report
        As for `read_lines`.
    longest : int
        Letters of a row.
    """

    def __init__(self, stream: Any, name: str, report: Report, longest: int) -> None:
        self._fresh = read_lines(stream, name, report)
        self._decode = LineDecoder()
        self._again: deque[_Line] = deque()
        self._longest = longest
        self._size = self._room = 0
        self.row: list[_Line] = []
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._size > self._longest:
            raise _RowTooLong
        line = self._again.popleft() if self._again else self._read()
        self._size += len(line.text)
        self.row.append(line)
        return line.text

    def _read(self) -> _Line:
        found = next(self._fresh, None)
        if found is None:
            self.ended = True
            raise StopIteration
        text, repaired = self._decode(found[1])
        self._room += MOST_AGAIN * (len(text) + 1)
        return _Line(found[0] + 1, text + "\n", repaired)

    def begin(self) -> None:
        """Forget the row before: the next line begins a row."""
        self.row, self._size, self.ended = [], 0, False

    def give_back(self, first: int) -> bool:
        """Take the lines of the row from place `first` on back, unless too many were before."""
        size = sum(len(line.text) for line in self.row[first:])
        if size > self._room:
            return False
        self._room -= size
        self._again.extendleft(reversed(self.row[first:]))
        del self.row[first:]
        return True

    def texts(self) -> list[str]:
        """Give the lines of the row."""
        return [line.text for line in self.row]


def csv_records(
    stream: Any, name: str, report: Report, *, delimiter: str | None, longest: int = LONGEST_LINE
) -> Iterator[Record]:
    r"""Read CSV with a header; quoted fields may hold line ends.

    Parameters
    ----------
    stream : binary stream
    name : str
        For messages.
    report : callable
        Takes rows that are rejected.
    delimiter : str or None
        What parts fields; None finds it in the first line.
    longest : int
        Letters of a row at most.

    Yields
    ------
    (int, dict, bool)
        Number of the record, from 0 after the header, its fields as strings, and whether its
        bytes were repaired.

    Raises
    ------
    SourceError
        When there is no header, or a column name stands twice.

    Examples
    --------
    >>> import io
    >>> broken = io.BytesIO(b"\n".join([b"id,text", b'1,"a cat', b"2,a dog"]))
    >>> found = csv_records(broken, "x", lambda *reject: print(reject[:2]), delimiter=None)
    >>> list(found)
    (0, 'quote never closed')
    [(1, {'id': '2', 'text': 'a dog'}, False)]
    """
    csv.field_size_limit(4 * LONGEST_LINE)  # rows end before
    row = -1

    def too_long(_line: int, kind: str, reason: str) -> None:
        nonlocal row
        row += 1
        report(row, kind, reason)

    lines = _Lines(stream, name, too_long, longest)
    first = next(lines, None)
    if first is None or not first.strip():
        raise SourceError(f"{name} is empty: a CSV file begins with the names of its columns")
    mark = delimiter or max(",;\t|", key=lambda c: (first.count(c), -",;\t|".index(c)))
    lines.give_back(0)
    # A row is whole before the next line is asked for, unless a quote is open: a row that comes
    # after the end of the lines was cut by it.
    reader = csv.reader(lines, delimiter=mark)
    header = _header(reader, lines, name)
    repaired = any(line.repaired for line in lines.row)
    while True:
        lines.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except _RowTooLong:
            row += 1
            open_still = f"not closed within {longest >> 20} MB"
            report(row, "quote never closed", _lost(lines, mark, open_still))
            continue
        except csv.Error as error:
            row += 1
            report(row, "broken row", f"line {lines.row[-1].number}: {error}")
            continue
        if not fields:
            continue
        row += 1
        if lines.ended:
            report(row, "quote never closed", _lost(lines, mark, "never closed"))
            continue
        if len(lines.row) > 1 and _has_swallowed(lines, mark, len(fields), len(header)):
            after = lines.row[1:]
            if lines.give_back(1):
                begin, end = lines.row[0].number, after[-1].number
                reason = (
                    f"a quote in line {begin} is closed only by one of another row, in line {end}: "
                    f"line {begin} is lost by it, {_named(after)} read anew"
                )
                report(row, "quote closed by another row", reason)
                continue
        if len(fields) != len(header):
            reason = f"line {lines.row[-1].number} has {plural(len(fields), 'field')}, the header "
            report(row, "wrong number of fields", f"{reason}{len(header)}")
            continue
        record: dict[str, Any] = {
            key: (value if value != "" else None) for key, value in zip(header, fields, strict=True)
        }
        yield row, record, repaired or any(line.repaired for line in lines.row)
        repaired = False


def _header(reader: Iterator[list[str]], lines: _Lines, name: str) -> list[str]:
    lines.begin()
    try:
        header = next(reader)
    except (csv.Error, _RowTooLong) as error:
        reason = str(error) or "a quote in it is not closed"
        raise SourceError(f"{name}: the header cannot be read: {reason}") from error
    if lines.ended:
        opened = lines.row[-1].number + 1 - header[-1].count("\n")
        raise SourceError(
            f"{name}: a quote opened in line {opened} is never closed: {_named(lines.row)} "
            "lost by it; close it"
        )
    double = sorted({column for column in header if header.count(column) > 1})
    if double:
        raise SourceError(f"{name}: the column {double[0]!r} stands twice in the header")
    return header


def _lost(lines: _Lines, mark: str, open_still: str) -> str:
    """Give back the lines after the one in which a quote was opened; say which are lost."""
    fields = next(csv.reader(lines.texts(), delimiter=mark))  # the last is that of the quote
    opened = max(0, len(lines.row) - fields[-1].count("\n"))
    quote = f"a quote opened in line {lines.row[opened].number} is {open_still}"
    after = lines.row[opened + 1 :]
    back = lines.give_back(opened + 1)
    told = f"{quote}: {_named(lines.row)} lost by it"
    return f"{told}, {_named(after)} read anew" if back and after else told


def _has_swallowed(lines: _Lines, mark: str, fields: int, wanted: int) -> bool:
    """Tell whether a row of several lines has other rows in it, since a quote was left open.

    Its quotes are broken then. Where the number of its fields is right all the same, it must be
    plain that what follows the first line are rows, the last of them with a quote of its own.
    """
    texts = lines.texts()
    quoted = texts[-1].startswith('"') or f'{mark}"' in texts[-1]
    if (fields == wanted and not quoted) or _well_quoted(texts, mark):
        return False
    if fields != wanted:
        return True
    try:
        rows = [row for row in csv.reader(texts[1:], delimiter=mark, strict=True) if row]
    except csv.Error:
        return False
    return all(len(row) == wanted for row in rows)


def _well_quoted(texts: list[str], mark: str) -> bool:
    """Tell whether every closing quote of a row stands before a delimiter or at its end."""
    try:
        next(csv.reader(texts, delimiter=mark, strict=True))
    except csv.Error:
        return False
    return True


def _named(lines: Sequence[_Line]) -> str:
    """Name lines by their numbers, with what is said of them.

    Examples
    --------
    >>> _named([_Line(4, "a", False)]), _named([_Line(n, "", False) for n in (4, 5)])
    ('line 4 is', 'lines 4 to 5 are')
    """
    if len(lines) == 1:
        return f"line {lines[0].number} is"
    return f"lines {lines[0].number} to {lines[-1].number} are"
