"""Scores of rankings against judged documents."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss._math.bootstrap import mean_interval
from isogloss.evaluate.score import Score

__all__ = ["mrr", "ndcg_at_k", "ndcg_of", "ranking", "recall_at_k"]

Qrels = Mapping[str, Mapping[str, float]]
Run = Mapping[str, Mapping[str, float]]

GAINS = ("linear", "exponential")


def ndcg_at_k(
    qrels: Qrels, run: Run, *, k: int = 10, gain: str = "linear", resamples: int = 1000,
    seed: int = 0,
) -> Score:  # fmt: skip
    """Say how well the best documents stand at the top: normalised discounted cumulative gain.

    A document at place i brings its gain over log2(1 + i); the sum over the first `k` places is
    divided by that of the best possible order of all judged documents.

    Parameters
    ----------
    qrels : mapping of query to mapping of document to float
        Grades, higher is better; 0 and less is not relevant, as is a document without a grade.
    run : mapping of query to mapping of document to float
        Scores, higher is better; equal scores stand in the order of the documents' names. A query
        that is missing has found nothing and counts as 0.
    k : int
        Places looked at, at least 1.
    gain : {"linear", "exponential"}
        The grade itself, as trec_eval has it, or 2 to the grade less 1.
    resamples, seed : int
        Of the bootstrap over queries.

    Returns
    -------
    Score
        Mean over the queries that have a relevant document, 0 to 1, with its 95% interval.

    Raises
    ------
    ParameterError
        For k below 1, an unknown gain, a score or grade that is no finite number, and when no
        query has a relevant document.

    References
    ----------
    Järvelin & Kekäläinen, Cumulated gain-based evaluation of IR techniques (2002).

    Examples
    --------
    The best document stands second: (1 + 2 / log2(3)) / (2 + 1 / log2(3)).

    >>> ndcg_at_k({"q": {"a": 2, "b": 1}}, {"q": {"b": 0.9, "a": 0.8}}).value
    0.859719
    >>> ndcg_at_k({"q": {"a": 2, "b": 1}}, {"q": {"b": 0.9, "a": 0.8}}, gain="exponential").value
    0.796708
    """
    _check(k)
    if gain not in GAINS:
        raise ParameterError(f"gain is {gain!r}: give 'linear' or 'exponential'")

    def one(grades: Mapping[str, float], order: Sequence[str]) -> float:
        return ndcg_of(grades, order, k=k, gain=gain)

    return _mean(f"ndcg@{k}", qrels, run, one, resamples, seed)


def ndcg_of(
    grades: Mapping[str, float], order: Sequence[str], *, k: int = 10, gain: str = "linear"
) -> float:
    """Give the normalised discounted cumulative gain of one query, which has a relevant document.

    Parameters
    ----------
    grades : mapping of document to float
        As in `ndcg_at_k`; one at least is above 0.
    order : sequence of str
        Documents, best first.
    k, gain
        As in `ndcg_at_k`.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> round(ndcg_of({"a": 1.0}, ["b", "a"]), 4)
    0.6309
    """
    got = _dcg([grades.get(name, 0.0) for name in order[:k]], gain)
    return got / _dcg(sorted(grades.values(), reverse=True)[:k], gain)


def recall_at_k(
    qrels: Qrels, run: Run, *, k: int = 10, resamples: int = 1000, seed: int = 0
) -> Score:
    """Say what share of the relevant documents stands in the first k places.

    Parameters
    ----------
    qrels, run, k, resamples, seed
        As in `ndcg_at_k`.

    Returns
    -------
    Score
        Mean over the queries that have a relevant document, 0 to 1, with its 95% interval. With
        more than k relevant documents 1 cannot be reached.

    Raises
    ------
    ParameterError
        As in `ndcg_at_k`.

    Examples
    --------
    >>> recall_at_k({"q": {"a": 1, "b": 1}}, {"q": {"a": 3.0, "c": 2.0, "b": 1.0}}, k=2).value
    0.5
    """
    _check(k)

    def one(grades: Mapping[str, float], order: Sequence[str]) -> float:
        return sum(grades.get(name, 0.0) > 0 for name in order[:k]) / sum(
            grade > 0 for grade in grades.values()
        )

    return _mean(f"recall@{k}", qrels, run, one, resamples, seed)


def mrr(
    qrels: Qrels, run: Run, *, k: int | None = None, resamples: int = 1000, seed: int = 0
) -> Score:
    """Say how early the first relevant document comes: the mean of 1 / its place.

    Parameters
    ----------
    qrels, run, resamples, seed
        As in `ndcg_at_k`.
    k : int, optional
        Places looked at; all by default. Nothing relevant among them counts as 0.

    Returns
    -------
    Score
        Mean over the queries that have a relevant document, 0 to 1, with its 95% interval.

    Raises
    ------
    ParameterError
        As in `ndcg_at_k`.

    Examples
    --------
    >>> mrr({"q": {"a": 1}, "r": {"b": 1}}, {"q": {"a": 2, "b": 1}, "r": {"a": 2, "b": 1}}).value
    0.75
    """
    if k is not None:
        _check(k)

    def one(grades: Mapping[str, float], order: Sequence[str]) -> float:
        for place, name in enumerate(order[:k], start=1):
            if grades.get(name, 0.0) > 0:
                return 1 / place
        return 0.0

    return _mean("mrr" if k is None else f"mrr@{k}", qrels, run, one, resamples, seed)


def ranking(scores: Mapping[str, float]) -> list[str]:
    """Order documents by score, highest first, equal ones by name.

    Raises
    ------
    ParameterError
        For a score that is no finite number.

    Examples
    --------
    >>> ranking({"b": 1.0, "a": 1.0, "c": 2.0})
    ['c', 'a', 'b']
    """
    for name, score in scores.items():
        if not math.isfinite(score):
            raise ParameterError(f"document {name!r} has the score {score}; give a finite number")
    return sorted(scores, key=lambda name: (-scores[name], name))


def _check(k: int) -> None:
    if k < 1:
        raise ParameterError(f"k is {k}: give 1 or more")


def _dcg(grades: Sequence[float], gain: str) -> float:
    kept = [max(0.0, float(grade)) for grade in grades]
    gains = kept if gain == "linear" else [2.0**grade - 1 for grade in kept]
    return math.fsum(value / math.log2(place) for place, value in enumerate(gains, start=2))


def _mean(
    name: str,
    qrels: Qrels,
    run: Run,
    one: Callable[[Mapping[str, float], Sequence[str]], float],
    resamples: int,
    seed: int,
) -> Score:
    values = []
    for query in sorted(qrels):
        grades = qrels[query]
        for document, grade in grades.items():
            if not math.isfinite(grade):
                raise ParameterError(
                    f"query {query!r}: document {document!r} has the grade {grade}; "
                    "give a finite number"
                )
        if any(grade > 0 for grade in grades.values()):
            values.append(one(grades, ranking(run.get(query, {}))))
    if not values:
        raise ParameterError("no query has a relevant document: give one a grade above 0")
    low, high = mean_interval(np.array(values), resamples=resamples, seed=seed, bounds=(0.0, 1.0))
    without = len(qrels) - len(values)
    notes = (
        f"{plural(without, 'query', 'queries')} without a relevant document left out"
        if without
        else ""
    )
    value = round(math.fsum(values) / len(values), 6)
    return Score(name, value, low, high, len(values), "queries", notes=notes)
