"""Where the rows of a vector index lie: by cell, and where each cell begins."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.search.cells import Blocks, Partition, cell_of, find_cells, measure_shares
from isogloss.search.codes import encode_rows

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where rows lie, and how far to look.

    Parameters
    ----------
    partition : Partition
    order : int64 (n,)
        Rows by cell.
    starts : int64 (cells + 1,)
        Where each cell begins among them.
    shares : float32 (2, s, r)
        What `measure_shares` gave; zeros where there is one cell.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> Layout.of(lambda: iter([rows]), 3, 3, 0).slots().tolist()
    [0, 1, 2]
    """

    partition: Partition
    order: Ints
    starts: Ints
    shares: Rows

    @classmethod
    def of(cls, blocks: Blocks, n: int, dim: int, seed: int) -> "Layout":
        """Find cells, and measure how far to look."""
        partition = find_cells(blocks, n, dim, seed=seed)
        count = len(partition.centres)
        if count == 1:
            order = np.arange(n, dtype=np.int64)
            return cls(partition, order, np.array([0, n]), np.zeros((2, 1, 1), np.float32))
        cell = cell_of(partition, blocks)
        order = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[order], np.arange(count + 1)).astype(np.int64)
        shares = measure_shares(partition, cell, blocks, seed=seed)
        return cls(partition, order, starts, shares)

    def slots(self) -> Ints:
        """Give the place of every row."""
        slot = np.empty(len(self.order), dtype=np.int64)
        slot[self.order] = np.arange(len(self.order))
        return slot

    def small_tensors(self, numbers: Ints, hashes: Ints | None) -> dict[str, NDArray[Any]]:
        """Give all that does not grow with the numbers a row."""
        centres, groups = encode_rows(self.partition.centres), encode_rows(self.partition.groups)
        return {
            "numbers": numbers,
            "hashes": np.zeros_like(numbers) if hashes is None else hashes,
            "order": self.order, "starts": self.starts, "shares": self.shares,
            "centres": centres.codes, "centre_scales": centres.scales,
            "group_starts": self.partition.starts, "groups": groups.codes,
            "group_scales": groups.scales,
        }  # fmt: skip
