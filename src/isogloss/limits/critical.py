"""Critical n: the most documents all of whose k-subsets free vectors of d dimensions can return."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from isogloss._core.errors import ParameterError
from isogloss.limits.free_fit import PATIENCE, STEPS, free_vectors

if TYPE_CHECKING:
    import scipy.sparse as sp

__all__ = ["CriticalN", "all_subsets", "critical_n", "paper_critical_n"]

_BELOW, _ABOVE = 4, 5  # the paper's sweep around what the binary search found


@dataclass(frozen=True, slots=True)
class CriticalN:
    """What the search for critical n found.

    Parameters
    ----------
    n : int
        The largest number of documents that was solved: proven by the vectors that were found, or
        by the simplex, which solves d + 1 documents whatever an optimiser does.
    dim, k : int
        Dimensions, and relevant documents of each query.
    tried : dict of int to bool
        Each n that was fitted, and whether it was solved. What was not solved may be possible.
    steps : int
        Steps in all.
    """

    n: int
    dim: int
    k: int
    tried: dict[int, bool]
    steps: int


def all_subsets(n: int, k: int) -> "sp.csr_matrix":
    """Give the judgements of one query for every k of n documents.

    Parameters
    ----------
    n, k : int
        Documents, and relevant ones of each query; 1 to n.

    Returns
    -------
    float64 sparse (n over k, n)
        Queries in lexicographic order.

    Examples
    --------
    >>> all_subsets(3, 2).toarray().astype(int).tolist()
    [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    """
    import scipy.sparse as sp

    if not 1 <= k <= n:
        raise ParameterError(f"k is {k}: give 1 to n, which is {n}")
    rows = comb(n, k)
    columns = np.fromiter(chain.from_iterable(combinations(range(n), k)), np.int64, rows * k)
    starts = np.arange(0, rows * k + 1, k)
    return sp.csr_matrix((np.ones(rows * k), columns, starts), shape=(rows, n))


def critical_n(
    dim: int,
    k: int = 2,
    *,
    restarts: int = 3,
    seed: int = 0,
    steps: int = STEPS,
    patience: int = PATIENCE,
    most: int = 200,
    on_fit: Callable[[int, bool], None] | None = None,
) -> CriticalN:
    """Find the largest n for which the fit of free vectors solves every k-subset.

    Doubling steps up from what is known without a fit, a binary search, then a sweep from 4 below
    to 5 above, since an optimiser may fail at one n and succeed at the next.

    Parameters
    ----------
    dim : int
        Dimensions, at least 1.
    k : int, default 2
        Relevant documents of each query, at least 1.
    restarts, seed, steps, patience
        As in `free_vectors`.
    most : int, default 200
        Documents at most: n over k queries are fitted at once.
    on_fit : callable, optional
        Takes each n that was fitted, and whether it was solved.

    Returns
    -------
    CriticalN

    Raises
    ------
    ParameterError
        For numbers out of range.

    Notes
    -----
    What is found is a property of the optimiser, its temperature and its margin as much as of the
    dimension. In exact arithmetic 2 k dimensions hold any number of documents
    (`isogloss.limits.moment_curve`), so from d = 2 k on no critical n is a limit of geometry; below
    2 k fewer than d + k + 1 documents are possible (`isogloss.limits.bounds`).

    Paper
    -----
    Weller et al. (2025), section on free embeddings.

    Examples
    --------
    >>> critical_n(2, restarts=1, steps=50).n
    3
    """
    for name, value in (("dim", dim), ("k", k)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ParameterError(f"{name} is {value!r}: give a whole number of at least 1")
    if most <= k:
        raise ParameterError(f"most is {most}: give more than k, which is {k}")
    tried: dict[int, bool] = {}
    spent = 0

    def solved(n: int) -> bool:
        nonlocal spent
        if n not in tried:
            fit = free_vectors(
                all_subsets(n, k), dim, restarts=restarts, seed=seed, steps=steps, patience=patience
            )
            tried[n] = fit.is_solved
            spent += fit.steps
            if on_fit is not None:
                on_fit(n, tried[n])
        return tried[n]

    # Known without a fit: any k of k documents; of unit vectors in the plane or above, all but one
    # of any n; whatever is asked of the d + 1 vertices of a simplex.
    known = max(dim + 1, k + 1 if dim > 1 else k)
    low = min(most, known)
    high, step = low + 1, 1
    while high <= most and solved(high):
        low, high, step = high, high + step, 2 * step
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if solved(middle):
            low = middle
        else:
            high = middle
    for n in range(max(known + 1, low - _BELOW), min(most, low + _ABOVE) + 1):
        solved(n)
    best = max([min(most, known), *(n for n, success in tried.items() if success)])
    return CriticalN(best, int(dim), int(k), dict(sorted(tried.items())), spent)


def paper_critical_n(dim: float) -> float:
    """Give the paper's cubic for k = 2, to compare with and for nothing else.

    It was fitted to what the paper's optimiser reached at small dimensions, for judgements that
    hold *every* pair of documents. It is no bound, and says nothing about other judgements.

    Examples
    --------
    >>> round(paper_critical_n(6), 1)
    16.3
    """
    return -10.5322 + 4.0309 * dim + 0.0520 * dim**2 + 0.0037 * dim**3
