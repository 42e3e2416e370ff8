"""Nearest neighbours of many rows, nearly all of them: only near cells of a partition are searched.

Rows are put into cells around centres (k-means on a sample). Two cells are compared when enough
rows of one have the other among their nearest centres. Comparing is a matrix product, so this is as
fast a floating-point unit allows, where walks over a graph of neighbours wait for memory.
"""

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.threads import map_blocks
from isogloss._math.topk import TileSearch, nearest_rows

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]

# Rows a cell, and rows of the sample a centre.
CELL_ROWS, SAMPLE_ROWS = 512, 32
ROUNDS = 4
# Centres a row votes for: its own cell is compared with the cells that its rows vote for most.
VOTES = 8
# Cells that a cell is compared with, at least.
PROBES = 16
BLOCK = 4096


def near_rows(
    rows: Rows, k: int, *, seed: int = 0, probes: int = PROBES
) -> tuple[NDArray[np.int32], Rows]:
    """Give nearly all of the k other rows with the largest dot product with each row.

    Parameters
    ----------
    rows : float32 (n, d)
        Unit rows.
    k : int
        Neighbours a row, 1 or more.
    seed : int, default 0
        For the sample on which centres are found.
    probes : int, default 16
        Cells of 512 rows that each cell is compared with; more find more.

    Returns
    -------
    columns : int32 (n, k)
        Other rows, best first; -1 where fewer were seen.
    scores : float32 (n, k)
        Their dot products; -inf there.

    Raises
    ------
    ParameterError
        When k or probes is below 1.

    Notes
    -----
    Time O(n d (512 probes + n / 512)), memory O(n (d + k)). On 100,000 real vectors of 384 numbers
    it finds the share of the true 50 neighbours that `benchmarks/neighbours.py` prints. Same rows,
    same answer, for any number of threads.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    >>> columns, _ = near_rows(rows, 5)
    >>> bool((columns == nearest_rows(rows, rows, 5, same=True)[0]).all())
    True
    """
    if k < 1 or probes < 1:
        raise ParameterError(f"k={k}, probes={probes}: both must be 1 or more")
    n = len(rows)
    count = max(1, n // CELL_ROWS)
    if count <= probes:  # every cell would be compared with every other
        return nearest_rows(rows, rows, k, same=True)
    votes = nearest_rows(rows, find_centres(rows, count, seed), min(VOTES, count))[0]
    order = np.argsort(votes[:, 0], kind="stable")
    start = np.searchsorted(votes[order, 0], np.arange(count + 1)).tolist()
    sorted_rows = rows[order]
    search = TileSearch(sorted_rows, sorted_rows, k, same=True)

    def compare(pair: tuple[int, int]) -> None:
        one, other = pair
        search.add(start[one], start[one + 1], start[other], start[other + 1], one != other)

    map_blocks(compare, _pairs(votes, count, probes))
    columns, scores = search.best()
    back = np.append(order, -1)[columns]  # from places in the cells to rows; -1 stays
    found_columns, found_scores = np.empty_like(columns), np.empty_like(scores)
    found_columns[order], found_scores[order] = back, scores
    return found_columns, found_scores


def find_centres(rows: Rows, count: int, seed: int) -> Rows:
    """Find centres by a few rounds of k-means on a sample.

    Parameters
    ----------
    rows : float32 (n, d)
        Unit rows, at least `count`.
    count : int
        Centres wanted.
    seed : int
        Of the sample and of the first centres.

    Returns
    -------
    float32 (count, d)
        Unit rows.

    Examples
    --------
    >>> find_centres(np.eye(2, dtype=np.float32), 2, 0).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    draw = np.random.default_rng(seed)
    size = min(len(rows), SAMPLE_ROWS * count)
    sample = rows[np.sort(draw.choice(len(rows), size, replace=False))]
    centres = sample[np.sort(draw.choice(size, count, replace=False))].copy()
    for _ in range(ROUNDS):
        own = nearest_rows(sample, centres, 1)[0][:, 0]
        order = np.argsort(own, kind="stable")
        held, start = np.unique(own[order], return_index=True)  # others stay where they are
        sums = np.add.reduceat(sample[order], start, axis=0, dtype=np.float64)
        length = np.linalg.norm(sums, axis=1)
        right = length > 0
        centres[held[right]] = (sums[right] / length[right, None]).astype(np.float32)
    return centres


def _pairs(votes: NDArray[np.int32], count: int, probes: int) -> list[tuple[int, int]]:
    """Give pairs of cells worth comparing, each once, every cell with itself among them."""
    own = np.repeat(votes[:, 0].astype(np.int64), votes.shape[1])
    wanted, times = np.unique(own * count + votes.ravel(), return_counts=True)
    cell, other = wanted // count, wanted % count
    order = np.lexsort((other, -times, cell))
    place = np.arange(len(order)) - np.searchsorted(cell[order], cell[order])
    kept = order[place < probes]
    low, high = np.minimum(cell[kept], other[kept]), np.maximum(cell[kept], other[kept])
    every = np.unique(np.concatenate([low * count + high, np.arange(count) * (count + 1)]))
    return [(int(pair // count), int(pair % count)) for pair in every]
