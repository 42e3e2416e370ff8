"""How far communities lie apart, by the vectors and words of their passages."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss.topics.graph import word_share

# Rows that are compared at a time.
BLOCK = 4096


class Passages(NamedTuple):
    """Passages that communities are made of.

    Parameters
    ----------
    rows : float32 (n, d)
        Vectors, of unit length or zero.
    words : float32 CSR (n, v) or None
        Unit TF-IDF rows.
    lexical_weight : float, default 0
        Weight of the words as a share of that of the vectors, as in a graph.

    Examples
    --------
    >>> rows = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    >>> Passages(rows).silhouette(np.array([0, 0, 1, 1], dtype=np.int32))
    1.0
    >>> Passages(rows).silhouette(np.array([0, 1, 0, 1], dtype=np.int32))
    -0.5
    """

    rows: NDArray[np.float32]
    words: Any = None
    lexical_weight: float = 0.0

    def share(self, graph: Any) -> float:
        """Say what the cosine of words counts in the edges of a graph that is made of these."""
        if self.words is None or self.lexical_weight <= 0.0:
            return 0.0
        return word_share(graph, self.rows, self.words, self.lexical_weight)

    def silhouette(self, labels: NDArray[np.int32], share: float = 0.0) -> float:
        """Say how much nearer passages are to their own community than to the nearest other.

        With a the mean distance of a passage to the others of its community, and b the least mean
        distance to those of another one, its silhouette is ``(b - a) / max(a, b)``; 0 for a passage
        alone. The distance is 1 less the cosine of the vectors, and, times their share, 1 less
        that of the words: all means follow from the sums of the communities, and no two
        passages need to be compared.

        Parameters
        ----------
        labels : int32 (n,)
            Communities 0, 1, ... none of which is empty.
        share : float, default 0
            What the cosine of words counts, where that of vectors counts 1.

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
        """
        n, sizes = len(labels), np.bincount(labels)
        if len(sizes) < 2:
            return 0.0
        members = sp.csr_matrix((np.ones(n), (np.arange(n), labels)), shape=(n, len(sizes)))
        sums = members.T @ self.rows.astype(np.float64)
        told = None if share == 0.0 else (self.words.T.astype(np.float64) @ members).tocsr()
        total = 0.0
        for first in range(0, n, BLOCK):
            block = slice(first, first + BLOCK)
            part = self.rows[block].astype(np.float64)
            likeness, itself = part @ sums.T, (part * part).sum(axis=1)
            if told is not None:
                words = self.words[block].astype(np.float64)
                likeness += share * (words @ told).toarray()
                itself += share * np.asarray(words.multiply(words).sum(axis=1)).ravel()
            total += _silhouettes(likeness, itself, labels[block], sizes, 1.0 + share).sum()
        return float(total) / n


def _silhouettes(
    likeness: NDArray[np.float64],
    itself: NDArray[np.float64],
    own: NDArray[np.int32],
    sizes: NDArray[np.int64],
    most: float,
) -> NDArray[np.float64]:
    """Give the silhouettes of some passages from their likeness to the sum of each community."""
    at = np.arange(len(own))
    inside = most - (likeness[at, own] - itself) / np.maximum(sizes[own] - 1, 1)
    apart = most - likeness / sizes
    apart[at, own] = np.inf
    outside = apart.min(axis=1)
    larger = np.maximum(inside, outside)
    counts = (sizes[own] > 1) & (larger > 0.0)
    return np.where(counts, outside - inside, 0.0) / np.where(counts, larger, 1.0)
