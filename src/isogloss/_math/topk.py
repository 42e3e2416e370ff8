"""The nearest neighbours of every row, exactly, in fixed blocks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.errors import ParameterError
from isogloss._core.threads import map_blocks

# Rows a block: scores of 512 x 1,024 float32 fit the cache of one core.
QUERY_ROWS = 512
KEY_ROWS = 1024
# 8-bit codes pay where there are enough rows and keys to be worth making them (the harmonic mean of
# both, halved), and so many times as many keys as neighbours.
CODED_ROWS, CODED_KEYS = 150, 8


def nearest_rows(
    queries: NDArray[np.float32],
    keys: NDArray[np.float32],
    k: int,
    *,
    same: bool = False,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Give the k keys with the largest dot product with each query.

    Scores are float32 products summed in one order, whatever the processor, the number of threads
    or the shapes; the score of two rows is the same from either side. Equal scores come in order of
    the keys.

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
    Time O(q n d), memory O(q k + n d). Where there are many pairs, products of 8-bit codes and
    rigorous bounds of their errors say which few pairs may be among the k best, and only these are
    scored. A row is skipped as a neighbour where its score is no number.

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
    if not k or not len(queries) or not len(keys):
        columns = np.full((len(queries), k), -1, dtype=np.int32)
        return columns, np.full((len(queries), k), -np.inf, dtype=np.float32)
    search = TileSearch(queries, keys, k, same=same)

    def score(tile: tuple[int, int, int]) -> None:
        first, start, end = tile
        # A product above the diagonal stands for the one below it as well.
        search.add(first, first + QUERY_ROWS, start, end, same and start > first)

    search.guess()
    map_blocks(score, _tiles(len(queries), len(keys), same=same))
    return search.best()


class TileSearch:
    """The k best keys of each row, from tiles of rows and keys in any order.

    Parameters
    ----------
    queries, keys : float32 (q, d), (n, d)
    k : int
        1 or more.
    same : bool
        Queries and keys are the same rows.
    """

    def __init__(
        self, queries: NDArray[np.float32], keys: NDArray[np.float32], k: int, *, same: bool
    ) -> None:
        self._queries = np.ascontiguousarray(queries, dtype=np.float32)
        self._keys = self._queries if same else np.ascontiguousarray(keys, dtype=np.float32)
        self._same, self._k = same, k
        self._coded = self._encoded()
        self._plain: Any = None if self._coded is not None else _native.TopK(len(queries), k)
        # Should codes turn out to be of no use, all tiles are scored again without them.
        self._tiles: list[tuple[int, int, int, int, bool]] = []
        self._useless = False

    def _encoded(self) -> Any:
        """Give the search over 8-bit codes; None where it would not pay or rows are too odd."""
        q, n = len(self._queries), len(self._keys)
        if not 0 < CODED_KEYS * self._k <= n or q * n < CODED_ROWS * (q + n):
            return None
        if not _native.codes_pay(self._queries.shape[1]):
            return None
        search = _native.NearestRows(self._queries, self._keys, self._k, self._same)
        total = q if self._same else q + n
        if not all(
            map_blocks(
                lambda first: search.encode(first, min(total, first + KEY_ROWS)),
                range(0, total, KEY_ROWS),
            )
        ):
            return None
        return search

    def guess(self) -> None:
        """Guess where the k best of each row begin, where all keys will be scored."""
        if self._coded is not None:
            q = len(self._queries)
            map_blocks(
                lambda first: self._coded.guess(first, min(q, first + KEY_ROWS)),
                range(0, q, KEY_ROWS),
            )

    def add(self, first: int, last: int, start: int, end: int, both: bool) -> None:
        """Score rows first..last with keys start..end; with `both`, also the other way round.

        No pair may come twice for a row.
        """
        last = min(last, len(self._queries))
        if self._coded is not None:
            self._tiles.append((first, last, start, end, both))
            if not (self._useless or self._coded.add(first, last, start, end, both)):
                self._useless = True
            return
        products = np.empty((last - first, end - start), dtype=np.float32)
        _native.pair_scores(self._queries[first:last], self._keys[start:end], products)
        self._plain.add(products, first, start, self._same, both)

    def best(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Give columns and scores as `nearest_rows` does."""
        q = len(self._queries)
        if self._useless:
            self._coded, self._useless = None, False
            self._plain = _native.TopK(q, self._k)
            map_blocks(lambda tile: self.add(*tile), self._tiles)
        columns = np.empty((q, self._k), dtype=np.int32)
        scores = np.empty((q, self._k), dtype=np.float32)
        if self._coded is None:
            self._plain.best(0, columns, scores)
            return columns, scores

        def settle(first: int) -> list[int]:
            block = slice(first, first + QUERY_ROWS)
            again: list[int] = self._coded.best(first, columns[block], scores[block])
            return again

        def repeat(row: int) -> None:
            self._coded.add(row, row + 1, 0, len(self._keys), False)
            self._coded.best(row, columns[row : row + 1], scores[row : row + 1])

        missed = map_blocks(settle, range(0, q, QUERY_ROWS))
        map_blocks(repeat, [row for rows in missed for row in rows])
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
