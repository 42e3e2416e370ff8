"""How many ties are returned, and how many would be by chance with the same degrees.

Papers: Squartini, Picciolo, Ruzzenenti, Garlaschelli, Reciprocity of weighted networks, 2013
(weighted form); Rao, Jana, Bandyopadhyay, A Markov chain Monte Carlo method for generating random
(0,1)-matrices with given marginals, 1996 (swaps that keep degrees).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["Reciprocity", "reciprocity", "rewire"]

# Accepted swaps an edge before the first sample, and between samples.
BURN_IN, BETWEEN = 10.0, 2.0
# Rounds that may pass without reaching that many, as happens in stars.
_MOST_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Reciprocity:
    """Share of ties that are returned.

    Parameters
    ----------
    edges, mutual : int
        Directed edges, and those whose reverse exists.
    value : float
        mutual / edges; NaN without edges.
    weighted : float
        Sum over edges of min(weight, weight of the reverse), over the sum of weights.
    expected, expected_low, expected_high : float
        Mean, smallest and largest value over rewired graphs; NaN when none were made.
    rewirings : int
        How many.
    swaps : float
        Accepted swaps an edge before the first of them: below about 1 the degrees leave hardly
        any other graph.
    """

    edges: int
    mutual: int
    value: float
    weighted: float
    expected: float
    expected_low: float
    expected_high: float
    rewirings: int
    swaps: float

    def to_json(self) -> dict[str, Any]:
        """Give all numbers."""
        return {name: getattr(self, name) for name in self.__slots__}


def reciprocity(graph: Any, *, rewirings: int = 20, seed: int = 0) -> Reciprocity:
    """Measure how many ties are returned, against graphs with the same degrees.

    Parameters
    ----------
    graph : CSR (n, n)
        Directed weights above 0; the diagonal is left out.
    rewirings : int, default 20
        Rewired graphs to compare with; 0 leaves the comparison out.
    seed : int, default 0
        Of the swaps.

    Returns
    -------
    Reciprocity

    Raises
    ------
    ParameterError
        For a graph that is not square, or negative `rewirings`.

    Notes
    -----
    The value is exact. Rewiring takes about 30 sorts of the edges before the first sample and a few
    for each further one.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> r = reciprocity(sp.csr_matrix([[0, 3, 1], [1, 0, 0], [0, 0, 0]]), rewirings=0)
    >>> round(r.value, 4), r.weighted
    (0.6667, 0.4)
    """
    import scipy.sparse as sp

    n = graph.shape[0]
    if graph.shape[1] != n:
        raise ParameterError(f"the graph has shape {graph.shape}; it must be square")
    if rewirings < 0:
        raise ParameterError(f"rewirings is {rewirings}; give 0 or more")
    ties = sp.csr_matrix(graph, dtype=np.float64, copy=True)
    ties.setdiag(0.0)
    ties.eliminate_zeros()
    rows = np.repeat(np.arange(n, dtype=np.int64), np.diff(ties.indptr))
    columns = ties.indices.astype(np.int64)
    edges = len(rows)
    mutual = _mutual(rows, columns, n)
    shared = float(ties.minimum(ties.T).sum())
    draws, swaps = [], float("nan")
    if rewirings and edges > 1:
        rng = np.random.default_rng(seed)
        columns, swaps = rewire(rows, columns, n, rng=rng, swaps=BURN_IN)
        draws.append(_mutual(rows, columns, n) / edges)
        for _ in range(rewirings - 1):
            columns, _ = rewire(rows, columns, n, rng=rng, swaps=BETWEEN)
            draws.append(_mutual(rows, columns, n) / edges)
    return Reciprocity(
        edges,
        mutual,
        mutual / edges if edges else float("nan"),
        shared / float(ties.sum()) if edges else float("nan"),
        float(np.mean(draws)) if draws else float("nan"),
        min(draws, default=float("nan")),
        max(draws, default=float("nan")),
        len(draws),
        swaps,
    )


def _mutual(rows: NDArray[np.int64], columns: NDArray[np.int64], n: int) -> int:
    """Count the edges whose reverse exists; each edge stands once."""
    low, high = np.minimum(rows, columns), np.maximum(rows, columns)
    pairs = np.sort(low * n + high)
    return 2 * int((pairs[1:] == pairs[:-1]).sum())


def rewire(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    n: int,
    *,
    rng: np.random.Generator,
    swaps: float = BURN_IN,
) -> tuple[NDArray[np.int64], float]:
    """Draw a directed graph with the same in- and out-degrees: no loops, no double edges.

    Edges are paired at random; a pair (a to b, c to d) becomes (a to d, c to b) with chance one
    half, unless that makes a loop or touches an edge that another pair holds or would make. That
    condition looks the same from both sides of the swap, so every reachable graph is equally
    likely in the long run.

    Parameters
    ----------
    rows, columns : int64 (e,)
        Ends of the edges, each edge once, no loops.
    n : int
        Nodes.
    rng : numpy.random.Generator
    swaps : float
        Accepted swaps an edge to reach.

    Returns
    -------
    columns : int64 (e,)
        New targets of the edges whose sources are `rows`.
    swaps : float
        Accepted swaps an edge; fewer than asked where the degrees hardly leave a choice.

    Examples
    --------
    >>> rows, columns = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 0])
    >>> new, _ = rewire(rows, columns, 4, rng=np.random.default_rng(0))
    >>> sorted(new.tolist()), bool((new != rows).all())
    ([0, 1, 2, 3], True)
    """
    edges = len(rows)
    if edges < 2:
        return columns.copy(), 0.0
    ends = columns.copy()
    accepted, rounds = 0, 0
    while accepted < swaps * edges and rounds < max(_MOST_ROUNDS, int(8 * swaps)):
        order = rng.permutation(edges)
        one, two = order[: edges // 2], order[edges // 2 : 2 * (edges // 2)]
        a, b, c, d = rows[one], ends[one], rows[two], ends[two]
        keys = np.concatenate([a * n + b, c * n + d, a * n + d, c * n + b])
        every = keys
        if edges % 2:
            rest = order[-1:]
            every = np.concatenate([keys, rows[rest] * n + ends[rest]])
        alone = _unique_once(every)[: len(keys)].reshape(4, -1).all(axis=0)
        chosen = alone & (a != d) & (c != b) & (rng.random(len(one)) < 0.5)
        ends[one[chosen]], ends[two[chosen]] = d[chosen], b[chosen]
        accepted += 2 * int(chosen.sum())
        rounds += 1
    return ends, accepted / edges


def _unique_once(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which keys stand once only."""
    ordered = np.sort(keys)
    double = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(double):
        return np.ones(len(keys), dtype=bool)
    place = np.minimum(np.searchsorted(double, keys), len(double) - 1)
    return np.asarray(double[place] != keys, dtype=np.bool_)
