"""Open a source: find its format, its text and its id, and stream its documents."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from isogloss._core.columns import attribute_name
from isogloss._core.errors import ColumnError, nearest
from isogloss.corpus.clean import Cleaner, Reject
from isogloss.corpus.part import Part, no_rows
from isogloss.corpus.parts import open_parts
from isogloss.corpus.types import storable

__all__ = ["Reject", "Source", "open_source"]

# Texts of a column that are looked at to tell prose from names.
_LOOK = 500


def open_source(
    source: Any,
    *,
    text: str | None = None,
    id: str | None = None,  # noqa: A002 - the name of the command's option
    limit: int | None = None,
    batch_rows: int = 2048,
    on_reject: Callable[[Reject], None] | None = None,
) -> "Source":
    """Open anything that holds texts.

    Parameters
    ----------
    source : path, "-", list of paths, pyarrow table, frame, list of str or of dict, iterable
        A path is a file (Parquet, Arrow, JSONL, CSV, TSV, text with one document a line; packed
        with gz, zst or bz2), or a folder of such files or of text files (one document each). In
        Python a list of strings holds texts, unless all are paths that exist.
    text : str, optional
        The text column; found when there is one candidate.
    id : str, optional
        The id column; by default one called ``id``, else documents have no ids of their own.
    limit : int, optional
        Documents to give at most.
    batch_rows : int, default 2048
        Rows in a batch at most.
    on_reject : callable, optional
        Takes each `Reject` as it is met.

    Returns
    -------
    Source

    Raises
    ------
    SourceError
        When it cannot be found or read.
    ColumnError
        When a column is missing, or the text column is ambiguous.

    Examples
    --------
    >>> source = open_source([{"id": "a", "text": "one"}, {"id": "b", "text": ""}])
    >>> [batch.column("id").to_pylist() for batch in source.batches()]
    [['a']]
    >>> source.rejects
    [Reject(file='list', row=1, reason='text is empty', kind='empty text')]
    """
    parts = open_parts(source, batch_rows)
    return Source(parts, text=text, id=id, limit=limit, on_reject=on_reject)


class Source:
    """A source that was opened: its columns are known, its documents can be streamed.

    Attributes
    ----------
    text_column, id_column : str, str or None
        As the source names them.
    id_type : pyarrow.DataType
        int64 or string; int64 where there is no id column.
    schema : pyarrow.Schema
        The attributes: every other column.
    renamed : dict
        Attributes whose names could not stay: name in the source -> name here.
    rejects : list of Reject
        The first 10,000 rows that did not become documents, filled while `batches` runs.
    rejected : int
        All of them.
    repairs : dict
        Kind of repair -> values repaired.
    documents : int
        Documents given so far.
    """

    KEPT_REJECTS = 10_000

    def __init__(
        self,
        parts: list[Part],
        *,
        text: str | None,
        id: str | None,  # noqa: A002
        limit: int | None,
        on_reject: Callable[[Reject], None] | None,
    ) -> None:
        self._parts = parts
        self._limit = limit
        self._on_reject = on_reject
        self.rejects: list[Reject] = []
        self.rejected = 0
        self.repairs: dict[str, int] = {}
        self.documents = 0
        columns = _unite(parts)
        self.text_column = _find_text(columns, text, id, parts)
        self.id_column = _find_id(columns, id, self.text_column)
        self.renamed: dict[str, str] = {}
        origin: dict[str, str | None] = {"id": self.id_column, "text": self.text_column}
        origin["row"] = None
        fields: list[pa.Field] = []
        for name, kind in columns.items():
            if name in (self.text_column, self.id_column):
                continue
            kept = attribute_name(name, {field.name for field in fields})
            if kept != name:
                self.renamed[name] = kept
            origin[kept] = name
            fields.append(pa.field(kept, storable(kind)))
        self.schema = pa.schema(fields)
        id_type = pa.int64()
        if self.id_column is not None and not pa.types.is_integer(columns[self.id_column]):
            id_type = pa.string()
        self.id_type = id_type
        own = [("id", id_type), ("row", pa.int64()), ("text", pa.string())]
        self._cleaner = Cleaner(
            pa.schema([*own, *fields]), origin, on_reject=self._reject, on_repair=self._repair
        )

    @property
    def expected_documents(self) -> int | None:
        """Rows that the files announce, None when one of them does not."""
        counts = [part.rows for part in self._parts]
        if any(count is None for count in counts):
            return None
        total = sum(count for count in counts if count is not None)
        return total if self._limit is None else min(total, self._limit)

    def first_texts(self, count: int) -> list[str]:
        """Give texts from the beginning of the source, `count` at most; nothing is consumed."""
        found: list[str] = []
        for part in self._parts:
            found += _look(part, [self.text_column], count)[self.text_column]
            if len(found) >= count:
                break
        return found[:count]

    def inputs(self) -> list[dict[str, Any]]:
        """Give path, size and modification time of every file; empty for data in memory."""
        files = []
        for part in self._parts:
            if part.path is None:
                return []
            stat = part.path.stat()
            files.append(
                {"path": str(part.path), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
            )
        return files

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Stream the documents: id, row, text, then the attributes.

        Raises
        ------
        SourceError
            When a file breaks off.
        """
        for part in self._parts:
            for rows, batch in part.batches(self._reject, self._repair):
                documents = self._cleaner.clean(
                    part.row_files or part.name, np.asarray(rows, np.int64), batch
                )
                if self._limit is not None:
                    documents = documents.slice(0, self._limit - self.documents)
                self.documents += documents.num_rows
                if documents.num_rows:
                    yield documents
                if self._limit is not None and self.documents >= self._limit:
                    return

    def _reject(self, reject: Reject) -> None:
        self.rejected += 1
        if len(self.rejects) < self.KEPT_REJECTS:
            self.rejects.append(reject)
        if self._on_reject is not None:
            self._on_reject(reject)

    def _repair(self, kind: str, count: int) -> None:
        self.repairs[kind] = self.repairs.get(kind, 0) + count


