"""Rows become documents: ids checked, texts repaired, what cannot be used rejected."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss.corpus.types import to_storable, whole_text

# Longest text of a document; a longer one is rejected.
LONGEST_TEXT = 64 << 20


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that did not become a document.

    Parameters
    ----------
    file : str
        Where it stands; the kind of object for data in memory.
    row : int
        Number of the record in that file, from 0 (headers and blank lines do not count).
    reason : str
        Why, with the line where there are lines.
    kind : str
        The reason in few words, the same for all such rows.

    Examples
    --------
    >>> Reject("a.csv", 3, "text is empty", "empty text").row
    3
    """

    file: str
    row: int
    reason: str
    kind: str


class SeenKeys:
    """Tells keys that were met before, in 8 bytes a key.

    Sorted runs are merged when they are alike in size, so that the work stays n log n.

    Examples
    --------
    >>> seen = SeenKeys()
    >>> seen.add(np.array([3, 1, 3])).tolist()
    [False, False, True]
    >>> seen.add(np.array([1, 2])).tolist()
    [True, False]
    """

    def __init__(self) -> None:
        self._runs: list[NDArray[np.int64]] = []

    def add(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Take keys; bool (n,): which were there before, or earlier among these."""
        order = np.argsort(keys, kind="stable")
        in_order = keys[order]
        repeated = np.zeros(len(keys), dtype=bool)
        repeated[order[1:]] = in_order[1:] == in_order[:-1]
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            repeated |= run[place] == keys
        fresh = np.unique(keys[~repeated])
        if len(fresh):
            self._runs.append(fresh)
            while len(self._runs) > 1 and len(self._runs[-2]) < 2 * len(self._runs[-1]):
                last = self._runs.pop()
                self._runs[-1] = np.union1d(self._runs[-1], last)
        return repeated


def id_keys(ids: pa.Array) -> NDArray[np.int64]:
    """Give a 64-bit key to each id: integers their value, strings a hash.

    Examples
    --------
    >>> id_keys(pa.array([5, 7])).tolist()
    [5, 7]
    """
    if pa.types.is_integer(ids.type):
        return np.asarray(ids.to_numpy(zero_copy_only=False)).astype(np.int64)
    return np.array(
        [int.from_bytes(_digest(value), "little", signed=True) for value in ids.to_pylist()],
        dtype=np.int64,
    )


def _digest(value: str) -> bytes:
    return hashlib.blake2b(value.encode(), digest_size=8).digest()


class Cleaner:
    """Turns batches of raw columns into batches of documents.

    Parameters
    ----------
    schema : pyarrow.Schema
        Of the documents: id, row, text, then attributes.
    origin : dict
        Name in the document -> name in the source.
    on_reject : callable
        Takes every `Reject`.
    on_repair : callable
        Takes a kind of repair and a count.
    """

    def __init__(
        self,
        schema: pa.Schema,
        origin: dict[str, str | None],
        *,
        on_reject: Callable[[Reject], None],
        on_repair: Callable[[str, int], None],
    ) -> None:
        self.schema = schema
        self._origin = origin
        self._on_reject = on_reject
        self._on_repair = on_repair
        self._seen = SeenKeys()

    def clean(
        self, file: str | list[str], rows: NDArray[np.int64], batch: pa.RecordBatch
    ) -> pa.RecordBatch:
        """Clean one batch; rows are the numbers of its records in the file, or in the files."""
        columns: list[pa.Array] = []
        names = set(batch.schema.names)
        for field in self.schema:
            origin = self._origin[field.name]
            if field.name == "row" or (field.name == "id" and origin is None):
                columns.append(pa.array(rows, pa.int64()))
            elif origin not in names:
                columns.append(pa.nulls(batch.num_rows, field.type))
            else:
                column, changed = to_storable(batch.column(origin), field.type)
                if changed:
                    is_text = pa.types.is_string(field.type)
                    self._on_repair(
                        "invalid UTF-8" if is_text else "value of another type", changed
                    )
                columns.append(column)
        document = pa.RecordBatch.from_arrays(columns, schema=self.schema)
        document = self._texts(file, document)
        if self._origin["id"] is not None:
            document = self._ids(file, document)
        return document

    def _texts(self, file: str | list[str], batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = batch.column("text")
        if pc.any(pc.match_substring(texts, "\0")).as_py():
            held = pc.sum(pc.cast(pc.match_substring(texts, "\0"), pa.int64())).as_py()
            self._on_repair("NUL in text", held)
            texts = pc.replace_substring(texts, "\0", "\ufffd")
            batch = batch.set_column(batch.schema.get_field_index("text"), "text", texts)
        missing = np.asarray(pc.is_null(texts))
        blank = np.asarray(
            pc.fill_null(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0), False)
        )
        long = np.asarray(pc.fill_null(pc.greater(pc.binary_length(texts), LONGEST_TEXT), False))
        bad = missing | blank | long
        if not bad.any():
            return batch
        rows = batch.column("row").to_pylist()
        for place in np.flatnonzero(bad).tolist():
            if missing[place]:
                self._reject(file, rows[place], "text is null", "null text")
            elif blank[place]:
                self._reject(file, rows[place], "text is empty", "empty text")
            else:
                size = f"text is longer than {LONGEST_TEXT >> 20} MB"
                self._reject(file, rows[place], size, "text too long")
        return batch.filter(pa.array(~bad))

    def _ids(self, file: str | list[str], batch: pa.RecordBatch) -> pa.RecordBatch:
        ids = batch.column("id")
        missing = np.asarray(pc.is_null(ids))
        if missing.any():
            rows = batch.column("row").to_pylist()
            for place in np.flatnonzero(missing).tolist():
                self._reject(file, rows[place], "id is null", "null id")
            batch = batch.filter(pa.array(~missing))
            ids = batch.column("id")
        repeated = self._seen.add(id_keys(ids))
        if repeated.any():
            rows, values = batch.column("row").to_pylist(), ids.to_pylist()
            for place in np.flatnonzero(repeated).tolist():
                reason = f"id {values[place]!r} stands earlier in the source"
                self._reject(file, rows[place], reason, "repeated id")
            batch = batch.filter(pa.array(~repeated))
        return batch

    def _reject(self, file: str | list[str], row: int, reason: str, kind: str) -> None:
        self._on_reject(Reject(file if isinstance(file, str) else file[row], row, reason, kind))


def clean_value(value: Any) -> Any:
    """Make a value of a record safe for Arrow: whole Unicode, no strange objects.

    Examples
    --------
    >>> clean_value("a")
    'a'
    """
    return whole_text(value) if isinstance(value, str) else value
