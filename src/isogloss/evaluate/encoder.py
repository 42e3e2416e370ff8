"""Measure an encoder on tasks: up to what length it sees, and how well it serves on data."""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss.evaluate.encoder_tasks import METRICS, Task, find_tasks
from isogloss.evaluate.needle import (
    DOCUMENTS,
    LENGTHS,
    QUERIES,
    Point,
    filler_sentences,
    make_probe,
    measure_probe,
)

if TYPE_CHECKING:
    from isogloss.encoders.base import Truncation
    from isogloss.evaluate.score import Score

__all__ = ["ProbeSettings", "evaluate_encoder"]

LIMIT = 4000  # texts, pairs or documents of a data set


@dataclass(frozen=True, slots=True)
class ProbeSettings:
    """Sizes of the passkey and needle probes.

    Raises ParameterError for what are no whole numbers, at least 1; 2 documents.

    Parameters
    ----------
    lengths : sequence of int
        Tokens of the documents.
    queries, documents : int
        At each length.
    filler : sequence of str, optional
        Sentences; None takes requests that people made, from the package's sample.
    """

    lengths: Sequence[int] = LENGTHS
    queries: int = QUERIES
    documents: int = DOCUMENTS
    filler: Sequence[str] | None = field(default=None)

    def __post_init__(self) -> None:
        """Check the numbers."""
        _check_lengths(self.lengths)
        whole_number(self.queries, "queries", 1)
        whole_number(self.documents, "documents", 2)


def evaluate_encoder(
    encoder: Any,
    tasks: Iterable[str] | None = None,
    *,
    data: str | Path | None = None,
    probe: ProbeSettings | None = None,
    text: str | None = None,
    labels: str | None = None,
    limit: int = LIMIT,
    seed: int = 0,
    on_event: OnEvent = ignore,
) -> dict[str, Any]:
    """Measure an encoder on tasks.

    Parameters
    ----------
    encoder : Encoder or str
        An encoder, or its spec. The unfitted ``lsa`` is fitted on each task's own documents.
    tasks : iterable of str, optional
        ``passkey`` and ``needle``; ``sts``, ``classification``, ``clustering``, ``retrieval``;
        names of data sets; files; ``KIND:SET``. None for the probes and what is at hand.
    data : path, optional
        Folder of data sets; without it only probes and files can be measured.
    probe : ProbeSettings, optional
    text, labels : str, optional
        Columns of texts and classes in files of one's own; by default ``text`` and ``label``.
    limit : int
        Texts, pairs or documents of a data set at most, sampled with seed 0.
    seed : int
        Of probes, clusters and the bootstrap.
    on_event : callable
        Takes progress.

    Returns
    -------
    dict
        ``{"encoder", "fingerprint", "dim", "max_tokens", "tasks": {name: {"metric", "value", "low",
        "high", "n", "truncation", ...}}, "missing": {name: reason}}``. A probe also has
        ``"by_length"``.

    Raises
    ------
    ParameterError
        For an unknown task, columns without a file that they are of, or a number that cannot be.

    Examples
    --------
    >>> sizes = ProbeSettings(lengths=[64], queries=2, documents=4)
    >>> found = evaluate_encoder("lexical", ["passkey"], probe=sizes)
    >>> found["tasks"]["passkey"]["metric"], found["tasks"]["passkey"]["value"]
    ('top-1 accuracy', 1.0)
    """
    from isogloss.encoders.spec import load_encoder

    whole_number(limit, "limit", 20)
    whole_number(seed, "seed", 0)
    sizes = ProbeSettings() if probe is None else probe
    if not isinstance(sizes, ProbeSettings):
        raise ParameterError(f"probe is {type(probe).__name__}: give ProbeSettings(...)")
    wanted, missing = find_tasks(
        tasks, None if data is None else Path(data), text=text, labels=labels
    )
    loaded = load_encoder(encoder) if isinstance(encoder, str) else encoder
    if not callable(getattr(loaded, "encode", None)):
        raise ParameterError(f"encoder is {encoder!r}: give an encoder or its spec, as 'lexical'")
    found: dict[str, Any] = {}
    for number, task in enumerate(wanted):
        on_event(Event(f"measure {task.name}", number, len(wanted), "tasks"))
        before = copy(loaded.truncation)
        if task.path is None:
            one = _probe(task, loaded, sizes, seed, on_event)
        else:
            one = _data_task(task, loaded, limit, seed)
        seen = _since(before, loaded.truncation)
        found[task.name] = {**one, "kind": task.kind, "truncation": seen.summary()}
    return {
        "encoder": loaded.spec,
        "fingerprint": getattr(loaded, "fingerprint", ""),
        "dim": loaded.dim,
        "max_tokens": loaded.max_tokens,
        "tasks": found,
        "missing": missing,
    }


