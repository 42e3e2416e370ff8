"""How well a map stands in for the old encoder, measured on texts that it was not fitted on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._math.topk import nearest_rows

# Above this share of variance left, one is told to use another map or to index again.
MOST_RESIDUAL = 0.5
NEIGHBOURS = 10

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a compensation keeps, on held-out texts.

    Parameters
    ----------
    fitted, held_out : int
        Distinct texts it was fitted on, and measured on.
    shift : float or None
        Length of the mean of new - old; None for unequal dimensions.
    drift : float or None
        Root mean square length of new - old.
    left_by_shift : float or None
        Share of the drift that the mean shift leaves: ``sum |d - mean d|^2 / sum |d|^2``.
    residual : float
        Share of the variance of the old vectors that the map misses:
        ``sum |old - mapped|^2 / sum |old - mean old|^2``.
    cosine : float
        Mean cosine between mapped and old vector.
    neighbours : int
        Neighbours asked for, among all texts given.
    recall_old : float
        Share of the neighbours by the old encoder alone that mapped queries find.
    recall_new : float
        Share of the neighbours by the new encoder alone that mapped queries find.
    recall_between : float
        Share of the neighbours by the new encoder alone that the old one alone finds.
    recall_unmapped : float or None
        As `recall_old`, with new vectors as they are; None for unequal dimensions.
    tried : dict of str to float
        Recall of the old neighbours by each method tried, on texts that none of them and not this
        diagnosis uses; empty where the method was named.

    Examples
    --------
    >>> Diagnosis(80, 20, None, None, None, 0.6, 0.8, 10, 0.5, 0.5, 0.6, None).advice("affine")
    're-index: the map misses 60% of the variance of the old vectors'
    """

    fitted: int
    held_out: int
    shift: float | None
    drift: float | None
    left_by_shift: float | None
    residual: float
    cosine: float
    neighbours: int
    recall_old: float
    recall_new: float
    recall_between: float
    recall_unmapped: float | None
    tried: dict[str, float] = field(default_factory=dict)

    def advice(self, method: str) -> str:
        """Say in one line what to do: keep the map, take another, or index again."""
        missed = f"{self.residual:.0%} of the variance of the old vectors"
        if self.residual > MOST_RESIDUAL:
            return f"re-index: the map misses {missed}"
        left = self.left_by_shift
        if method == "mean" and left is not None and left > MOST_RESIDUAL:
            freer = "re-index" if self.tried else "use the affine map, or re-index"
            return f"{freer}: the mean shift leaves {left:.0%} of the drift"
        return f"use the map: it misses {missed}"

    def to_json(self) -> dict[str, Any]:
        """Give it for JSON, rounded to six places."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return round(value, 6) if isinstance(value, float) else value


def recall_kept(found: NDArray[np.integer[Any]], wanted: NDArray[np.integer[Any]]) -> float:
    """Give the mean share of wanted neighbours that were found; -1 stands for none.

    Parameters
    ----------
    found, wanted : int (q, k)

    Examples
    --------
    >>> recall_kept(np.array([[1, 2]]), np.array([[2, 3]]))
    0.5
    """
    shares = []
    for ours, theirs in zip(found.tolist(), wanted.tolist(), strict=True):
        right = [one for one in theirs if one >= 0]
        if right:
            shares.append(len(frozenset(ours) & frozenset(right)) / len(right))
    return float(np.mean(shares)) if shares else float("nan")


def neighbours_of(
    queries: Rows, index: Rows, own: Sequence[int] | NDArray[np.int64], k: int = NEIGHBOURS
) -> NDArray[np.int32]:
    """Give the k nearest rows of an index; a query's own row is no neighbour: int32 (q, k).

    Parameters
    ----------
    queries : float32 (q, d)
    index : float32 (n, d)
    own : int (q,)
        The row of each query in the index.
    k : int

    Examples
    --------
    >>> rows = np.eye(2, dtype=np.float32)
    >>> neighbours_of(rows[:1], rows, [0], k=1).tolist()
    [[1]]
    """
    near, _ = nearest_rows(np.ascontiguousarray(queries), np.ascontiguousarray(index), k + 1)
    out = np.full((len(near), k), -1, dtype=np.int32)
    for row, (found, self_) in enumerate(zip(near.tolist(), own, strict=True)):
        others = [one for one in found if one not in (int(self_), -1)][:k]
        out[row, : len(others)] = others
    return out
