"""One ranking out of several: by ranks, or by scores brought to one scale.

G. Cormack, C. Clarke, S. Buettcher: Reciprocal Rank Fusion outperforms Condorcet and individual
Rank Learning Methods. SIGIR 2009, equation 1.
S. Bruch, S. Gai, A. Ingber: An Analysis of Fusion Functions for Hybrid Retrieval. ACM TOIS 2023,
section 4 (convex combination).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError, nearest

__all__ = ["DAMPING", "DEFAULT", "Convex", "Fusion", "Ranking", "ReciprocalRank", "fuse", "scaled"]

DAMPING = 60  # the paper's k: how little the very first ranks count above the next
SCALES = ("max", "min-max", "z-score")


@dataclass(frozen=True, slots=True)
class Ranking:
    """Passages from best to worst, and their scores.

    Parameters
    ----------
    passages : sequence of int
        Each at most once.
    scores : sequence of float
        Not rising.
    """

    passages: Sequence[int]
    scores: Sequence[float]


@runtime_checkable
class Fusion(Protocol):
    """Anything that makes one ranking out of those by ``"vector"`` and ``"text"``.

    Attributes
    ----------
    name : str
        What it is, for the strategy of a result.
    """

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        ...

    def fuse(self, rankings: Mapping[str, Ranking]) -> list[tuple[int, float]]:
        """Give every passage with its score, best first, equal scores by passage."""
        ...


class ReciprocalRank:
    """A passage scores the sum of ``1 / (damping + rank)`` over the rankings that hold it.

    Parameters
    ----------
    damping : int, default 60
        The paper's k, at least 0. Larger values let agreement count more than first places.

    Raises
    ------
    ParameterError
        For a damping below 0 or no whole number.

    Examples
    --------
    >>> both = {"vector": Ranking([7, 3], [0.9, 0.2]), "text": Ranking([3, 9], [8.0, 4.0])}
    >>> ReciprocalRank(damping=1).fuse(both)
    [(3, 0.8333333333333333), (7, 0.5), (9, 0.3333333333333333)]
    """

    def __init__(self, damping: int = DAMPING) -> None:
        self.damping = whole_number(damping, "damping", 0)

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        return f"reciprocal rank fusion (k {self.damping})"

    def fuse(self, rankings: Mapping[str, Ranking]) -> list[tuple[int, float]]:
        """Merge by ranks; see `fuse`."""
        return fuse([one.passages for one in rankings.values()], damping=self.damping)


class Convex:
    """A passage scores ``weight`` of its scaled cosine and the rest of its scaled BM25.

    Each ranking is scaled over its own candidates. A passage that a ranking does not hold takes
    that ranking's lowest scaled score: it stands below the last place, so it can score no more.
    Under ``max`` it takes 0 from a ranking that is shorter than the other, since such a ranking
    ends where nothing more is found.

    Parameters
    ----------
    weight : float, default 0.6
        Share of the vectors, 0 to 1.
    scale : {"max", "min-max", "z-score"}, default "max"
        As shares of the best, to 0..1, or to mean 0 and deviation 1. Only under ``max`` is a
        scaled score the same however many candidates there are.

    Raises
    ------
    ParameterError
        For a weight outside 0 to 1 or an unknown scale.

    Examples
    --------
    >>> both = {"vector": Ranking([7, 3], [0.8, 0.2]), "text": Ranking([3, 9], [8.0, 4.0])}
    >>> Convex(0.6).fuse(both)
    [(7, 0.8), (3, 0.55), (9, 0.35)]
    >>> Convex(0.6, scale="min-max").fuse(both)
    [(7, 0.6), (3, 0.4), (9, 0.0)]
    """

    def __init__(self, weight: float = 0.6, *, scale: str = "max") -> None:
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
            raise ParameterError(f"the weight of the vectors is {weight!r}: give 0 to 1")
        if scale not in SCALES:
            raise ParameterError(f"scale is {scale!r}; {nearest(str(scale), SCALES)}")
        self.weight = float(weight)
        self.scale = scale

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        return f"convex combination ({self.weight:g} of the vectors, {self.scale})"

    def fuse(self, rankings: Mapping[str, Ranking]) -> list[tuple[int, float]]:
        """Merge by scaled scores.

        Raises
        ------
        ParameterError
            For a ranking that is neither ``"vector"`` nor ``"text"``.
        """
        shares = {"vector": self.weight, "text": 1.0 - self.weight}
        total: dict[int, float] = {}
        for name, ranking in rankings.items():
            if name not in shares:
                raise ParameterError(f"no weight for the ranking {name!r}; {nearest(name, shares)}")
            for passage in ranking.passages:
                total[passage] = 0.0
        longest = max((len(one.passages) for one in rankings.values()), default=0)
        for name, ranking in rankings.items():
            values = scaled(ranking.scores, self.scale).tolist()
            known = dict(zip(ranking.passages, values, strict=True))
            floor = self._floor(values, ends=len(values) < longest)
            for passage in total:
                total[passage] += shares[name] * known.get(passage, floor)
        return sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))

    def _floor(self, values: list[float], *, ends: bool) -> float:
        """Give what a passage scores that a ranking does not hold."""
        floor = min(values, default=0.0)
        if self.scale == "max":
            return min(0.0, floor) if ends else floor
        # Equal scores: what is not found stands below.
        return floor - 1.0 if values and floor == max(values) else floor


# What hybrid search does unless told otherwise; docs/decisions/0020 has the figures.
DEFAULT: Fusion = Convex()


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


def scaled(scores: Sequence[float], scale: str) -> NDArray[np.float64]:
    """Bring the scores of one ranking to a scale that others share.

    Parameters
    ----------
    scores : sequence of float
        Finite.
    scale : {"max", "min-max", "z-score"}
        Equal scores, or a single one, become 1 under ``max`` and ``min-max``, 0 under ``z-score``.
        Where none is above 0, the best is 0 under ``max``.

    Returns
    -------
    float64 (n,)

    Examples
    --------
    >>> scaled([3.0, 2.0, 1.0], "min-max").tolist(), scaled([2.0], "min-max").tolist()
    ([1.0, 0.5, 0.0], [1.0])
    >>> scaled([3.0, 1.0], "z-score").tolist(), scaled([4.0, 1.0, -1.0], "max").tolist()
    ([1.0, -1.0], [1.0, 0.25, -0.25])
    """
    values = np.asarray(scores, dtype=np.float64)
    if not values.size:
        return values
    if scale == "max":
        best = float(values.max())
        return values / best if best > 0 else values - best
    if scale == "min-max":
        low, width = float(values.min()), float(values.max() - values.min())
        return (values - low) / width if width > 0 else np.ones_like(values)
    middle = math.fsum(values.tolist()) / values.size
    spread = math.sqrt(math.fsum(((values - middle) ** 2).tolist()) / values.size)
    return (values - middle) / spread if spread > 0 else np.zeros_like(values)
