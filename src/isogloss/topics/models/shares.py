"""Shares of topics and of words that neural models give, as results keep them."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["rising_shares", "softmax", "sparse_shares"]


def sparse_shares(shares: NDArray[Any]) -> Any:
    """Give shares as float32 CSR, a little below one, so that no row sums to more in float32.

    Examples
    --------
    >>> float(sparse_shares(np.full((1, 3), 1 / 3)).sum()) < 1
    True
    """
    return sp.csr_matrix((shares * (1 - 2.0**-20)).astype(np.float32))


def rising_shares(rise: NDArray[np.float64], full: NDArray[np.bool_]) -> Any:
    """Give what is above the mean of each row, divided by its sum, float32 CSR (n, k).

    Parameters
    ----------
    rise : float64 (n, k)
    full : bool (n,)
        Rows that have shares; others have none.

    Examples
    --------
    >>> rows = np.array([[3.0, 0.0, 0.0], [1.0, 2.0, 3.0]])
    >>> rising_shares(rows, np.array([True, False])).toarray().round(2).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    above = np.maximum(rise - rise.mean(axis=1, keepdims=True), 0.0)
    above[~full] = 0.0
    total = above.sum(axis=1, keepdims=True)
    return sparse_shares(np.divide(above, total, out=np.zeros_like(above), where=total > 0))


def softmax(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the exponentials of each row, divided by their sum, float32 (n, k).

    Examples
    --------
    >>> softmax(np.zeros((1, 2), dtype=np.float32)).tolist()
    [[0.5, 0.5]]
    """
    shifted = np.exp(weights - weights.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)
