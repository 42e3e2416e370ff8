"""Reads data sets as the entries need them: texts with classes, or documents with queries."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import SourceError
from isogloss.encoders.base import Encoder, unit_rows
from isogloss.evaluate import corpora
from isogloss.evaluate.corpora import Labelled, Retrieval
from isogloss.ledger.system import Context
from isogloss.train.teacher import teacher_vectors

__all__ = [
    "Labelled",
    "Retrieval",
    "encoded",
    "read_labelled",
    "read_retrieval",
    "read_texts",
    "ready_vectors",
]


def read_labelled(context: Context, name: str, column: str, *, most: int) -> Labelled:
    """Read a labelled set of the run's data; see `isogloss.evaluate.corpora.read_labelled`."""
    return corpora.read_labelled(context.path(name, "data.parquet"), column, most=most)


def read_texts(context: Context, name: str, column: str, *, most: int, words: int = 1) -> list[str]:
    """Read a sample of texts that have at least some words, with seed 0."""
    texts = corpora.read_table(context.path(name, "data.parquet"), [column])[column]
    kept = [text for text in texts if text and len(text.split()) >= words]
    order = np.random.default_rng(0).permutation(len(kept))[:most]
    return [kept[place] for place in order]


def read_retrieval(
    context: Context, name: str, *, gain: Callable[[float], float], most: int
) -> Retrieval:
    """Read a retrieval set of the run's data; see `isogloss.evaluate.corpora.read_retrieval`."""
    return corpora.read_retrieval(context.path(name), gain=gain, most=most)


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
