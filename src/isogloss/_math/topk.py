"""The nearest neighbours of every row, exactly, in fixed blocks."""

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.errors import ParameterError
from isogloss._core.threads import map_blocks

# Rows a block: scores of 512 x 1,024 float32 fit the cache of one core.
QUERY_ROWS = 512
KEY_ROWS = 1024


def nearest_rows(
    queries: NDArray[np.float32],
    keys: NDArray[np.float32],
    k: int,
    *,
    same: bool = False,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Give the k keys with the largest dot product with each query.

    Every pair is scored, in blocks of fixed size, each by one thread: the answer does not depend
    on the number of threads. Equal scores come in order of the keys.

    Parameters
    ----------
    queries : float32 (q, d)
        Rows to find neighbours for; unit rows make the scores cosines.
    keys : float32 (n, d)
        Rows to search.
    k : int
        Neighbours a query, 0 or more; no more than there are keys are found.
    same : bool, default False
        Queries and keys are the same rows: a row is then no neighbour of itself.

    Returns
    -------
    columns : int32 (q, k)
        Indices into the keys, best first; -1 where there are fewer than k.
    scores : float32 (q, k)
        Their dot products; -inf where there are fewer than k.

    Raises
    ------
    ParameterError
        When k is negative, the dimensions differ, or `same` is given for different row counts.

    Notes
    -----
    Time O(q n d), memory O(q k) and one block a thread.

    Examples
    --------
    >>> rows = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    >>> columns, scores = nearest_rows(rows, rows, 1, same=True)
    >>> columns.ravel().tolist()
    [1, 0, 1]
    """
    if k < 0:
        raise ParameterError(f"k is {k}; it must be 0 or more")
    if queries.shape[1] != keys.shape[1] or (same and len(queries) != len(keys)):
        raise ParameterError(
            f"queries of shape {queries.shape} do not fit keys of shape {keys.shape}"
        )
    columns = np.full((len(queries), k), -1, dtype=np.int32)
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    if not k or not len(queries):
        return columns, scores
    best = _native.TopK(len(queries), k)

    def search(tile: tuple[int, int, int]) -> None:
        first, start, end = tile
        products = queries[first : first + QUERY_ROWS] @ keys[start:end].T
        # A product above the diagonal stands for the one below it as well.
        best.add(products, first, start, same, same and start > first)

    map_blocks(search, _tiles(len(queries), len(keys), same=same))
    best.best(0, columns, scores)
    return columns, scores


def _tiles(rows: int, columns: int, *, same: bool) -> list[tuple[int, int, int]]:
    """Give first row, first and last column of each tile; of one set, those above the diagonal."""
    tiles = []
    for first in range(0, rows, QUERY_ROWS):
        begin = first if same else 0
        if same:  # the tile on the diagonal alone, since it counts once
            tiles.append((first, first, min(columns, first + QUERY_ROWS)))
            begin += QUERY_ROWS
        for start in range(begin, columns, KEY_ROWS):
            tiles.append((first, start, min(columns, start + KEY_ROWS)))
    return tiles
