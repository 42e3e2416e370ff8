"""How far communities lie apart, by the vectors of their passages."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

# Rows that are compared at a time.
BLOCK = 4096
# Communities below a tenth of the passages, at least 3 and at most 10, are no subject: texts of one
# template lie close together.
TENTH, LEAST_APART, MOST_APART = 10, 3, 10


def least_apart(passages: int) -> int:
    """Give the size from which on a community of so many passages has a silhouette.

    Examples
    --------
    >>> least_apart(12), least_apart(60), least_apart(5000)
    (3, 6, 10)
    """
    return min(MOST_APART, max(LEAST_APART, passages // TENTH))


def mean_silhouette(
    rows: NDArray[np.float32], labels: NDArray[np.int32], *, least: int = 1
) -> float:
    """Say how much nearer passages are to their own community than to the nearest other.

    With a the mean distance of a passage to the others of its community, and b the least mean
    distance to those of another one, its silhouette is ``(b - a) / max(a, b)``; 0 for a passage
    alone. Communities that are too small count for nothing: texts of one template lie close
    together, and far from all others, without being a topic. Distances are one less the cosine, so
    that all means follow from the sums of the communities, and no two passages need to be compared.

    Parameters
    ----------
    rows : float32 (n, d)
        Unit rows; rows of zeros are as far from everything as from each other.
    labels : int32 (n,)
        Communities 0, 1, ... none of which is empty.
    least : int, default 1
        The passages of smaller communities have a silhouette of 0, and are nobody's nearest others.

    Returns
    -------
    float
        The mean over all passages, in [-1, 1]; 0 where there is one community that is large enough.

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
    large = sizes >= least
    if large.sum() < 2:
        return 0.0
    n = len(rows)
    members = sp.csr_matrix((np.ones(n), (labels, np.arange(n))), shape=(len(sizes), n))
    sums = members @ rows.astype(np.float64)
    total = 0.0
    for first in range(0, n, BLOCK):
        part, own = rows[first : first + BLOCK].astype(np.float64), labels[first : first + BLOCK]
        cosines = part @ sums.T
        at, itself = np.arange(len(part)), (part * part).sum(axis=1)
        inside = 1.0 - (cosines[at, own] - itself) / np.maximum(sizes[own] - 1, 1)
        apart = np.where(large, 1.0 - cosines / sizes, np.inf)
        apart[at, own] = np.inf
        outside = apart.min(axis=1)
        larger = np.maximum(inside, outside)
        counts = large[own] & (sizes[own] > 1) & (larger > 0.0)
        total += float(((outside - inside)[counts] / larger[counts]).sum())
    return total / n
