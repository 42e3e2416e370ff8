"""Compare two systems on the same queries: paired randomisation test, wins and losses.

R. A. Fisher, The Design of Experiments (1935), chapter 3; for retrieval M. Smucker, J. Allan,
B. Carterette: A Comparison of Statistical Significance Tests for Information Retrieval Evaluation,
CIKM 2007. S. Holm: A Simple Sequentially Rejective Multiple Test Procedure, 1979.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._math.bootstrap import mean_interval
from isogloss.evaluate.retrieval import Qrels, Run, ndcg_of, ranking

__all__ = ["Paired", "holm", "paired_ndcg", "paired_test"]

_BLOCK = 4_000_000  # signs held at once
_SAME = 1e-12  # scores nearer than this are a tie


@dataclass(frozen=True, slots=True)
class Paired:
    """How much one system differs from another on the same items.

    Parameters
    ----------
    difference : float
        Mean of the second less the first.
    low, high : float
        Its 95% bootstrap interval over the items.
    p : float
        Two-sided p-value of the randomisation test: how often a difference at least as large
        comes about when the two systems change names item by item.
    wins, ties, losses : int
        Items on which the second is better, equal, worse.
    exact : bool
        All changes of names were counted, not a sample.

    Examples
    --------
    >>> str(Paired(0.02, -0.01, 0.05, 0.21, 5, 3, 2, False))
    '+0.020 (-0.010 to +0.050), p 0.210, 5 won 3 tied 2 lost'
    """

    difference: float
    low: float
    high: float
    p: float
    wins: int
    ties: int
    losses: int
    exact: bool

    def __str__(self) -> str:
        return (
            f"{self.difference:+.3f} ({self.low:+.3f} to {self.high:+.3f}), p {self.p:.3f}, "
            f"{self.wins} won {self.ties} tied {self.losses} lost"
        )


def paired_test(
    first: Sequence[float] | NDArray[np.floating[Any]],
    second: Sequence[float] | NDArray[np.floating[Any]],
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> Paired:
    """Test whether two systems score differently on the same items.

    Under the null hypothesis the names of the two systems mean nothing, so that each item's
    difference may as well have the other sign. Where all assignments of signs to the items that
    differ are no more than `resamples` they are counted; otherwise `resamples` are drawn, and the
    one observed counts among them.

    Parameters
    ----------
    first, second : sequence of float, length n
        Scores of the same items in the same order, such as nDCG of each query.
    resamples : int, default 10,000
        Assignments drawn, at least 1.
    seed : int, default 0
        Of the draws and of the interval.

    Returns
    -------
    Paired

    Raises
    ------
    ParameterError
        When the two differ in length, are empty, or hold no finite numbers.

    Notes
    -----
    Time O(n resamples), memory 32 MB. The p-value of drawn assignments is at least
    1 / (resamples + 1).

    Examples
    --------
    Three wins and no loss: of the 8 assignments of signs 2 are as far from 0.

    >>> found = paired_test([0.1, 0.2, 0.3, 0.4], [0.3, 0.4, 0.5, 0.4])
    >>> found.p, found.wins, found.ties, found.losses
    (0.25, 3, 1, 0)
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape or not one.size:
        raise ParameterError(
            f"scores of shapes {one.shape} and {other.shape}: give one for each item, in the "
            "same order, and at least one item"
        )
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ParameterError("a score is no finite number")
    if isinstance(resamples, bool) or resamples < 1:
        raise ParameterError(f"resamples is {resamples!r}: give at least 1")
    gaps = other - one
    moved = gaps[np.abs(gaps) > _SAME]
    exact = moved.size < 30 and 2**moved.size <= resamples
    observed = abs(math.fsum(moved.tolist()))
    as_far = _count_as_far(moved, observed, resamples, seed, exact=exact)
    p = as_far / 2**moved.size if exact else (1 + as_far) / (1 + resamples)
    low, high = mean_interval(gaps, seed=seed)
    return Paired(
        difference=math.fsum(gaps.tolist()) / gaps.size,
        low=low,
        high=high,
        p=min(1.0, p),
        wins=int((moved > 0).sum()),
        ties=int(gaps.size - moved.size),
        losses=int((moved < 0).sum()),
        exact=exact,
    )


def paired_ndcg(
    qrels: Qrels, first: Run, second: Run, *, k: int = 10, resamples: int = 10_000, seed: int = 0
) -> Paired:
    """Test whether the nDCG of two runs differs over the same judged queries.

    Parameters
    ----------
    qrels, first, second, k
        As in `isogloss.evaluate.ndcg_at_k`; a query that a run lacks counts as 0 there.
    resamples, seed
        As in `paired_test`.

    Returns
    -------
    Paired
        Over the queries that have a relevant document.

    Raises
    ------
    ParameterError
        When no query has a relevant document, or k is below 1.

    Examples
    --------
    >>> qrels = {"q": {"a": 1}, "r": {"b": 1}}
    >>> found = paired_ndcg(qrels, {"q": {"a": 1.0}}, {"q": {"a": 1.0}, "r": {"b": 1.0}})
    >>> found.wins, found.ties, found.difference
    (1, 1, 0.5)
    """
    if k < 1:
        raise ParameterError(f"k is {k}: give 1 or more")
    judged = [q for q in sorted(qrels) if any(grade > 0 for grade in qrels[q].values())]
    if not judged:
        raise ParameterError("no query has a relevant document: give one a grade above 0")
    sides = [
        [ndcg_of(qrels[query], ranking(run.get(query, {})), k=k) for query in judged]
        for run in (first, second)
    ]
    return paired_test(*sides, resamples=resamples, seed=seed)


def holm(values: Sequence[float]) -> list[float]:
    """Adjust the p-values of several tests, so that false alarms among all of them stay rare.

    Parameters
    ----------
    values : sequence of float
        p-values, 0 to 1.

    Returns
    -------
    list of float
        In the same order; each at least as large as it was.

    Raises
    ------
    ParameterError
        For a value outside 0 to 1.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    for value in values:
        if not 0 <= value <= 1:
            raise ParameterError(f"{value!r} is no p-value: give 0 to 1")
    order = sorted(range(len(values)), key=lambda place: (values[place], place))
    adjusted = [0.0] * len(values)
    largest = 0.0
    for step, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - step) * values[place]))
        adjusted[place] = largest
    return adjusted


def _count_as_far(
    gaps: NDArray[np.float64], observed: float, resamples: int, seed: int, *, exact: bool
) -> int:
    """Count assignments of signs whose sum is as far from 0 as the one observed."""
    reach = observed * (1 - 1e-9) - 1e-12  # rounding must not part equal sums
    if not gaps.size:
        return 1 if exact else resamples
    if exact:
        sums = np.zeros(1)
        for gap in gaps.tolist():
            sums = np.concatenate([sums + gap, sums - gap])
        return int((np.abs(sums) >= reach).sum())
    rng = np.random.default_rng(seed)
    step = max(1, _BLOCK // gaps.size)
    found = 0
    for start in range(0, resamples, step):
        signs = rng.integers(0, 2, size=(min(step, resamples - start), gaps.size), dtype=np.int8)
        sums = np.einsum("ij,j->i", 2.0 * signs - 1.0, gaps)
        found += int((np.abs(sums) >= reach).sum())
    return found
