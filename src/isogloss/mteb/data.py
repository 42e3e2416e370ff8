"""Local data as the tasks need it: documents with queries and judgements, or texts with labels."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss._core.errors import ColumnError, ParameterError, SourceError, nearest

Grades = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class RetrievalData:
    """Documents, queries, and which document answers which query.

    Parameters
    ----------
    documents : dict of str to (str, str)
        Id to title (may be empty) and text.
    queries : dict of str to str
        Id to text.
    qrels : dict of str to dict of str to int
        Query to document to grade; above 0 is relevant.

    Raises
    ------
    ParameterError
        For judgements of unknown queries or documents, for grades that are no whole numbers, and
        where no query has a relevant document.

    Examples
    --------
    >>> RetrievalData({"d": ("", "a cat")}, {"q": "cats"}, {"q": {"d": 1}}).judged
    ['q']
    """

    documents: dict[str, tuple[str, str]]
    queries: dict[str, str]
    qrels: Grades

    def __post_init__(self) -> None:
        for query, grades in self.qrels.items():
            if query not in self.queries:
                raise ParameterError(f"a judgement names the query {query!r}, which is not there")
            for document, grade in grades.items():
                if document not in self.documents:
                    raise ParameterError(
                        f"query {query!r} has a judgement of the document {document!r}, which is "
                        "not in the corpus: leave it out, or add the document"
                    )
                if isinstance(grade, bool) or not isinstance(grade, int):
                    raise ParameterError(
                        f"query {query!r}, document {document!r}: the grade is {grade!r}; mteb "
                        "takes whole numbers"
                    )
        if not self.judged:
            raise ParameterError("no query has a relevant document: give one a grade above 0")

    @property
    def judged(self) -> list[str]:
        """The queries with a relevant document, in order: those that count."""
        return [
            query
            for query in self.queries
            if any(grade > 0 for grade in self.qrels.get(query, {}).values())
        ]

    def full_texts(self) -> dict[str, str]:
        """Give each document as models read it: title, a blank, text, as mteb joins them."""
        return {
            name: f"{title} {text}".strip() if title else text.strip()
            for name, (title, text) in self.documents.items()
        }

    def subset(self, documents: Iterable[str], queries: Iterable[str]) -> "RetrievalData":
        """Keep some documents and queries, in the order of this data, with their judgements."""
        kept, asked = set(documents), set(queries)
        return RetrievalData(
            {name: value for name, value in self.documents.items() if name in kept},
            {name: text for name, text in self.queries.items() if name in asked},
            {
                query: {name: grade for name, grade in grades.items() if name in kept}
                for query, grades in self.qrels.items()
                if query in asked
            },
        )

    def digest(self) -> str:
        """Give the SHA-256 of everything in it: the revision of the task."""
        whole = hashlib.sha256()
        for name, (title, text) in self.documents.items():
            _add(whole, "d", name, title, text)
        for name, text in self.queries.items():
            _add(whole, "q", name, text)
        for query, grades in sorted(self.qrels.items()):
            for document, grade in sorted(grades.items()):
                _add(whole, "j", query, document, str(grade))
        return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class LabelledData:
    """Texts with a label each, for clustering (all of them) or classification (train and test).

    Parameters
    ----------
    texts, labels : list of str (n)
        Labels may repeat; each text has one.
    test : list of bool (n)
        True for those that are scored. Classification learns from the others.

    Raises
    ------
    ParameterError
        For lists of unequal length, an empty text, or fewer than two labels.

    Examples
    --------
    >>> LabelledData(["a", "b"], ["x", "y"], [True, True]).part(test=True).texts
    ['a', 'b']
    """

    texts: list[str]
    labels: list[str]
    test: list[bool]

    def __post_init__(self) -> None:
        if not len(self.texts) == len(self.labels) == len(self.test):
            raise ParameterError(
                f"{len(self.texts)} texts, {len(self.labels)} labels and {len(self.test)} marks: "
                "give one of each"
            )
        for row, text in enumerate(self.texts):
            if not isinstance(text, str) or not text.strip():
                raise ParameterError(f"texts[{row}] is {text!r}: leave out texts without content")
        if len(set(self.labels)) < 2:
            raise ParameterError("fewer than two labels: nothing can be told apart")

    def part(self, *, test: bool) -> "LabelledData":
        """Give the rows that are scored, or the others."""
        rows = [row for row, one in enumerate(self.test) if one is test]
        return LabelledData(
            [self.texts[row] for row in rows],
            [self.labels[row] for row in rows],
            [test] * len(rows),
        )

    def digest(self) -> str:
        """Give the SHA-256 of everything in it: the revision of the task."""
        whole = hashlib.sha256()
        for text, label, test in zip(self.texts, self.labels, self.test, strict=True):
            _add(whole, text, label, str(int(test)))
        return whole.hexdigest()


def _add(whole: Any, *parts: str) -> None:
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        whole.update(f"{len(data)}:".encode() + data)


def read_retrieval(
    folder: str | Path, *, gain: Callable[[float], int] | None = None
) -> RetrievalData:
    r"""Read a retrieval set from three files of a folder.

    Parameters
    ----------
    folder : path
        Holds ``corpus``, ``queries`` and ``qrels``, each as ``.parquet``, ``.jsonl`` or ``.csv``
        (``qrels.tsv`` too). Corpus: ``id`` (or ``_id``), ``text``, ``title`` if there is one.
        Queries: ``id`` (or ``_id``), ``text``. Judgements: ``query_id``, ``doc_id`` and ``score``
        (or ``query-id``, ``corpus-id``, ``score``).
    gain : callable, optional
        Turns a published judgement into a whole grade, for codes where small is good. By default
        a judgement is its own grade.

    Returns
    -------
    RetrievalData
        Ids as strings. Judgements of documents that the corpus lacks are an error.

    Raises
    ------
    SourceError
        When a file is missing or cannot be read.
    ColumnError
        When a column is missing.
    ParameterError
        See `RetrievalData`; also for an id that comes twice.

    Examples
    --------
    >>> import json, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "corpus.jsonl").write_text('{"_id": "d1", "title": "", "text": "a cat"}')
    >>> _ = (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "cats"}')
    >>> _ = (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    >>> read_retrieval(folder).qrels
    {'q1': {'d1': 1}}
    """
    place = Path(folder)
    if not place.is_dir():
        raise SourceError(f"{place} is no folder: give one with corpus, queries and qrels")
    corpus = _table(place, "corpus")
    asked = _table(place, "queries")
    judged = _table(place, "qrels")
    ids = _column(corpus, "corpus", "id", "_id")
    texts = _column(corpus, "corpus", "text")
    titles = corpus.get("title") or [None] * len(ids)
    documents = {
        str(name): (title or "", text or "")
        for name, title, text in zip(ids, titles, texts, strict=True)
    }
    _unique(ids, documents, "corpus")
    query_ids = _column(asked, "queries", "id", "_id")
    queries = {
        str(name): text or ""
        for name, text in zip(query_ids, _column(asked, "queries", "text"), strict=True)
    }
    _unique(query_ids, queries, "queries")
    qrels: Grades = {}
    for query, document, score in zip(
        _column(judged, "qrels", "query_id", "query-id"),
        _column(judged, "qrels", "doc_id", "corpus-id"),
        _column(judged, "qrels", "score"),
        strict=True,
    ):
        value = score if gain is None else gain(score)
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        qrels.setdefault(str(query), {})[str(document)] = whole
    return RetrievalData(documents, queries, qrels)


def _unique(ids: list[Any], kept: Mapping[str, Any], what: str) -> None:
    if len(ids) == len(kept):
        return
    seen: set[str] = set()
    for name in ids:
        if str(name) in seen:
            raise ParameterError(f"the id {name!r} comes twice in {what}: ids name one text each")
        seen.add(str(name))


def read_labelled(
    path: str | Path,
    *,
    text: str = "text",
    label: str = "label",
    split: str | None = None,
    test: str = "test",
) -> LabelledData:
    r"""Read a labelled table.

    Parameters
    ----------
    path : path
        A ``.parquet``, ``.jsonl``, ``.csv`` or ``.tsv`` file. Rows without a text or a label are
        left out.
    text, label : str
        Columns.
    split : str, optional
        Column that parts the rows; without one all are scored.
    test : str
        Value of `split` for the rows that are scored.

    Returns
    -------
    LabelledData

    Raises
    ------
    SourceError, ColumnError, ParameterError
        As `read_retrieval`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "table.csv"
    >>> _ = path.write_text("text,label\na cat,x\na dog,y\n")
    >>> read_labelled(path).labels
    ['x', 'y']
    """
    place = Path(path)
    table = _read(place)
    texts, labels = _column(table, place.name, text), _column(table, place.name, label)
    parts = _column(table, place.name, split) if split else [test] * len(texts)
    kept = [
        (value, str(name), part == test)
        for value, name, part in zip(texts, labels, parts, strict=True)
        if isinstance(value, str) and value.strip() and name is not None
    ]
    return LabelledData([v for v, _, _ in kept], [n for _, n, _ in kept], [p for _, _, p in kept])


def _table(folder: Path, name: str) -> dict[str, list[Any]]:
    for ending in (".parquet", ".jsonl", ".csv", ".tsv"):
        if (folder / f"{name}{ending}").is_file():
            return _read(folder / f"{name}{ending}")
    raise SourceError(f"{folder} has no {name}.parquet, .jsonl, .csv or .tsv")


def _read(path: Path) -> dict[str, list[Any]]:
    import pyarrow as pa

    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    try:
        table = _arrow(path)
    except (OSError, pa.ArrowException, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise SourceError(f"cannot read {path}: {reason}") from error
    columns: dict[str, list[Any]] = table.to_pydict()
    return columns


def _arrow(path: Path) -> Any:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path)
    if path.suffix == ".jsonl":
        import pyarrow.json as pj

        return pj.read_json(path, parse_options=pj.ParseOptions(newlines_in_values=False))
    if path.suffix in (".csv", ".tsv"):
        import pyarrow.csv as pc

        mark = "\t" if path.suffix == ".tsv" else ","
        options = pc.ParseOptions(delimiter=mark, newlines_in_values=path.suffix == ".csv")
        return pc.read_csv(path, parse_options=options)
    raise ValueError("the ending is none of .parquet, .jsonl, .csv, .tsv")


def _column(table: Mapping[str, list[Any]], what: str, *names: str) -> list[Any]:
    for name in names:
        if name in table:
            return table[name]
    raise ColumnError(f"{what} has no column {names[0]!r}; {nearest(names[0], table)}")
