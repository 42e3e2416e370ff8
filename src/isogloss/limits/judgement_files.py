"""Reads relevance judgements and queries from the files in which they are passed round."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isogloss._core.errors import ColumnError, ParameterError, SourceError, nearest
from isogloss._core.plural import plural
from isogloss.corpus.delimited import csv_records
from isogloss.corpus.files import TABLES, json_records, kind_of, open_bytes, table_batches
from isogloss.corpus.lines import read_lines

__all__ = ["GRADES", "ReadJudgements", "read_judgements", "read_queries"]

# Names of the columns, as published sets have them; the first is ours.
QUERY = ("query_id", "query-id", "qid", "query_no", "topic_id", "topic")
DOCUMENT = ("doc_id", "corpus-id", "corpus_id", "docid", "document_id", "docno", "passage_id")
SCORE = ("score", "relevance", "rel", "grade", "label", "gain")
ASKED = ("query_text", "query", "question")  # beside judgements, where "text" may be a document's
TEXT = ("text", *ASKED, "title")
QUERY_ID = ("id", "_id", *QUERY)

GRADES = ("higher", "lower", "yes-no")


@dataclass(slots=True)
class ReadJudgements:
    """What a file of judgements holds.

    Parameters
    ----------
    qrels : dict of str to dict of str to float
        Gains by query and document; 0 and less is not relevant.
    queries : dict of str to str
        Texts of the queries, where the file has a column of them.
    repeated : int
        Rows that say again, with the same score, what a row before them said.
    """

    qrels: dict[str, dict[str, float]] = field(default_factory=dict)
    queries: dict[str, str] = field(default_factory=dict)
    repeated: int = 0


def read_judgements(
    given: str | Path | Mapping[str, Mapping[str, float]], *, grades: str = "higher"
) -> ReadJudgements:
    """Read relevance judgements.

    Parameters
    ----------
    given : path or mapping
        Parquet, Arrow, CSV, TSV or JSONL with columns ``query_id``, ``doc_id`` and ``score``
        (other usual names are known; without a score every row is relevant), or TREC qrels: lines
        of query, 0, document, score. A mapping of query to mapping of document to score does too.
    grades : {"higher", "lower", "yes-no"}, default "higher"
        What a score says. ``higher``: the higher, the better. ``lower``: the lower, the better, as
        in sets that call their best documents 1; the gain is the highest score plus 1 less the
        score. ``yes-no``: above 0 is relevant, how far does not matter. In all of them 0 and less
        is not relevant.

    Returns
    -------
    ReadJudgements

    Raises
    ------
    SourceError, ColumnError
        When the file cannot be read, lacks a column, has rows without an id or a number, or judges
        a pair twice with different scores.
    ParameterError
        For another word of `grades`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "test.qrels"
    >>> _ = path.write_text("q1 0 d7 2" + chr(10) + "q1 0 d9 0" + chr(10))
    >>> read_judgements(path).qrels
    {'q1': {'d7': 2.0, 'd9': 0.0}}
    >>> read_judgements({"q1": {"d7": 3, "d8": 1}}, grades="lower").qrels
    {'q1': {'d7': 1.0, 'd8': 3.0}}
    """
    if grades not in GRADES:
        raise ParameterError(f"grades is {grades!r}; {nearest(str(grades), GRADES)}")
    found = ReadJudgements()
    if isinstance(given, Mapping):
        for query, judged in given.items():
            if not isinstance(judged, Mapping):
                raise ParameterError(
                    f"query {query!r} has {type(judged).__name__}: give a mapping of document to "
                    "score"
                )
            for document, score in judged.items():
                _take(found, (query, document, score, None), f"query {query!r}", 0, grades)
    else:
        path = _path(given, "judgements")
        for row, one in _rows(path):
            _take(found, one, str(path), row, grades)
        if not found.qrels:
            raise SourceError(f"{path} has no judgements: give rows of query, document and score")
    _scale(found, grades)
    return found


def read_queries(given: str | Path | Mapping[str, str]) -> dict[str, str]:
    """Read the texts of queries.

    Parameters
    ----------
    given : path or mapping
        Parquet, Arrow, CSV, TSV or JSONL with columns ``id`` and ``text`` (other usual names are
        known), or a mapping of id to text.

    Returns
    -------
    dict of str to str

    Raises
    ------
    SourceError, ColumnError
        When the file cannot be read, lacks a column, or has a query twice with different texts.

    Examples
    --------
    >>> read_queries({1: "who is it"})
    {'1': 'who is it'}
    """
    if isinstance(given, Mapping):
        pairs: Iterator[tuple[Any, Any]] = iter(given.items())
        where = "queries"
    else:
        path = _path(given, "queries")
        where = str(path)
        pairs = _pairs(path)
    found: dict[str, str] = {}
    for query, text in pairs:
        if query is None or not isinstance(text, str) or not text.strip():
            continue  # a judged query without a text is named later
        name = _name(query)
        if found.setdefault(name, text) != text:
            raise SourceError(f"{where} has two texts for the query {name!r}: keep one")
    if not found:
        raise SourceError(f"{where} has no query with an id and a text")
    return found


def _path(given: Any, what: str) -> Path:
    if not isinstance(given, str | Path):
        raise ParameterError(f"{what}: got {type(given).__name__}; give a path or a mapping")
    path = Path(given).expanduser()
    if path.is_dir():
        raise SourceError(f"{path} is a folder: give the file of {what} in it")
    if not path.is_file():
        raise SourceError(f"there is no file of {what} at {path}")
    return path


def _name(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _take(
    found: ReadJudgements, one: tuple[Any, Any, Any, Any], where: str, row: int, grades: str
) -> None:
    query, document, score, text = one
    if query is None or document is None:
        raise SourceError(f"{where}, row {row}: a judgement needs a query id and a document id")
    try:
        number = 1.0 if score is None else float(score)
    except (TypeError, ValueError) as error:
        raise SourceError(f"{where}, row {row}: the score {score!r} is no number") from error
    if not math.isfinite(number):
        raise SourceError(f"{where}, row {row}: the score is {number}; give a finite number")
    judged = found.qrels.setdefault(_name(query), {})
    name = _name(document)
    found.repeated += name in judged
    before = judged.setdefault(name, number)
    # "yes-no" reads 1 and 2 alike.
    if before != number and (grades != "yes-no" or (before > 0) != (number > 0)):
        raise SourceError(
            f"{where}, row {row}: query {_name(query)!r} and document {name!r} have the score "
            f"{number:g}, and {before:g} in a row before: keep one of them"
        )
    if isinstance(text, str) and text.strip():
        found.queries.setdefault(_name(query), text)


def _scale(found: ReadJudgements, grades: str) -> None:
    if grades == "higher":
        return
    top = max((score for judged in found.qrels.values() for score in judged.values()), default=0.0)
    for judged in found.qrels.values():
        for document, score in judged.items():
            if score > 0:
                judged[document] = top + 1 - score if grades == "lower" else 1.0


def _rows(path: Path) -> Iterator[tuple[int, tuple[Any, Any, Any, Any]]]:
    """Give row number (from 0), query, document, score and text of the query."""
    kind = kind_of(path)
    if kind not in TABLES and kind not in (".jsonl", ".ndjson", ".json") and _is_trec(path):
        yield from _trec(path)
        return
    columns, records = _records(path, kind)
    query, document = (
        _column(columns, names, path, what)
        for names, what in ((QUERY, "query ids"), (DOCUMENT, "document ids"))
    )
    lowered = {column.strip().lower(): column for column in columns}
    score = next((lowered[name] for name in SCORE if name in lowered), None)
    text = next((lowered[name] for name in ASKED if name in lowered), None)
    for row, record in records:
        if score is not None and record.get(score) is None:
            raise SourceError(f"{path}, row {row}: the score is missing")
        number = record[score] if score is not None else None
        words = record.get(text) if text is not None else None
        yield row, (record.get(query), record.get(document), number, words)


def _pairs(path: Path) -> Iterator[tuple[Any, Any]]:
    columns, records = _records(path, kind_of(path))
    key = _column(columns, QUERY_ID, path, "query ids")
    text = _column(columns, [name for name in TEXT if name != key], path, "texts of queries")
    for _, record in records:
        yield record.get(key), record.get(text)


def _column(columns: Sequence[str], names: Sequence[str], path: Path, what: str) -> str:
    lowered = {column.strip().lower(): column for column in columns}
    for name in names:
        if name in lowered:
            return lowered[name]
    raise ColumnError(
        f"{path} has no column of {what}: call it {names[0]!r}; it has "
        + (", ".join(repr(column) for column in columns) or "none")
    )


def _records(
    path: Path, kind: str | None
) -> tuple[list[str], Iterator[tuple[int, dict[str, Any]]]]:
    """Give the names of the columns, and rows as records."""
    if kind in TABLES:
        schema, batches = table_batches(path, kind, 65536)
        return list(schema.names), _from_batches(batches)
    stream = open_bytes(path)
    if kind in (".jsonl", ".ndjson", ".json"):
        found = json_records(stream, str(path), _refuse(path))
    elif kind in (".csv", ".tsv", ".txt"):
        found = csv_records(
            stream, str(path), _refuse(path), delimiter="\t" if kind == ".tsv" else None
        )
    else:
        raise SourceError(
            f"{path} is of no kind that is read here: give Parquet, Arrow, CSV, TSV, JSONL, or "
            "TREC lines of query, 0, document, score"
        )
    first = next(found, None)
    if first is None:
        raise SourceError(f"{path} has no rows")
    return list(first[1]), _with_first(first, found)


def _with_first(first: Any, rest: Iterator[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    yield first[0], first[1]
    for row, record, _ in rest:
        yield row, record


def _from_batches(batches: Iterator[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    row = 0
    for batch in batches:
        for record in batch.to_pylist():
            yield row, record
            row += 1


def _refuse(path: Path) -> Any:
    def report(row: int, kind: str, reason: str) -> None:
        raise SourceError(f"{path}, row {row}: {reason}")

    return report


def _is_trec(path: Path) -> bool:
    """Tell TREC lines by the first one: four fields, the last a number, the second as well."""
    for _, line in read_lines(open_bytes(path), str(path), _refuse(path)):
        fields = line.decode("utf-8", "replace").split()
        if fields:
            return len(fields) == 4 and _is_number(fields[3])
    return False


def _trec(path: Path) -> Iterator[tuple[int, tuple[Any, Any, Any, Any]]]:
    for row, line in read_lines(open_bytes(path), str(path), _refuse(path)):
        fields = line.decode("utf-8", "replace").split()
        if not fields:
            continue
        if len(fields) != 4:
            raise SourceError(
                f"{path}, line {row + 1} has {plural(len(fields), 'field')}; TREC judgements have "
                "four: query, 0, document, score"
            )
        yield row, (fields[0], fields[2], fields[3], None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
