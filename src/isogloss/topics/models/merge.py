"""Merge topics: the most alike first, until so many are left."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["merged_to"]


def merged_to(labels: NDArray[np.int32], rows: Any, wanted: int) -> NDArray[np.int32]:
    """Join topics of the most similar rows (average cosine) until `wanted` are left.

    Parameters
    ----------
    labels : int32 (n,)
        -1 stays -1.
    rows : array or CSR (t, v)
        What tells topics apart: word weights, or vectors.
    wanted : int

    Returns
    -------
    int32 (n,)
        Topics by falling size.

    Examples
    --------
    >>> rows = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> merged_to(np.array([0, 1, 2, -1, 2, 2], dtype=np.int32), rows, 2).tolist()
    [1, 1, 0, -1, 0, 0]
    """
    dense = np.asarray(rows.toarray() if sp.issparse(rows) else rows, dtype=np.float64)
    lengths = np.linalg.norm(dense, axis=1, keepdims=True)
    dense = dense / np.where(lengths > 0, lengths, 1.0)
    t = len(dense)
    group = np.arange(t)
    likeness = np.round(dense @ dense.T, 12)  # sums over pairs
    size = np.ones(t)
    alive = np.ones(t, dtype=bool)
    for _ in range(t - wanted):
        mean = likeness / np.outer(size, size)
        mean[~alive] = -np.inf
        mean[:, ~alive] = -np.inf
        np.fill_diagonal(mean, -np.inf)
        one, other = divmod(int(np.argmax(np.round(mean, 9))), t)
        likeness[one] += likeness[other]
        likeness[:, one] += likeness[:, other]
        size[one] += size[other]
        alive[other] = False
        group[group == other] = one
    return by_size(np.where(labels >= 0, group[np.maximum(labels, 0)], -1).astype(np.int32))


def by_size(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give topics numbers by falling size, ties by number; empty ones go.

    Examples
    --------
    >>> by_size(np.array([4, 7, 7, -1], dtype=np.int32)).tolist()
    [1, 0, 0, -1]
    """
    held = labels[labels >= 0]
    sizes = np.bincount(held)
    order = np.lexsort((np.arange(len(sizes)), -sizes))
    number = np.full(len(sizes) + 1, -1, dtype=np.int32)
    number[order[sizes[order] > 0]] = np.arange(int((sizes > 0).sum()))
    return number[labels]
