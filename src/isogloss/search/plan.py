"""What a vector search is asked of and gives: a prepared filter, the plan, the rows found."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Found", "Plan", "Subset"]

Rows = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Subset:
    """The rows that pass a filter, by cell.

    Parameters
    ----------
    slots : int32 (m,)
        Places of the rows in the index, in order.
    starts : int64 (cells + 1,)
        Where each cell begins in `slots`.
    bits : uint32 (tiles,) or None
        One bit a row in tiles of 32, where the index keeps signs.
    """

    slots: NDArray[np.int32]
    starts: Ints
    bits: NDArray[np.uint32] | None = None

    def __len__(self) -> int:
        return len(self.slots)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a search went about it.

    Parameters
    ----------
    strategy : {"scan", "cells", "empty"}
        All rows that pass, cells nearest first, or nothing to search.
    rows, passing, visited, cells : int
        Rows of the index, rows that pass the filter, rows looked at (in a scan every one is
        scored, in cells those that may matter), cells they lie in.
    expected_recall : float
        Of the k best, the share to be expected among those found; 1 for a scan.
    why : str
        The reason for the choice.
    """

    strategy: str
    rows: int
    passing: int
    visited: int
    cells: int
    expected_recall: float
    why: str


class Found:
    """What a search found.

    Parameters
    ----------
    rows : int64 (m,)
        Rows as they were given, best first, equal scores by row; k of them wherever k pass.
    scores : float32 (m,)
        Dot products, right to about 0.00002.
    plan : tuple or Plan
        How they were found: a `Plan`, or its fields.

    Examples
    --------
    >>> Found(np.zeros(0), np.zeros(0), ("empty", 9, 0, 0, 0, 1.0, "no row passes")).plan.rows
    9
    """

    __slots__ = ("_plan", "rows", "scores")

    def __init__(self, rows: Ints, scores: Rows, plan: "Plan | tuple[Any, ...]") -> None:
        self.rows = rows
        self.scores = scores
        self._plan = plan

    @property
    def plan(self) -> Plan:
        """How they were found."""
        return self._plan if isinstance(self._plan, Plan) else Plan(*self._plan)

    def __repr__(self) -> str:
        return f"Found({len(self.rows)} rows, {self.plan})"
