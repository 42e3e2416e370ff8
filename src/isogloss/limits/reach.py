"""How far any vectors of a dimension get on given judgements: shown, proven, or open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.threads import single_threaded_blas
from isogloss.evaluate.retrieval import ndcg_at_k, recall_at_k
from isogloss.evaluate.score import Score
from isogloss.limits.bounds import DimensionBounds, dimension_bounds
from isogloss.limits.free_fit import PAIRS_A_STEP, FreeVectors, free_vectors
from isogloss.limits.judgements import Distinct, Judgements, distinct_documents

__all__ = ["Reach", "ReachAt", "reach"]

LADDER = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
FIRST = 64  # the dimension that is tried first
STEPS = 3000
PATIENCE = 300
_BISECTIONS = 4
_WORK = 50_000_000_000  # multiplications of one fit, of each of the three products of a step
_LEAST_STEPS = 100
_ROWS = 512  # queries whose scores are ranked at once


@dataclass(frozen=True, slots=True)
class ReachAt:
    """What free vectors of one dimension reach.

    Parameters
    ----------
    dim : int
    status : {"shown", "follows", "exact only", "impossible", "open"}
        For *every* query to have all its relevant documents on top. ``shown``: vectors were found
        that do it. ``follows``: they were for fewer dimensions. ``exact only``: not found, but such
        vectors exist by the upper bound, perhaps without a gap that could be stored.
        ``impossible``: proven by the lower bound. ``open``: not found, which proves nothing.
    solved : float
        Share of the queries that the best vectors found solve; at least so much is possible.
    scores : dict of str to Score
        nDCG and recall of the best vectors found; empty where no vectors were sought.
    steps : int
        Steps of the fit, 0 where there was none.
    """

    dim: int
    status: str
    solved: float
    scores: dict[str, Score]
    steps: int


@dataclass(frozen=True, slots=True)
class Reach:
    """What vectors of several dimensions reach.

    Parameters
    ----------
    bounds : DimensionBounds
    at : tuple of ReachAt
        By dimension, ascending.
    least_shown : int or None
        Fewest dimensions for which vectors were found that solve every query.
    recall_ceilings : dict of str to float
        What recall at k can be at most for any ranking, where queries have more than k relevant
        documents.
    """

    bounds: DimensionBounds
    at: tuple[ReachAt, ...]
    least_shown: int | None
    recall_ceilings: dict[str, float]

    def of(self, dim: int) -> ReachAt:
        """Give what was found for a dimension.

        Raises
        ------
        ParameterError
            When it was not looked at.
        """
        for one in self.at:
            if one.dim == dim:
                return one
        raise ParameterError(f"dimension {dim} was not looked at: {[one.dim for one in self.at]}")


def reach(
    judged: Judgements,
    dim: int,
    *,
    others: int = 0,
    ks: Sequence[int] = (10,),
    ndcg_k: int = 10,
    restarts: int = 2,
    steps: int = STEPS,
    patience: int = PATIENCE,
    resamples: int = 1000,
    seed: int = 0,
    on_fit: Callable[[int, bool], None] | None = None,
) -> Reach:
    """Find out how well any vectors of a dimension, and of fewer, could serve judgements.

    Free vectors are fitted for 64 dimensions (or `dim`, when that is less). If they are enough, so
    are more, since zeros can be added, and 32, 16, 8 are tried until one is not found to be enough;
    if not, 128, 256 and so on up to `dim`. What the fit cannot show is looked up in the bounds that
    are proven.

    Parameters
    ----------
    judged : Judgements
    dim : int
        The dimension asked about, at least 1.
    others : int, default 0
        Documents beside those judged, relevant to nothing.
    ks : sequence of int
        For recall at k.
    ndcg_k : int
        For nDCG.
    restarts, steps, patience, seed
        As in `isogloss.limits.free_fit.free_vectors`; one start for other dimensions than `dim`.
    resamples : int
        Of the intervals.
    on_fit : callable, optional
        Takes each dimension that was fitted, and whether every query was solved.

    Returns
    -------
    Reach

    Raises
    ------
    ParameterError
        For numbers out of range.

    Notes
    -----
    Documents that are relevant to the same queries share a column, and all that are relevant to
    none, so that the fit grows with the judgements and not with the collection. Large fits get
    fewer steps: a fit takes some 20 CPU seconds at most.

    Examples
    --------
    >>> from isogloss.limits.people import limit_set
    >>> found = reach(Judgements.of(limit_set(documents=8, queries=28).qrels), 64)
    >>> found.bounds.lower, found.of(64).status, found.of(64).solved
    (4, 'shown', 1.0)
    """
    whole = distinct_documents(judged, others=others)
    bounds = dimension_bounds(judged, others=others)
    names = [f"ndcg@{ndcg_k}", *(f"recall@{k}" for k in ks)]
    dims = [*(one for one in LADDER if one < dim), dim]
    pairs = min(whole.matrix.shape[0] * whole.matrix.shape[1], PAIRS_A_STEP)
    fitted: dict[int, ReachAt] = {}
    least: int | None = None

    def fit(one: int, starts: int) -> bool:
        found = free_vectors(
            whole.matrix, one, restarts=starts, seed=seed, start="sums", patience=patience,
            steps=max(_LEAST_STEPS, min(steps, _WORK // (pairs * one))),
        )  # fmt: skip
        scores = _scores(judged, whole, found, ks, ndcg_k, resamples, seed)
        status = "shown" if found.is_solved else "impossible" if one < bounds.lower else "open"
        if status == "open" and one >= bounds.upper:
            status = "exact only"
        fitted[one] = ReachAt(one, status, found.accuracy, scores, found.steps)
        if on_fit is not None:
            on_fit(one, found.is_solved)
        return found.is_solved

    begin = max(one for one in dims if one <= max(FIRST, dims[0]))
    upwards = [one for one in dims if one >= begin]
    for one in upwards:
        if fit(one, restarts if one == dim else 1):
            least = one
            break
    if least is not None:
        low, high = max([one for one in fitted if one < least], default=0), least
        for one in reversed([one for one in dims if one < begin and least == begin]):
            if not fit(one, 1):
                low = one
                break
            high = one
        for _ in range(_BISECTIONS):
            middle = (low + high) // 2
            if middle <= max(low, bounds.lower - 1):
                break
            if fit(middle, 1):
                high = middle
            else:
                low = middle
        least = high
        widest = max(one for one in fitted if fitted[one].status == "shown")
        perfect = fitted[widest].scores
        for one in upwards:
            fitted.setdefault(one, ReachAt(one, "follows", 1.0, perfect, 0))
    judged_k = np.diff(judged.matrix.indptr)
    ceilings = {
        name: float((np.minimum(judged_k, k) / judged_k).mean())
        for name, k in zip(names[1:], ks, strict=True)
    }
    at = tuple(fitted[one] for one in sorted(fitted))
    return Reach(bounds, at, least, ceilings)


def _scores(
    judged: Judgements,
    whole: Distinct,
    found: FreeVectors,
    ks: Sequence[int],
    ndcg_k: int,
    resamples: int,
    seed: int,
) -> dict[str, Score]:
    qrels = _qrels(judged)
    run = _run(judged, whole, found, max([ndcg_k, *ks]))
    scores = [ndcg_at_k(qrels, run, k=ndcg_k, resamples=resamples, seed=seed)]
    scores += [recall_at_k(qrels, run, k=k, resamples=resamples, seed=seed) for k in ks]
    return {score.name: score for score in scores}


def _qrels(judged: Judgements) -> dict[str, dict[str, float]]:
    matrix, found = judged.matrix, {}
    for row, query in enumerate(judged.queries):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        found[query] = {
            judged.documents[column]: float(gain)
            for column, gain in zip(matrix.indices[part], matrix.data[part], strict=True)
        }
    return found


def _run(
    judged: Judgements, whole: Distinct, found: FreeVectors, depth: int
) -> dict[str, dict[str, float]]:
    """Rank documents, each by the vector of its column, `depth` of them for each query."""
    members: list[list[str]] = [[] for _ in whole.counts]
    for document, column in enumerate(whole.group.tolist()):
        members[column].append(judged.documents[document])
    for column, count in enumerate(whole.counts.tolist()):
        # Documents that nobody judged have no names here; no more of them can matter.
        missing = min(count - len(members[column]), depth)
        members[column] += [f"\uffff{number:09d}" for number in range(missing)]
    run: dict[str, dict[str, float]] = {}
    with single_threaded_blas():
        for first in range(0, len(judged.queries), _ROWS):
            scores = found.queries[first : first + _ROWS] @ found.documents.T
            order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
            for row, columns in enumerate(order.tolist()):
                best: dict[str, float] = {}
                for column in columns:
                    if len(best) >= depth:
                        break
                    value = float(scores[row, column])
                    best.update((name, value) for name in members[column])
                run[judged.queries[first + row]] = best
    return run


def per_query(
    judged: Judgements, run: dict[str, dict[str, float]], *, k: int
) -> NDArray[np.float64]:
    """Give recall at k of each query, in the order of the judgements.

    Examples
    --------
    >>> judged = Judgements.of({"q": {"a": 1, "b": 1}})
    >>> per_query(judged, {"q": {"a": 1.0, "c": 0.5}}, k=2).tolist()
    [0.5]
    """
    from isogloss.evaluate.retrieval import ranking

    found = []
    for query, gains in _qrels(judged).items():
        first = ranking(run.get(query, {}))[:k]
        found.append(sum(name in gains for name in first) / len(gains))
    return np.array(found, dtype=np.float64)
