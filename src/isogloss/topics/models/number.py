"""How many topics there are, asked of the graph of nearest neighbours."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._math.svd import truncated_svd
from isogloss.topics.graph import neighbour_graph
from isogloss.topics.models.inputs import checked_vectors
from isogloss.topics.scale import first_communities

__all__ = ["found_number"]

NEIGHBOURS = 50
LEXICAL_WEIGHT = 0.5
DIRECTIONS = 100  # of the words, where there are no vectors
SAMPLE = 8_000  # passages looked at: on more, words alone tear short texts into ever more parts
LEAST = 10  # passages of a topic; fewer in small corpora


def found_number(words: Any, vectors: NDArray[np.float32] | None = None, *, seed: int = 0) -> int:
    """Count the communities of the graph of nearest neighbours, at the scale it suggests.

    `isogloss.topics.TopicModel` looks at the same scale. Of more than 8,000 passages a
    sample is looked at.

    Parameters
    ----------
    words : float32 CSR (n, v)
        Unit TF-IDF rows.
    vectors : float32 (n, d), optional
        Unit rows; without them the main directions of the words.
    seed : int, default 0
        Of the sample, and of the search for main directions.

    Returns
    -------
    int
        1 or more; 0 without rows.

    Notes
    -----
    Time O(n^2 d) for n passages of the sample, memory O(n (d + neighbours)).

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> found_number(sp.csr_matrix(np.repeat(np.eye(3, dtype=np.float32), 60, axis=0)))
    3
    """
    n = words.shape[0]
    if n == 0:
        return 0
    if n > SAMPLE:
        kept = np.sort(np.random.default_rng(seed).choice(n, SAMPLE, replace=False))
        words, vectors = words[kept], None if vectors is None else vectors[kept]
        n = SAMPLE
    if vectors is None:
        _, directions = truncated_svd(words.astype(np.float32), DIRECTIONS, seed=seed)
        vectors = checked_vectors(words @ directions)
    graph = neighbour_graph(vectors, words, neighbours=NEIGHBOURS, lexical_weight=LEXICAL_WEIGHT)
    least = min(LEAST, max(2, n // 20))
    labels = first_communities(graph, least=least).labels
    return max(1, int((np.bincount(labels) >= least).sum()))
