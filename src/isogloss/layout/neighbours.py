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


def symmetric(columns: NDArray[np.int32], values: Rows) -> Any:
    """Join rows to their neighbours, and these to them: float32 CSR (n, n), rows sum to about 1."""
    import scipy.sparse as sp

    n, k = columns.shape
    held = (columns >= 0) & (values > 0.0)
    rows = np.repeat(np.arange(n, dtype=np.int32), k).reshape(n, k)[held]
    graph = sp.csr_matrix((values[held], (rows, columns[held])), shape=(n, n))
    graph = ((graph + graph.T) * np.float32(0.5)).tocsr()
    graph.sort_indices()
    return graph
