"""How far communities lie apart, by the vectors of their passages."""

import numpy as np
from numpy.typing import NDArray

# Rows that are compared at a time.
BLOCK = 4096


def mean_silhouette(rows: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """Say how much nearer passages are to their own community than to the nearest other.

    With a the mean distance of a passage to the others of its community, and b the least mean
    distance to those of another one, its silhouette is ``(b - a) / max(a, b)``; 0 for a passage
    alone. Distances are one less the cosine, so that all means follow from the sums of the
    communities, and no two passages need to be compared.

    Parameters
    ----------
    rows : float32 (n, d)
        Unit rows; rows of zeros are as far from everything as from each other.
    labels : int32 (n,)
        Communities 0, 1, ... none of which is empty.

    Returns
    -------
    float
        The mean over all passages, in [-1, 1]; 0 where there is one community.

    Notes
    -----
    Time O(n d c) for c communities. Sums are in float64, so that processors differ in no digit
    that counts.

    Paper
    -----
    P. Rousseeuw, Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis, Journal of Computational and Applied Mathematics 20, 1987.

    Examples
    --------
    >>> rows = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    >>> mean_silhouette(rows, np.array([0, 0, 1, 1], dtype=np.int32))
    1.0
    >>> mean_silhouette(rows, np.array([0, 1, 0, 1], dtype=np.int32))
    -0.5
    """
    sizes = np.bincount(labels)
    if len(sizes) < 2:
        return 0.0
    sums = np.zeros((len(sizes), rows.shape[1]))
    np.add.at(sums, labels, rows)
    total = 0.0
    for first in range(0, len(rows), BLOCK):
        part, own = rows[first : first + BLOCK].astype(np.float64), labels[first : first + BLOCK]
        cosines = part @ sums.T
        at = np.arange(len(part))
        itself = (part * part).sum(axis=1)
        others = np.maximum(sizes[own] - 1, 1)
        inside = 1.0 - (cosines[at, own] - itself) / others
        apart = 1.0 - cosines / sizes
        apart[at, own] = np.inf
        outside = apart.min(axis=1)
        larger = np.maximum(inside, outside)
        counts = (sizes[own] > 1) & (larger > 0.0)
        total += float(((outside - inside)[counts] / larger[counts]).sum())
    return total / len(rows)
