"""Reads data sets as the entries need them: texts with classes, or documents with queries."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import SourceError
from isogloss.encoders.base import Encoder, unit_rows
from isogloss.ledger.system import Context
from isogloss.train.teacher import teacher_vectors

TEST_SHARE = 0.3


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


def read_labelled(context: Context, name: str, column: str, *, most: int) -> Labelled:
    """Read a labelled set.

    Each text counts once. The split is that of the set; a set without one is parted by a hash of
    the ids, three in ten for the test. Larger sets are sampled with seed 0.

    Parameters
    ----------
    context : Context
    name, column : str
    most : int
        Texts at most.
    """
    table = _table(context, name, "data.parquet", ["id", column, "label", "split"])
    texts, labels = table[column], table["label"]
    seen: set[str] = set()
    kept = []
    for row, (text, label) in enumerate(zip(texts, labels, strict=True)):
        if text and text.strip() and label is not None and text not in seen:
            seen.add(text)
            kept.append(row)
    left_out = len(texts) - len(kept)
    if len(kept) > most:
        kept = sorted(np.random.default_rng(0).permutation(kept)[:most].tolist())
    parts = {table["split"][row] for row in kept}
    if {"train", "test"} <= parts:
        test = [table["split"][row] == "test" for row in kept]
    else:
        test = [_share(str(table["id"][row])) < TEST_SHARE for row in kept]
    classes = np.unique([str(labels[row]) for row in kept], return_inverse=True)[1]
    return Labelled(
        name,
        column,
        [texts[row] for row in kept],
        classes.astype(np.int64),
        np.array(test),
        np.array(kept, dtype=np.int64),
        left_out,
    )


def read_texts(context: Context, name: str, column: str, *, most: int, words: int = 1) -> list[str]:
    """Read a sample of texts that have at least some words, with seed 0."""
    texts = _table(context, name, "data.parquet", [column])[column]
    kept = [text for text in texts if text and len(text.split()) >= words]
    order = np.random.default_rng(0).permutation(len(kept))[:most]
    return [kept[place] for place in order]


def read_retrieval(
    context: Context, name: str, *, gain: Callable[[float], float], most: int
) -> Retrieval:
    """Read a retrieval set.

    Parameters
    ----------
    context : Context
    name : str
    gain : callable
        Turns a judgement as published into a gain.
    most : int
        Documents at most: all that are relevant to a kept query, and then the first others.
    """
    corpus = _table(context, name, "corpus.parquet", ["id", "title", "text"])
    asked = _table(context, name, "queries.parquet", ["id", "text"])
    judged = _table(context, name, "qrels.parquet", ["query_id", "doc_id", "score"])
    qrels: dict[str, dict[str, float]] = {}
    for query, document, score in zip(*judged.values(), strict=True):
        if gain(score) > 0:
            qrels.setdefault(query, {})[document] = gain(score)
    if len(corpus["id"]) > most:
        qrels = dict(list(qrels.items())[: max(1, most // 8)])
    needed = {document for gains in qrels.values() for document in gains}
    order = sorted(range(len(corpus["id"])), key=lambda row: (corpus["id"][row] not in needed, row))
    rows = sorted(order[: max(most, len(needed))])
    texts = [_whole(corpus["title"][row], corpus["text"][row]) for row in rows]
    queries = dict(zip(asked["id"], asked["text"], strict=True))
    return Retrieval(
        name,
        [corpus["id"][row] for row in rows],
        texts,
        {query: queries[query] for query in qrels},
        qrels,
    )


def _whole(title: str | None, text: str) -> str:
    # Abstracts begin with their own title already.
    return text if not title or text.startswith(title) else f"{title}\n{text}"


def ready_vectors(context: Context, corpus: Labelled, teacher: Encoder) -> NDArray[np.float32]:
    """Give the teacher's vectors of a labelled set: those beside it, else encoded and cached.

    Returns
    -------
    float32 (n, d)
        Unit rows.
    """
    path = context.path(corpus.name, f"minilm_{corpus.column}.npy")
    if path.is_file() and "all-MiniLM-L6-v2" in teacher.spec:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
        if len(stored) <= int(corpus.rows.max(initial=-1)):
            raise SourceError(f"{path} has {len(stored)} rows, fewer than its table: remove it")
        # One scale serves the whole array, so unit length makes up for it.
        return unit_rows(np.asarray(stored[corpus.rows], dtype=np.float32))
    return encoded(context, corpus.texts, teacher, corpus.name)


def encoded(
    context: Context, texts: Sequence[str], teacher: Encoder, name: str
) -> NDArray[np.float32]:
    """Encode by a slow encoder, shard by shard into the cache."""

    def report(event: Any) -> None:
        context.say(f"teacher on {name}", event.done, event.total, event.unit)

    return unit_rows(teacher_vectors(texts, teacher, context.cache / "teacher", on_event=report))


def _table(context: Context, name: str, file: str, columns: list[str]) -> dict[str, list[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = context.path(name, file)
    try:
        table = pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceError(f"cannot read {path}: {reason}") from error
    absent = [column for column in columns if column not in table.column_names]
    if absent:
        raise SourceError(f"{path} has no column {absent[0]!r}; it has {table.column_names}")
    return {column: table[column].to_pylist() for column in columns}


def _share(name: str) -> float:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
