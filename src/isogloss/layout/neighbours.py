"""The graph that a map is drawn from: each row's neighbours, weighted by how near they are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss._math.cells import near_rows
from isogloss._math.topk import nearest_rows
from isogloss.layout.workers import Workers

Rows = NDArray[np.float32]

# Up to so many rows neighbours are exact; above, nearly all are found in a partition.
EXACT_ROWS = 12_000
# Ties within a leaf topic count so many times as much as others.
WITHIN = 2.5
BLOCK = 2048


def neighbours(rows: Rows, k: int, *, seed: int) -> tuple[NDArray[np.int32], Rows]:
    """Give each row's nearest others and their cosines; see `isogloss._math.topk.nearest_rows`."""
    if len(rows) <= EXACT_ROWS:
        return nearest_rows(rows, rows, k, same=True)
    return near_rows(rows, k, seed=seed)


def weights(scores: Rows, perplexity: float, workers: Workers) -> Rows:
    """Turn cosines into Gaussian weights that sum to 1 in each row.

    Parameters
    ----------
    scores : float32 (n, k)
        Cosines; -inf where there is no neighbour.
    perplexity : float
        Effective number of neighbours, at most 0.7 of those there are.

    Returns
    -------
    float32 (n, k)
        Rows without neighbours are zero.

    Examples
    --------
    >>> scores = np.array([[1.0, 1.0, -1.0]], dtype=np.float32)
    >>> with Workers() as workers:
    ...     weights(scores, 2.0, workers).round(2).tolist()
    [[0.5, 0.5, 0.0]]
    """
    squares = np.ascontiguousarray(2.0 - 2.0 * scores, dtype=np.float32)
    found = np.empty_like(squares)

    def work(first: int, last: int) -> None:
        _native.map_weights(squares, perplexity, first, last, found)

    workers.each(work, len(squares), block=BLOCK)
    return found


def symmetric(
    columns: NDArray[np.int32], values: Rows, topics: NDArray[np.int32] | None = None
) -> Any:
    """Join rows to their neighbours, and these to them; ties within a topic are made stronger.

    Parameters
    ----------
    columns, values : int32, float32 (n, k)
        Neighbours and their weights; -1 for none.
    topics : int32 (n,) or None
        Leaf topics, -1 for none.

    Returns
    -------
    float32 CSR (n, n)
        Its rows sum to 1 on average.

    Examples
    --------
    >>> columns = np.array([[1], [0], [1]], dtype=np.int32)
    >>> symmetric(columns, np.ones((3, 1), dtype=np.float32)).toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.5], [0.0, 0.5, 0.0]]
    """
    import scipy.sparse as sp

    n, k = columns.shape
    held = (columns >= 0) & (values > 0.0)
    rows = np.repeat(np.arange(n, dtype=np.int32), k).reshape(n, k)[held]
    graph = sp.csr_matrix((values[held], (rows, columns[held])), shape=(n, n))
    graph = ((graph + graph.T) * np.float32(0.5)).tocsr()
    graph.sort_indices()
    if topics is not None and graph.nnz:
        owner = np.repeat(topics, np.diff(graph.indptr))
        graph.data[(owner >= 0) & (owner == topics[graph.indices])] *= np.float32(WITHIN)
        graph.data *= np.float32(n / graph.data.sum(dtype=np.float64))
    return graph
