"""What is piped into stdin; a table is kept in a file for as long as it is read."""

import csv
import os
import re
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from isogloss._core.errors import SourceError
from isogloss._core.files import storage_errors
from isogloss.corpus import files
from isogloss.corpus.array import LARGEST, array_part, begins_array, too_large
from isogloss.corpus.delimited import csv_records
from isogloss.corpus.lines import Record, Report
from isogloss.corpus.part import Part
from isogloss.corpus.records import single_part, typed_part
from isogloss.corpus.types import infer_csv, infer_json

__all__ = ["csv_mark", "held_csv", "stream_part"]

BOM = b"\xef\xbb\xbf"
# Bytes of stdin that are looked at to tell what it is, beyond its first line.
LONGEST_HEAD = 1 << 20
# What the name of a column may look like where nothing else says that a line is a header.
_NAME = re.compile(r"[A-Za-z_][\w .:-]{0,40}")
# Columns one of which a header without quotes has to have.
_KNOWN = frozenset(("id", "text", "body", "title", "label", "content", "date", "url", "author"))


def csv_mark(head: bytes) -> str | None:
    r"""Tell a CSV or TSV file by its first line: give what parts its fields, else None.

    A line is a header when it has two or more fields, all look like names, none comes twice, and
    one is a usual name, such as ``text`` or ``id``; a sentence with a comma is none.

    Examples
    --------
    >>> csv_mark(b"id,text\n1,a cat\n"), csv_mark(b"id\ttext\n"), csv_mark(b"Well, hello, you\n")
    (',', '\t', None)
    """
    first = head.removeprefix(BOM).split(b"\n")[0].decode("utf-8", "replace").strip()
    for mark in "\t,;":
        try:
            names = next(csv.reader([first], delimiter=mark), [])
        except csv.Error:
            continue
        if len(names) < 2 or len(set(names)) < len(names) or not _KNOWN & set(names):
            continue
        if all(_NAME.fullmatch(name) for name in names):
            return mark
    return None


def held_csv(head: bytes, stream: IO[bytes], mark: str) -> Callable[[Report], Iterator[Record]]:
    """Copy the rest of a stream into a temporary file; give what reads it from its beginning.

    The types of CSV are found on its first rows and then read again, which a pipe does not allow.
    The file goes when nobody can read it any more.
    """
    number, name = tempfile.mkstemp(prefix="isogloss-stdin-", suffix=".csv")
    path = Path(name)

    def rows(report: Report) -> Iterator[Record]:
        return csv_records(files.open_bytes(path), "stdin", report, delimiter=mark)

    weakref.finalize(rows, path.unlink, missing_ok=True)
    with storage_errors("the temporary file for stdin"), os.fdopen(number, "wb") as kept:
        kept.write(head)
        shutil.copyfileobj(stream, kept)
    return rows


def _head(stream: Any) -> bytes:
    """Read the first line, and more where it is blank or may begin an array."""
    head = b""
    while len(head) < LONGEST_HEAD and (
        b"\n" not in head or begins_array(head.removeprefix(BOM)) is None
    ):
        block = stream.read1(1 << 16)
        if not block:
            break
        head += block
    return head


def stream_part(batch_rows: int) -> Part:
    """Make a part of stdin: JSONL, CSV or one text a line, as its first line looks.

    An object begins JSONL, an array of objects is read as a whole, a header begins CSV.
    """
    stream: Any = sys.stdin.buffer
    head = _head(stream)
    start_of_text = head.removeprefix(BOM).lstrip()
    if not start_of_text:
        raise SourceError("stdin is empty: pipe JSONL, CSV or one text a line into it")
    if begins_array(start_of_text):
        raw = head + stream.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise too_large("stdin")
        return array_part(raw, "stdin", batch_rows)
    mark = csv_mark(head)
    if mark is not None:
        return typed_part("stdin", held_csv(head, stream, mark), infer_csv, batch_rows, None)

    class Joined:
        def __init__(self) -> None:
            self.first = head

        def read(self, size: int) -> bytes:
            if self.first:
                block, self.first = self.first, b""
                return block
            return bytes(stream.read(size))

    joined = Joined()
    reader = files.json_records if start_of_text.startswith(b"{") else files.plain_lines
    return single_part(
        "stdin", lambda report: reader(joined, "stdin", report), infer_json, batch_rows
    )
