"""Ranks, and how far two orders agree."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_ranks", "rank_correlation"]


def mean_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Give ranks from 1; equal values share the mean of theirs.

    Examples
    --------
    >>> mean_ranks(np.array([3, 1, 3])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return np.asarray((last - (sizes - 1) / 2)[group], dtype=np.float64)


def rank_correlation(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Give Spearman's correlation; NaN with fewer than two values or without variation.

    Examples
    --------
    >>> rank_correlation(np.array([1, 2, 3]), np.array([9, 5, 1]))
    -1.0
    """
    if len(x) < 2:
        return float("nan")
    a, b = mean_ranks(x), mean_ranks(y)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / scale) if scale > 0 else float("nan")