def _check_lengths(lengths: Sequence[int]) -> None:
    if isinstance(lengths, str) or not isinstance(lengths, Sequence):
        raise ParameterError(f"lengths is {lengths!r}: give a list of numbers of tokens")
    if not lengths:
        raise ParameterError("lengths is empty: give one or more")
    for length in lengths:
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            raise ParameterError(f"length {length!r}: give a whole number of tokens, 1 or more")


def _since(before: "Truncation", after: "Truncation") -> "Truncation":
    """Give what was counted between two moments."""
    out = copy(after)
    for name in ("texts", "long_texts", "tokens", "tokens_beyond", "stretched"):
        setattr(out, name, getattr(after, name) - getattr(before, name))
    return out


def _fitted(encoder: Any, documents: list[str]) -> Any:
    """Give the encoder; one that is not fitted yet, fitted on the documents."""
    if getattr(encoder, "is_fitted", True):
        return encoder
    return type(encoder)(dim=encoder.dim).fit([documents])


def _note(encoder: Any) -> str:
    return "" if getattr(encoder, "is_fitted", True) else "fitted on this task's documents"


def _probe(
    task: Task, encoder: Any, sizes: ProbeSettings, seed: int, on_event: OnEvent
) -> dict[str, Any]:
    from isogloss._math.bootstrap import mean_interval

    filler = sizes.filler if sizes.filler is not None else filler_sentences()
    count = getattr(encoder, "count_tokens", None) or _count_words
    lengths = sorted(set(sizes.lengths))
    points: list[Point] = []
    for done, length in enumerate(lengths):
        made = make_probe(
            task.kind,
            length,
            filler=filler,
            count_tokens=count,
            queries=sizes.queries,
            documents=sizes.documents,
            seed=seed,
        )
        points.append(measure_probe(made, _fitted(encoder, made.documents)))
        on_event(Event(f"{task.name} by length", done + 1, len(lengths), "lengths"))
    hits = np.concatenate([point.hits for point in points])
    low, high = mean_interval(hits, seed=seed, bounds=(0.0, 1.0))
    return {
        "metric": METRICS[task.kind],
        "value": round(float(hits.mean()), 6),
        "low": round(low, 6),
        "high": round(high, 6),
        "n": len(hits),
        "chance": round(1 / sizes.documents, 6),
        "counted_in": "words" if count is _count_words else "the encoder's tokens",
        "by_length": [point.to_json(seed=seed) for point in points],
        "notes": _note(encoder),
    }


def _count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def _data_task(task: Task, encoder: Any, limit: int, seed: int) -> dict[str, Any]:
    work = {
        "sts": _pairs,
        "classification": _classification,
        "clustering": _clustering,
        "retrieval": _retrieval,
    }[task.kind]
    score, more = work(task, encoder, limit, seed)
    sampled = f"a sample of {more['texts']:,}" if more["texts"] >= limit else ""
    return {
        "metric": METRICS[task.kind],
        **score.to_json(),
        "n": score.n,
        **more,
        "notes": "; ".join(part for part in (score.notes, sampled, _note(encoder)) if part),
    }


def _path(task: Task) -> Path:
    if task.path is None:
        raise ParameterError(f"task {task.name!r} has no data")
    return task.path


