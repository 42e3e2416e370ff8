"""A table that is piped into stdin: kept in a file for as long as it is read."""

import csv
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from isogloss._core.files import storage_errors
from isogloss.corpus import files
from isogloss.corpus.delimited import csv_records
from isogloss.corpus.lines import Record, Report

__all__ = ["csv_mark", "held_csv"]

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
    first = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[0].decode("utf-8", "replace").strip()
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
