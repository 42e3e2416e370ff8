"""Reads data sets for encoders: graded pairs, texts with classes, documents with queries."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import SourceError

__all__ = [
    "Labelled",
    "Pairs",
    "Retrieval",
    "columns_of",
    "cranfield_gain",
    "read_labelled",
    "read_pairs",
    "read_retrieval",
    "read_table",
    "retrieval_files",
]

TEST_SHARE = 0.3
# Names under which ids stand in a retrieval set, the second ones in those of BEIR.
_IDS = ("id", "_id")
_QUERIES = ("query_id", "query-id")
_DOCUMENTS = ("doc_id", "corpus-id", "corpus_id")


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of texts with a grade of how alike they are.

    Parameters
    ----------
    name : str
    texts : list of str
        Each once.
    left, right : int64 (n,)
        Rows of the texts of each pair.
    grades : float64 (n,)
        Higher is more alike.
    left_out : int
        Pairs without a text or a grade.
    """

    name: str
    texts: list[str]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    grades: NDArray[np.float64]
    left_out: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """Texts with a class each, parted into training and test.

    Parameters
    ----------
    name : str
        Of the data set.
    column : str
        Of the texts.
    texts : list of str
    classes : int64 (n,)
        Class numbers from 0.
    test : bool (n,)
        True for the test part.
    rows : int64 (n,)
        Rows of the table.
    left_out : int
        Rows without a text or a class, and repeated texts.
    """

    name: str
    column: str
    texts: list[str]
    classes: NDArray[np.int64]
    test: NDArray[np.bool_]
    rows: NDArray[np.int64]
    left_out: int


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Documents, queries, and which document answers which query.

    Parameters
    ----------
    name : str
    ids, texts : list of str
        Of the documents.
    queries : dict of str to str
        Texts of the queries that have a relevant document.
    qrels : dict of str to dict of str to float
        Gains, larger is better; 0 is not relevant.
    """

    name: str
    ids: list[str]
    texts: list[str]
    queries: dict[str, str]
    qrels: dict[str, dict[str, float]]


def read_pairs(path: Path, columns: tuple[str, str] = ("text1", "text2"), *, most: int) -> Pairs:
    """Read graded pairs: the test part where a file has parts.

    Parameters
    ----------
    path : Path
        A file with two texts and a ``score``.
    columns : (str, str)
        Of the texts.
    most : int
        Pairs at most, sampled with seed 0.

    Raises
    ------
    SourceError
        When the file cannot be read, lacks a column, or a score is no number.
    """
    table = read_table(path, [*columns, "score"], optional=["split"])
    ones, others, scores = (table[name] for name in (*columns, "score"))
    parts = table.get("split", [None] * len(ones))
    asked = "test" if "test" in parts else None
    rows = [row for row, part in enumerate(parts) if asked is None or part == asked]
    kept = [row for row in rows if ones[row] and others[row] and scores[row] is not None]
    if len(kept) < 3:
        raise SourceError(f"{path} has {len(kept)} graded pairs: give 3 or more")
    left_out = len(rows) - len(kept)
    if len(kept) > most:
        kept = sorted(np.random.default_rng(0).permutation(kept)[:most].tolist())
    try:
        grades = np.array([float(scores[row]) for row in kept])
    except (TypeError, ValueError) as error:
        raise SourceError(f"{path} has a score that is no number: {error}") from error
    if not np.isfinite(grades).all():
        raise SourceError(f"{path} has a score that is not finite")
    places: dict[str, int] = {}
    sides = [
        [places.setdefault(str(side[row]), len(places)) for row in kept] for side in (ones, others)
    ]
    left, right = (np.array(side, dtype=np.int64) for side in sides)
    return Pairs(_name(path), list(places), left, right, grades, left_out)


def _name(path: Path) -> str:
    return path.parent.name if path.stem == "data" else path.stem


def read_labelled(
    path: Path, column: str, *, labels: str = "label", most: int, name: str | None = None
) -> Labelled:
    """Read a labelled set.

    Each text counts once. The split is that of the set; a set without one is parted by a hash of
    the ids, three in ten for the test. Larger sets are sampled with seed 0.

    Parameters
    ----------
    path : Path
        A file with texts and classes; it may have ``id`` and ``split``.
    column, labels : str
        Of the texts and of the classes.
    most : int
        Texts at most.
    name : str, optional
        Of the set; that of its folder or file by default.

    Raises
    ------
    SourceError
        When the file cannot be read, lacks a column, or has no texts in that column.
    """
    table = read_table(path, [column, labels], optional=["id", "split"])
    texts, classed = table[column], table[labels]
    for row, text in enumerate(texts):
        if text is not None and not isinstance(text, str):
            raise SourceError(f"{path}: column {column!r} holds no texts, first in row {row}")
    ids = table.get("id", list(range(len(texts))))
    split = table.get("split", [None] * len(texts))
    seen: set[str] = set()
    kept = []
    for row, (text, label) in enumerate(zip(texts, classed, strict=True)):
        if text and text.strip() and label is not None and text not in seen:
            seen.add(text)
            kept.append(row)
    left_out = len(texts) - len(kept)
    if len(kept) > most:
        kept = sorted(np.random.default_rng(0).permutation(kept)[:most].tolist())
    parts = {split[row] for row in kept}
    if {"train", "test"} <= parts:
        test = [split[row] == "test" for row in kept]
    else:
        test = [_share(str(ids[row])) < TEST_SHARE for row in kept]
    classes = np.unique([str(classed[row]) for row in kept], return_inverse=True)[1]
    return Labelled(
        name or _name(path),
        column,
        [texts[row] for row in kept],
        classes.astype(np.int64),
        np.array(test),
        np.array(kept, dtype=np.int64),
        left_out,
    )


def read_retrieval(folder: Path, *, gain: Callable[[float], float] = float, most: int) -> Retrieval:
    """Read a retrieval set.

    Parameters
    ----------
    folder : Path
        Holds what `retrieval_files` finds: ``corpus`` (id, text and perhaps title), ``queries``
        (id, text) and ``qrels`` (query_id, doc_id, score), or with the names of BEIR (_id,
        query-id, corpus-id).
    gain : callable
        Turns a judgement as published into a gain.
    most : int
        Documents at most: all that are relevant to a kept query, and then the first others.

    Raises
    ------
    SourceError
        When a file is missing, cannot be read or lacks a column, and when the judgements name no
        document of the corpus or a query without a text.
    """
    corpus_file, queries_file, qrels_file = retrieval_files(folder)
    corpus = _named(corpus_file, {"id": _IDS, "text": ("text",)}, optional=["title"])
    ids = [str(name) for name in corpus["id"]]
    titles = corpus.get("title", [None] * len(ids))
    asked = _named(queries_file, {"id": _IDS, "text": ("text",)})
    judged = _named(qrels_file, {"query": _QUERIES, "document": _DOCUMENTS, "score": ("score",)})
    qrels: dict[str, dict[str, float]] = {}
    for query, document, score in zip(
        judged["query"], judged["document"], judged["score"], strict=True
    ):
        try:
            grade = gain(score)
        except (TypeError, ValueError) as error:
            raise SourceError(
                f"{qrels_file}: the judgement of query {query!r} and document {document!r} is "
                f"{score!r}: give a number"
            ) from error
        if grade > 0:
            qrels.setdefault(str(query), {})[str(document)] = grade
    if len(ids) > most:
        qrels = dict(list(qrels.items())[: max(1, most // 8)])
    needed = {document for gains in qrels.values() for document in gains}
    if needed.isdisjoint(ids):
        raise SourceError(
            f"{qrels_file} names no document of {corpus_file} as relevant: compare their ids"
        )
    order = sorted(range(len(ids)), key=lambda row: (ids[row] not in needed, row))
    rows = sorted(order[: max(most, len(needed))])
    texts = [_whole(titles[row], corpus["text"][row]) for row in rows]
    queries = {str(name): text for name, text in zip(asked["id"], asked["text"], strict=True)}
    unknown = [query for query in qrels if not queries.get(query)]
    if unknown:
        raise SourceError(f"{queries_file} has no text of the query {unknown[0]!r}")
    return Retrieval(
        folder.name,
        [ids[row] for row in rows],
        texts,
        {query: queries[query] for query in qrels},
        qrels,
    )


def retrieval_files(folder: Path) -> tuple[Path, Path, Path]:
    """Find corpus, queries and qrels of a retrieval set.

    Each is a ``.parquet``, ``.jsonl``, ``.csv`` or ``.tsv``; judgements may stand in
    ``qrels/test.tsv``, as BEIR has them.

    Raises
    ------
    SourceError
        When one is missing.
    """
    found = []
    for name in ("corpus", "queries", "qrels"):
        places = [f"{name}{suffix}" for suffix in (".parquet", ".jsonl", ".csv", ".tsv")]
        if name == "qrels":
            places += [f"qrels/test{suffix}" for suffix in (".parquet", ".tsv", ".jsonl")]
        there = [folder / place for place in places if (folder / place).is_file()]
        if not there:
            raise SourceError(f"{folder} has no {name}: give {', '.join(places)}")
        found.append(there[0])
    return found[0], found[1], found[2]


def _named(
    path: Path, wanted: dict[str, tuple[str, ...]], *, optional: Sequence[str] = ()
) -> dict[str, list[Any]]:
    """Read columns under the first of their names that the file has."""
    there = columns_of(path)
    chosen = {
        key: next((name for name in names if name in there), names[0])
        for key, names in wanted.items()
    }
    table = read_table(path, list(chosen.values()), optional=optional)
    told = {key: table[name] for key, name in chosen.items()}
    return told | {name: table[name] for name in optional if name in table}


def _whole(title: str | None, text: str | None) -> str:
    text = text or ""
    # Abstracts begin with their own title already.
    return text if not title or text.startswith(title) else f"{title}\n{text}"


def cranfield_gain(code: float) -> float:
    """Turn a Cranfield code, 1 (a complete answer) to 4 (of little interest), into 4 to 1.

    Examples
    --------
    >>> cranfield_gain(1), cranfield_gain(4), cranfield_gain(-1)
    (4.0, 1.0, 0.0)
    """
    return 5.0 - code if 1 <= code <= 4 else 0.0


def read_table(
    path: Path, columns: Sequence[str], *, optional: Sequence[str] = ()
) -> dict[str, list[Any]]:
    """Read columns of a file of any format that a source may have.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Columns that have to be there.
    optional : sequence of str
        Columns that may be missing; they are then left out.

    Returns
    -------
    dict of str to list

    Raises
    ------
    SourceError
        When the file cannot be read, lacks a column or has no rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = [*columns, *optional]
    try:
        if path.suffix == ".parquet":
            names = pq.read_schema(path).names
            table = pq.read_table(path, columns=[name for name in wanted if name in names])
        else:
            table = _stream(path)
            names = table.column_names
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError(f"cannot read {path}: {reason}") from error
    absent = [column for column in columns if column not in names]
    if absent:
        raise SourceError(f"{path} has no column {absent[0]!r}; it has {', '.join(names)}")
    if not table.num_rows:
        raise SourceError(f"{path} has no rows")
    return {name: table[name].to_pylist() for name in wanted if name in names}


def columns_of(path: Path) -> list[str]:
    """Give the names of a file's columns.

    Raises
    ------
    SourceError
        When the file cannot be read.
    """
    from isogloss.corpus.parts import open_parts

    return list(open_parts(path, 2048)[0].schema.names)


def _stream(path: Path) -> Any:
    import pyarrow as pa

    from isogloss.corpus.parts import open_parts

    refused: list[Any] = []
    part = open_parts(path, 2048)[0]
    batches = [batch for _, batch in part.batches(refused.append, lambda _kind, _count: None)]
    if refused:
        raise SourceError(f"{path} has rows that cannot be read: {refused[0].reason}")
    return pa.Table.from_batches(batches, part.schema)


def _share(name: str) -> float:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