def _pairs(task: Task, encoder: Any, limit: int, seed: int) -> tuple["Score", dict[str, Any]]:
    from isogloss.evaluate.corpora import read_pairs
    from isogloss.evaluate.encoder_scores import spearman

    one = read_pairs(_path(task), (task.columns[0], task.columns[1]), most=limit)
    vectors = _fitted(encoder, one.texts).encode(one.texts).astype(np.float64)
    cosines = (vectors[one.left] * vectors[one.right]).sum(axis=1)
    more = {"texts": len(one.grades), "left_out": one.left_out}
    score = spearman(cosines, one.grades, seed=seed)
    for what, values in (("grades", one.grades), ("cosines", cosines)):
        if np.ptp(values) == 0:
            score = replace(score, notes=f"spearman is not defined: all {what} are {values[0]:g}")
            break
    return score, more


def _classification(
    task: Task, encoder: Any, limit: int, seed: int
) -> tuple["Score", dict[str, Any]]:
    from isogloss._math.bootstrap import mean_interval
    from isogloss.evaluate.corpora import read_labelled
    from isogloss.evaluate.encoder_scores import probe
    from isogloss.evaluate.score import Score

    one = read_labelled(_path(task), task.columns[0], labels=task.labels, most=limit)
    learn, ask = ~one.test, one.test
    if learn.sum() < 2 or not ask.any() or len(np.unique(one.classes[learn])) < 2:
        raise ParameterError(
            f"task {task.name!r}: {int(learn.sum())} texts to learn from and {int(ask.sum())} to "
            "ask are too few: two classes are needed"
        )
    vectors = _fitted(encoder, one.texts).encode(one.texts)
    # Classes that occur in the test part only cannot be learned; they count as wrong.
    right = probe(vectors[learn], one.classes[learn], vectors[ask], one.classes[ask])
    low, high = mean_interval(right, seed=seed, bounds=(0.0, 1.0))
    score = Score("accuracy", float(right.mean()), low, high, len(right), "texts")
    more = {"trained_on": int(learn.sum()), "classes": int(one.classes.max()) + 1}
    return score, more | {"texts": len(one.texts), "left_out": one.left_out}


def _clustering(task: Task, encoder: Any, limit: int, seed: int) -> tuple["Score", dict[str, Any]]:
    from isogloss.evaluate.corpora import read_labelled
    from isogloss.evaluate.encoder_scores import cluster_score

    one = read_labelled(_path(task), task.columns[0], labels=task.labels, most=limit)
    if len(np.unique(one.classes)) < 2:
        raise ParameterError(f"task {task.name!r} has one class: clusters need two or more")
    vectors = _fitted(encoder, one.texts).encode(one.texts)
    classes = int(one.classes.max()) + 1
    more = {"classes": classes, "texts": len(one.texts), "left_out": one.left_out}
    return cluster_score(vectors, one.classes, seed=seed), more


def _retrieval(task: Task, encoder: Any, limit: int, seed: int) -> tuple["Score", dict[str, Any]]:
    from isogloss._math.topk import nearest_rows
    from isogloss.evaluate.corpora import cranfield_gain, read_retrieval
    from isogloss.evaluate.retrieval import ndcg_at_k

    path = _path(task)
    gain = cranfield_gain if path.name == "cranfield" else float
    one = read_retrieval(path, gain=gain, most=limit)
    if not one.queries:
        raise ParameterError(f"task {task.name!r} has no query with a relevant document")
    ready = _fitted(encoder, one.texts)
    documents = ready.encode(one.texts)
    asked = ready.encode_query(list(one.queries.values()))
    columns, scores = nearest_rows(asked, documents, 10)
    run = {
        query: {
            one.ids[column]: float(score)
            for column, score in zip(row, near, strict=True)
            if column >= 0
        }
        for query, row, near in zip(one.queries, columns.tolist(), scores.tolist(), strict=True)
    }
    more = {"documents": len(one.texts), "texts": len(one.texts)}
    return ndcg_at_k(one.qrels, run, seed=seed), more
