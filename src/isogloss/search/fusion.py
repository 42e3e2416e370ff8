"""Reciprocal rank fusion: one ranking out of several.

G. Cormack, C. Clarke, S. Buettcher: Reciprocal Rank Fusion outperforms Condorcet and individual
Rank Learning Methods. SIGIR 2009, equation 1.
"""

from collections.abc import Sequence

DAMPING = 60  # the paper's k: how little the very first ranks count above the next


def fuse(rankings: Sequence[Sequence[int]], *, damping: int = DAMPING) -> list[tuple[int, float]]:
    """Merge rankings of ids; an id scores the sum of ``1 / (damping + rank)`` over them.

    Parameters
    ----------
    rankings : sequence of sequences of int
        Each from best to worst, an id at most once; an id may be missing.
    damping : int, default 60
        Larger values let agreement between rankings count more than single first places.

    Returns
    -------
    list of (int, float)
        All ids, best first; equal scores in the order of the ids.

    Examples
    --------
    >>> fuse([[7, 3], [3, 9]], damping=1)
    [(3, 0.8333333333333333), (7, 0.5), (9, 0.3333333333333333)]
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (damping + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
