"""Rows placed among those that have their places already, which stay where they are."""

import numpy as np
from numpy.typing import NDArray

from isogloss import _native
from isogloss._core.threads import map_blocks
from isogloss._math.cells import find_centres
from isogloss._math.topk import nearest_rows
from isogloss.layout.neighbours import weights
from isogloss.layout.repulsion import Field, Repulsion
from isogloss.layout.workers import Workers

Rows = NDArray[np.float32]
Places = NDArray[np.float32]

NEIGHBOURS = 10
PERPLEXITY = 5.0
STEPS = 15
# Up to so many anchors every one is compared; above, those of near cells.
EXACT_ANCHORS = 8_000
CELL_ROWS = 256
VOTES = 4
PROBES = 5
BLOCK = 512


class Anchors:
    """Rows with places, among which others are put.

    Parameters
    ----------
    vectors : float32 (m, d)
        Unit rows, one at least.
    places : float32 (m, 2)
        In units of the layout.
    seed : int, default 0
        For the cells in which they are looked up.

    Examples
    --------
    >>> rows = np.eye(2, dtype=np.float32)
    >>> anchors = Anchors(rows, np.array([[0, 0], [9, 0]], dtype=np.float32))
    >>> bool(anchors.place(rows[1:])[0, 0] > 5)
    True
    """

    def __init__(self, vectors: Rows, places: Places, *, seed: int = 0) -> None:
        self.places = np.ascontiguousarray(places, dtype=np.float32)
        self._cells = None if len(vectors) <= EXACT_ANCHORS else _Cells(vectors, seed)
        self._vectors = vectors
        with Workers() as workers:
            self.field: Field = Repulsion().field(self.places)
            mass = float(self.field.at(self.places, workers)[:, 0].sum(dtype=np.float64))
        # The push on one place where the pull of its neighbours has weights that sum to 1.
        self._push = len(places) / max(mass - len(places), float(len(places)))

    def place(self, rows: Rows) -> Places:
        """Find a place for each row, whatever the other rows are.

        Parameters
        ----------
        rows : float32 (n, d)
            Unit rows.

        Returns
        -------
        float32 (n, 2)
            In units of the layout. Like rows get like places, equal rows equal ones.
        """
        k = min(NEIGHBOURS, len(self.places))
        if self._cells is None:
            columns, scores = nearest_rows(rows, self._vectors, k)
        else:
            columns, scores = self._cells.near(rows, k)
        found = np.empty((len(rows), 2), dtype=np.float32)
        field = self.field
        with Workers() as workers:
            weight = weights(scores, PERPLEXITY, workers)

            def work(first: int, last: int) -> None:
                _native.map_place(
                    columns, weight, self.places, field.left, field.bottom, field.per_unit,
                    field.values, self._push, STEPS, first, last, found,
                )  # fmt: skip

            workers.each(work, len(rows), block=BLOCK)
        return found


class _Cells:
    """A partition of rows; each is looked for in the cells near its own."""

    def __init__(self, rows: Rows, seed: int) -> None:
        count = max(1, len(rows) // CELL_ROWS)
        self._centres = find_centres(rows, count, seed)
        votes = nearest_rows(rows, self._centres, min(VOTES, count))[0]
        self._order = np.argsort(votes[:, 0], kind="stable")
        self._start = np.searchsorted(votes[self._order, 0], np.arange(count + 1))
        self._rows = rows[self._order]
        own = np.repeat(votes[:, 0].astype(np.int64), votes.shape[1])
        wanted, times = np.unique(own * count + votes.ravel(), return_counts=True)
        cell, other = wanted // count, wanted % count
        best = np.lexsort((other, -times, cell))
        at = np.arange(len(best)) - np.searchsorted(cell[best], cell[best])
        kept = best[at < PROBES]
        self._probes: list[list[int]] = [[] for _ in range(count)]
        for one, two in zip(cell[kept].tolist(), other[kept].tolist(), strict=True):
            self._probes[one].append(two)
        for one, probes in enumerate(self._probes):
            if not probes:  # a cell without rows: the nearest ones that have some
                near = np.argsort(-(self._centres @ self._centres[one]), kind="stable")
                probes.extend([c for c in near.tolist() if self._size(c)][:PROBES])

    def _size(self, cell: int) -> int:
        return int(self._start[cell + 1] - self._start[cell])

    def near(self, rows: Rows, k: int) -> tuple[NDArray[np.int32], Rows]:
        """Give nearly all of the k nearest rows, and their cosines."""
        count = len(self._centres)
        own = nearest_rows(rows, self._centres, 1)[0][:, 0]
        order = np.argsort(own, kind="stable")
        start = np.searchsorted(own[order], np.arange(count + 1))
        asked = rows[order]
        best = _native.TopK(len(rows), k)

        def compare(cell: int) -> None:
            first, last = int(start[cell]), int(start[cell + 1])
            for probe in self._probes[cell]:
                left, right = int(self._start[probe]), int(self._start[probe + 1])
                if right > left:
                    products = asked[first:last] @ self._rows[left:right].T
                    best.add(products, first, left, False, False)

        map_blocks(compare, [cell for cell in range(count) if start[cell + 1] > start[cell]])
        columns = np.empty((len(rows), k), dtype=np.int32)
        scores = np.empty((len(rows), k), dtype=np.float32)
        best.best(0, columns, scores)
        columns = np.append(self._order, -1)[columns].astype(np.int32)
        found_columns, found_scores = np.empty_like(columns), np.empty_like(scores)
        found_columns[order], found_scores[order] = columns, scores
        return found_columns, found_scores