def _unite(parts: list[Part]) -> dict[str, pa.DataType]:
    """Unite the columns of all parts; types that differ widen where that loses nothing."""
    columns: dict[str, pa.DataType] = {}
    where: dict[str, str] = {}
    for part in parts:
        names = part.schema.names
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ColumnError(f"{part.name} has two columns named {double[0]!r}: rename one")
        for field in part.schema:
            old = columns.get(field.name)
            kind = _plain(field.type)
            if old is None or old == kind:
                columns[field.name] = kind
            else:
                columns[field.name] = _wider(old, kind, field.name, where[field.name], part.name)
            where.setdefault(field.name, part.name)
    return columns


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return kind


def _wider(old: pa.DataType, new: pa.DataType, name: str, first: str, second: str) -> pa.DataType:
    if pa.types.is_null(old):
        return new
    if pa.types.is_null(new):
        return old
    try:
        united = pa.unify_schemas(
            [pa.schema([(name, old)]), pa.schema([(name, new)])], promote_options="permissive"
        )
    except pa.ArrowException as error:
        raise ColumnError(
            f"column {name!r} is {old} in {first} and {new} in {second}: make them alike"
        ) from error
    return united.field(0).type


def _find_id(columns: dict[str, pa.DataType], given: str | None, text: str) -> str | None:
    if given is not None:
        if given not in columns:
            raise ColumnError(f"there is no id column {given!r}; {nearest(given, columns)}")
        if given == text:
            raise ColumnError(f"{given!r} cannot be both the text and the id column")
        if not _can_be_id(columns[given]):
            raise ColumnError(
                f"the id column {given!r} is {columns[given]}; ids are strings or integers"
            )
        return given
    found = [name for name in columns if name.lower() == "id" and name != text]
    return found[0] if len(found) == 1 and _can_be_id(columns[found[0]]) else None


def _can_be_id(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or (pa.types.is_integer(kind) and kind != pa.uint64()))


def _find_text(
    columns: dict[str, pa.DataType], given: str | None, id_column: str | None, parts: list[Part]
) -> str:
    what = parts[0].name
    if not columns:
        raise no_rows(parts)
    if given is not None:
        if given not in columns:
            raise ColumnError(f"{what} has no column {given!r}; {nearest(given, columns)}")
        if not _can_be_text(columns[given]):
            raise ColumnError(
                f"{what}: the text column {given!r} is {columns[given]}, not text: "
                f"{_strings(columns)}"
            )
        return given
    texts = [name for name, kind in columns.items() if _can_be_text(kind)]
    candidates = [n for n in texts if n != id_column and (len(texts) == 1 or n.lower() != "id")]
    if "text" in candidates:
        return "text"
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        known = ", ".join(f"{name!r} ({kind})" for name, kind in columns.items())
        raise ColumnError(f"{what} has no column of text; it has {known}")
    looks = _look(parts[0], candidates)
    prose = [name for name in candidates if _is_prose(looks[name])]
    if len(prose) == 1:
        return prose[0]
    shown = prose or candidates
    lengths = ", ".join(f"{name!r} ({_mean_length(looks[name]):.0f} characters)" for name in shown)
    raise ColumnError(
        f"{what} has {len(shown)} columns that may be the text: {lengths}; name one with --text "
        "(in a recipe: text)"
    )


def _can_be_text(kind: pa.DataType) -> bool:
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return bool(binary or pa.types.is_string(kind))


def _strings(columns: dict[str, pa.DataType]) -> str:
    names = [repr(name) for name, kind in columns.items() if _can_be_text(kind)]
    return f"columns of text are {', '.join(names)}" if names else "no column holds text"


def _look(part: Part, names: list[str], count: int = 0) -> dict[str, list[str]]:
    head = part.head(count or _LOOK)
    looks = {}
    for name in names:
        values = head.column(name).to_pylist() if name in head.schema.names else []
        looks[name] = [
            v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values if v
        ]
    return looks


def _mean_length(texts: list[str]) -> float:
    return sum(map(len, texts)) / max(1, len(texts))


def _is_prose(texts: list[str]) -> bool:
    """Tell prose from names and categories: long enough, mostly distinct, of several words.

    Scripts without spaces count by their length alone.
    """
    if not texts:
        return False
    distinct = len(set(texts)) / len(texts)
    spaced = sum(text.count(" ") for text in texts) / len(texts)
    unspaced = sum(any(ord(c) > 0x2E7F for c in text) for text in texts) > len(texts) / 2
    wordy = spaced >= 2 or (unspaced and _mean_length(texts) >= 8)
    return wordy and (distinct > 0.5 or len(texts) < 4)
