"""Hubs and authorities: who answers those whom many answer.

Paper: Kleinberg, Authoritative sources in a hyperlinked environment, 1999.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.social.ranks import rank_correlation

__all__ = ["Hits", "hits"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Scores of a directed graph's nodes.

    Parameters
    ----------
    hubs, authorities : float64 (n,)
        0 or more, each summing to 1; all 0 without edges.
    rounds : int
        How many were needed.
    change : float
        Sum of absolute changes in the last round, of hubs and of authorities, the larger.
    converged : bool
        Whether the change fell below the tolerance.
    """

    hubs: Floats
    authorities: Floats
    rounds: int
    change: float
    converged: bool

    def overlap(self, top: int = 100) -> float:
        """Give the share that the first hubs and the first authorities have in common.

        Only nodes with a score count; with fewer than `top` of either, the smaller number is the
        whole.
        """
        hubs, authorities = best(self.hubs, top), best(self.authorities, top)
        whole = min(len(hubs), len(authorities))
        return len(np.intersect1d(hubs, authorities)) / whole if whole else float("nan")

    def rank_correlation(self) -> float:
        """Give Spearman's correlation of hub and authority over nodes that have either."""
        either = (self.hubs > 0) | (self.authorities > 0)
        return rank_correlation(self.hubs[either], self.authorities[either])


def best(scores: Floats, top: int) -> NDArray[np.int64]:
    """Give the nodes of the largest scores above 0, best first, ties by number.

    Examples
    --------
    >>> best(np.array([0.0, 0.2, 0.5, 0.2]), 2).tolist()
    [2, 1]
    """
    order = np.argsort(-scores, kind="stable")[:top]
    return np.asarray(order[scores[order] > 0], dtype=np.int64)


def hits(graph: Any, *, tolerance: float = 1e-8, most_rounds: int = 20_000) -> Hits:
    """Score nodes as hubs (they point to authorities) and authorities (hubs point to them).

    Rounds of a = A'h and h = Aa, each divided by its sum, from equal hubs until neither changes
    by `tolerance` or more.

    Parameters
    ----------
    graph : CSR (n, n)
        Directed weights, 0 or more.
    tolerance : float, default 1e-8
        On the sum of absolute changes of a round.
    most_rounds : int, default 20000
        Where it gives up; ``converged`` is then False.

    Returns
    -------
    Hits

    Raises
    ------
    ParameterError
        For a graph that is not square or has negative weights, or a tolerance of 0 or less.

    Notes
    -----
    Linear in the edges, a round. The rounds grow as the two largest singular values near each
    other.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> found = hits(sp.csr_matrix([[0, 1, 1], [0, 0, 1], [0, 0, 0]]))
    >>> found.authorities.round(3).tolist(), found.hubs.round(3).tolist()
    ([0.0, 0.382, 0.618], [0.618, 0.382, 0.0])
    """
    import scipy.sparse as sp

    if graph.shape[0] != graph.shape[1]:
        raise ParameterError(f"the graph has shape {graph.shape}; it must be square")
    if not tolerance > 0:
        raise ParameterError(f"tolerance is {tolerance}; it must be above 0")
    forward = sp.csr_matrix(graph, dtype=np.float64)
    if forward.nnz and forward.data.min() < 0:
        raise ParameterError("the graph has a negative weight; weights must be 0 or more")
    n = forward.shape[0]
    if not forward.nnz or forward.sum() == 0:
        return Hits(np.zeros(n), np.zeros(n), 0, 0.0, True)
    back = forward.T.tocsr()
    hubs, authorities = np.full(n, 1.0 / n), np.full(n, 1.0 / n)
    change, rounds = float("inf"), 0
    while change >= tolerance and rounds < most_rounds:
        new_authorities = back @ hubs
        new_authorities /= new_authorities.sum()
        new_hubs = forward @ new_authorities
        new_hubs /= new_hubs.sum()
        change = max(
            float(np.abs(new_hubs - hubs).sum()),
            float(np.abs(new_authorities - authorities).sum()),
        )
        hubs, authorities = new_hubs, new_authorities
        rounds += 1
    return Hits(hubs, authorities, rounds, change, change < tolerance)
