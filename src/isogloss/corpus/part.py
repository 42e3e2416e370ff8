"""One part of a source: a file, table or list, as a stream of raw Arrow batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from isogloss._core.errors import SourceError
from isogloss.corpus.clean import Reject

OnReject = Callable[[Reject], None]
OnRepair = Callable[[str, int], None]
Rows = Iterator[tuple[list[int] | range, pa.RecordBatch]]


@dataclass(slots=True)
class Part:
    """One file, table or list.

    Parameters
    ----------
    name : str
        For messages and rejects.
    schema : pyarrow.Schema
        Raw columns.
    start : callable
        Given functions that take rejects and repairs, streams (row numbers, batch).
    path : Path or None
        The file.
    rows : int or None
        Rows announced.
    first : pyarrow.Table or None
        The first rows, where the part can be read only once.
    row_files : list of str or None
        The file of each row, where every row is a file of its own.
    lost : str
        Why the first row was skipped, where all were; empty otherwise.
    """

    name: str
    schema: pa.Schema
    start: Callable[[OnReject, OnRepair], Rows]
    path: Path | None = None
    rows: int | None = None
    first: pa.Table | None = None
    row_files: list[str] | None = None
    lost: str = ""

    def batches(self, on_reject: OnReject, on_repair: OnRepair) -> Rows:
        """Stream the part from its beginning."""
        return self.start(on_reject, on_repair)

    def head(self, rows: int) -> pa.Table:
        """Give the first rows."""
        if self.first is not None:
            return self.first.slice(0, rows)
        taken: list[pa.RecordBatch] = []
        for _, batch in self.start(lambda _: None, lambda _k, _n: None):
            taken.append(batch)
            if sum(item.num_rows for item in taken) >= rows:
                break
        return pa.Table.from_batches(taken, self.schema).slice(0, rows)


def no_rows(parts: Sequence[Part]) -> SourceError:
    """Make the error for a source whose parts have no rows, with the first reason if there is one.

    Examples
    --------
    >>> part = Part("a.jsonl", pa.schema([]), lambda *_: iter(()), lost="line 1 is a list")
    >>> print(no_rows([part]))
    a.jsonl has no rows: all were skipped; line 1 is a list
    """
    what = parts[0].name
    lost = next((part for part in parts if part.lost), None)
    if lost is None:
        return SourceError(f"{what} has no rows")
    where = "" if lost.name == what else f"{lost.name}: "
    return SourceError(f"{what} has no rows: all were skipped; {where}{lost.lost}")
