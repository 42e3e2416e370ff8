"""A partition of vectors into many small cells, and how far from a query cells still matter.

Centres come from k-means on two levels: groups, then cells within each group, so that the cost
grows with the root of the number of cells. A row goes to the nearest centre of the groups around
its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.threads import map_blocks
from isogloss._math.cells import find_centres
from isogloss._math.topk import nearest_rows

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]
# Gives blocks of rows, the same at every call.
Blocks = Callable[[], Iterator[Rows]]

# Rows a cell, and cells at most. Fewer rows mean more centres to score and fewer rows to sift,
# which is quick: two tiles of signs.
CELL_ROWS, MOST_CELLS = 64, 32_768
# Below so many rows there is one cell: scanning all takes less than a millisecond.
UNDIVIDED = 50_000
# Rows at most on which centres are found, and groups that a row may find its centre in.
SAMPLE_ROWS, AROUND = 131_072, 8
# Rows that are asked about, how deep, and the places at which their lists are cut.
ASKED, DEPTH = 256, 4_096
PLACES = (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 4_096)
# Halvings of what is missed, for filters whose rows lie far from the query.
LEVELS = 4
# Axes of the table of shares: the score of the last place, and how far below it a centre scores.
SCORE_FIRST, SCORE_STEP, SCORES = -0.25, 1 / 32, 40
REACH_STEP, REACHES = 1 / 256, 384


@dataclass(frozen=True, slots=True)
class Partition:
    """Centres, grouped.

    Parameters
    ----------
    groups : float32 (g, d)
        Unit centres of the groups.
    centres : float32 (c, d)
        Unit centres of the cells, those of a group side by side.
    starts : int64 (g + 1,)
        Where the cells of each group begin.
    """

    groups: Rows
    centres: Rows
    starts: Ints


def find_cells(blocks: Blocks, n: int, dim: int, *, seed: int = 0) -> Partition:
    """Choose the number of cells for so many rows, and find their centres on a sample.

    Parameters
    ----------
    blocks : callable
        Gives blocks of the unit rows.
    n, dim : int
        Rows, and numbers a row.
    seed : int, default 0
        Of the sample and the centres.

    Returns
    -------
    Partition
        Of one cell for fewer than 50,000 rows.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> len(find_cells(lambda: iter([rows]), 3, 3).centres)
    1
    """
    if n < UNDIVIDED:
        middle = np.zeros((1, dim), dtype=np.float32)
        return Partition(middle, middle, np.array([0, 1], dtype=np.int64))
    chosen = np.zeros(n, dtype=bool)
    draw = np.random.default_rng(seed)
    chosen[draw.choice(n, min(n, SAMPLE_ROWS), replace=False)] = True
    sample = _rows_at(blocks, chosen)
    return find_partition(sample, min(n // CELL_ROWS, MOST_CELLS), seed=seed)


def _rows_at(blocks: Blocks, chosen: NDArray[np.bool_]) -> Rows:
    parts, first = [], 0
    for block in blocks():
        parts.append(block[chosen[first : first + len(block)]])
        first += len(block)
    return np.concatenate(parts)


def find_partition(sample: Rows, cells: int, *, seed: int = 0) -> Partition:
    """Find centres on a sample of unit rows.

    Parameters
    ----------
    sample : float32 (m, d)
        Unit rows, several for each cell.
    cells : int
        Cells wanted; about so many come out.
    seed : int, default 0
        Of every draw.

    Returns
    -------
    Partition

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    >>> rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    >>> partition = find_partition(rows, 16)
    >>> len(partition.groups), bool(12 <= len(partition.centres) <= 20)
    (4, True)
    """
    count = max(1, min(cells, round(np.sqrt(cells))))
    groups = find_centres(sample, count, seed)
    own = nearest_rows(sample, groups, 1)[0][:, 0]
    sizes = np.bincount(own, minlength=count)
    wanted = np.maximum(1, np.rint(sizes * (cells / max(1, len(sample)))).astype(np.int64))
    parts = []
    for group in range(count):
        rows = sample[own == group]
        if wanted[group] == 1 or len(rows) <= wanted[group]:
            parts.append(rows if len(rows) and wanted[group] > 1 else groups[group : group + 1])
        else:
            parts.append(find_centres(rows, int(wanted[group]), seed))
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return Partition(groups, np.concatenate(parts), starts.astype(np.int64))


def cell_of(partition: Partition, blocks: Blocks) -> Ints:
    """Put every row into the cell of its nearest centre among the groups around it.

    Parameters
    ----------
    partition : Partition
    blocks : callable
        Gives blocks of unit rows.

    Returns
    -------
    int64 (n,)
        The cell of each row.

    Examples
    --------
    >>> rows = np.eye(4, dtype=np.float32)
    >>> partition = Partition(rows, rows, np.arange(5))
    >>> cell_of(partition, lambda: iter([rows])).tolist()
    [0, 1, 2, 3]
    """
    groups, starts = partition.groups, partition.starts
    near = nearest_rows(groups, groups, min(AROUND, len(groups)))[0]
    near.sort(axis=1)
    columns = [
        np.concatenate([np.arange(starts[g], starts[g + 1]) for g in around]) for around in near
    ]
    found = []
    for block in blocks():
        own = nearest_rows(block, groups, 1)[0][:, 0].astype(np.int64)
        cell = np.empty(len(block), dtype=np.int64)

        def place(group: int, block: Rows = block, own: Ints = own, cell: Ints = cell) -> None:
            rows = np.flatnonzero(own == group)
            products = block[rows] @ partition.centres[columns[group]].T
            cell[rows] = columns[group][products.argmax(axis=1)]

        map_blocks(place, np.unique(own).tolist())
        found.append(cell)
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def measure_shares(partition: Partition, cell: Ints, blocks: Blocks, *, seed: int = 0) -> Rows:
    """Measure how far below the score of the k-th best row the centres of the k best score.

    Some rows are asked for their nearest others, all rows looked at. Their lists are cut at
    several places; for each the score of the last row is noted, and by how much less the centres
    score in whose cells (and groups) the rows of the list lie.

    Parameters
    ----------
    partition : Partition
    cell : int64 (n,)
        The cell of each row.
    blocks : callable
        Gives blocks of the n rows.
    seed : int, default 0
        Of the draw of 256 rows that are asked.

    Returns
    -------
    float32 (2, 40, 384)
        Of cells and of groups, by score of the last row (from -0.25 in steps of 1/32) and by
        reach (from 0 in steps of 1/256): the mean share of the list within that reach.

    Examples
    --------
    >>> rows = np.eye(4, dtype=np.float32)
    >>> partition = Partition(rows, rows, np.arange(5))
    >>> measure_shares(partition, np.arange(4), lambda: iter([rows])).shape
    (2, 40, 384)
    """
    n = len(cell)
    chosen = np.zeros(n, dtype=bool)
    chosen[np.random.default_rng(seed).choice(n, min(ASKED, n), replace=False)] = True
    asked = np.flatnonzero(chosen)
    queries = _rows_at(blocks, chosen)
    depth = min(DEPTH, n)
    best = _native.TopK(len(asked), depth)
    first = 0
    for block in blocks():

        def score(at: int, block: Rows = block, first: int = first) -> None:
            best.add(queries @ block[at : at + 4096].T, 0, first + at, False, False)

        map_blocks(score, range(0, len(block), 4096))
        first += len(block)
    columns = np.empty((len(asked), depth), dtype=np.int32)
    scores = np.empty((len(asked), depth), dtype=np.float32)
    best.best(0, columns, scores)
    group = np.repeat(np.arange(len(partition.groups)), np.diff(partition.starts))[cell]
    return np.stack(
        [
            _tabulate(queries, columns, scores, partition.centres, cell, asked),
            _tabulate(queries, columns, scores, partition.groups, group, asked),
        ]
    )


def _tabulate(
    queries: Rows, columns: NDArray[np.int32], scores: Rows, centres: Rows, cell: Ints, asked: Ints
) -> Rows:
    counts = np.zeros((SCORES, REACHES), dtype=np.float64)
    products = queries @ centres.T
    for query, row in enumerate(asked):
        others = columns[query] != row
        found = scores[query][others]
        centre = products[query, cell[columns[query][others]]]
        for place in PLACES:
            if place > len(found):
                break
            last = found[place - 1]
            reach = np.clip(np.ceil((last - centre[:place]) / REACH_STEP), 0, REACHES - 1)
            bucket = int(np.clip((last - SCORE_FIRST) / SCORE_STEP, 0, SCORES - 1))
            np.add.at(counts[bucket], reach.astype(np.int64), 1 / place)
    return _smooth(counts)


def _smooth(counts: NDArray[np.float64]) -> Rows:
    """Pool each score with its neighbours; scores never seen take the nearest that were."""
    pooled = counts.copy()
    pooled[1:] += counts[:-1]
    pooled[:-1] += counts[1:]
    seen = np.flatnonzero(pooled.sum(axis=1) > 0)
    if not len(seen):
        return np.zeros(counts.shape, dtype=np.float32)
    nearest = seen[np.abs(seen[None, :] - np.arange(len(counts))[:, None]).argmin(axis=1)]
    pooled = pooled[nearest]
    shares = np.cumsum(pooled, axis=1) / pooled.sum(axis=1, keepdims=True)
    rounded: Rows = shares.astype(np.float32)
    return rounded


def reach_for(shares: Rows, recall: float) -> Rows:
    """Give the reaches at which so large a share of the best rows is found.

    Where rows pass a filter less often near the query than elsewhere, the best that pass lie
    farther out than the best of all: the kernel then takes a higher level, which misses half as
    much as the one before.

    Parameters
    ----------
    shares : float32 (2, s, r)
        What `measure_shares` gave: of cells and of groups.
    recall : float
        The share wanted, above 0 and at most 1.

    Returns
    -------
    float32 (2 * levels, s)
        By level, cells and groups in turn, and by score of the k-th best row.

    Examples
    --------
    >>> shares = np.array([[[0.5, 0.9, 1.0]], [[0.97, 0.99, 1.0]]], dtype=np.float32)
    >>> (reach_for(shares, 0.8) / REACH_STEP)[:2].ravel().tolist()
    [1.0, 0.0]
    """
    rows = []
    for level in range(LEVELS):
        missed = (1 - recall) / 2**level
        rows += [_reach(shares[0], 1 - 0.75 * missed), _reach(shares[1], 1 - 0.25 * missed)]
    return np.stack(rows)


def _reach(shares: Rows, share: float) -> Rows:
    enough = shares >= share - 1e-6
    place = np.where(enough.any(axis=1), enough.argmax(axis=1), shares.shape[1])
    reach: Rows = (place * REACH_STEP).astype(np.float32)
    return reach
