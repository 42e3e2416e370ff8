"""The parts of a passage in topics that are sets of words with weights."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.threads import map_blocks
from isogloss.topics.rows import real_array
from isogloss.topics.set_clusters import BLOCK_ROWS

__all__ = ["csr_counts", "largest_parts", "score_matrix"]


def csr_counts(X: Any) -> Any:
    """Give counts as CSR, whatever matrix they come as.

    Raises
    ------
    ParameterError
        When they are no matrix of numbers.

    Examples
    --------
    >>> csr_counts([[0, 2]]).nnz
    1
    """
    import scipy.sparse as sp

    if not sp.issparse(X):
        X = real_array(X, "X", "counts (n, v)")
        if X.ndim != 2:
            raise ParameterError(f"X has shape {X.shape}: give counts (n, v)")
    return sp.csr_matrix(X)


def score_matrix(weights: Any, frequency: NDArray[np.int64], documents: int) -> Any:
    """Give the matrix that turns counts into scores of topics, float64 CSR (v, t).

    Parameters
    ----------
    weights : CSR (t, v)
        The words of each topic.
    frequency : int64 (v,)
        Documents with each word.
    documents : int
        All documents.

    Returns
    -------
    float64 CSR (v, t)
        Inverse document frequencies of the words of a topic, divided by the root of their number.
    """
    import scipy.sparse as sp

    sizes = np.diff(weights.indptr)
    idf = np.log((1.0 + documents) / (1.0 + frequency)) + 1.0
    value = idf[weights.indices] / np.sqrt(np.repeat(sizes, sizes))
    scores = sp.csr_matrix((value, weights.indices, weights.indptr), shape=weights.shape)
    turned = scores.T.tocsr()
    turned.sort_indices()
    return turned


def largest_parts(batches: Iterable[Any], scores: Any, *, most: int) -> Any:
    """Give the largest parts of each passage in the topics, float32 CSR (n, t).

    Parameters
    ----------
    batches : iterable of CSR (m, v)
        Counts.
    scores : float64 CSR (v, t)
        See `score_matrix`.
    most : int
        Parts kept for each passage.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> scores = sp.csr_matrix([[1.0, 0.0], [1.0, 2.0]])
    >>> largest_parts([sp.csr_matrix([[2, 1], [0, 0]])], scores, most=1).toarray().tolist()
    [[0.6000000238418579, 0.0], [0.0, 0.0]]
    """
    import scipy.sparse as sp

    def parts(rows: Any) -> Any:
        return _parts(rows, scores, most)

    kept = []
    for batch in batches:
        firsts = range(0, batch.shape[0], BLOCK_ROWS)
        kept += map_blocks(parts, (batch[at : at + BLOCK_ROWS] for at in firsts))
    if not kept:
        return sp.csr_matrix((0, scores.shape[1]), dtype=np.float32)
    return sp.vstack(kept, format="csr", dtype=np.float32)


def _parts(rows: Any, topic_scores: Any, most: int) -> Any:
    """Give the largest parts of some passages."""
    import scipy.sparse as sp

    scores = (rows.astype(np.float64) @ topic_scores).tocsr()
    scores.sort_indices()
    passage = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    total = np.bincount(passage, weights=scores.data, minlength=scores.shape[0])
    part = scores.data / total[passage]
    order = np.lexsort((scores.indices, -part, passage))
    rank = np.arange(len(order)) - scores.indptr[passage]
    kept = np.sort(order[rank < most])
    held = (part[kept].astype(np.float32), (passage[kept], scores.indices[kept]))
    return sp.csr_matrix(held, shape=scores.shape)
