"""Vector search over the passages of an atlas: segments, filters, exact scores."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss.search.columns import Columns
from isogloss.search.plan import Found, Plan, Subset
from isogloss.search.segments import (
    Live,
    Segment,
    open_segments,
    read_column,
    read_live,
    read_vectors,
    uncovered,
)
from isogloss.search.text_index import need_text_index
from isogloss.search.typed import Typed
from isogloss.search.vector_index import RECALL, VectorIndex

Ints = NDArray[np.int64]

# Filters whose rows are kept at hand.
FILTERS = 64
# Rows given beyond the k-th, when their scores cannot be told from its.
SPARE = 64


@dataclass(frozen=True, slots=True)
class Passing:
    """The passages that pass a filter.

    Parameters
    ----------
    count : int
        How many.
    mask : bool (n,)
        By place among the live passages.
    subsets : tuple of Subset
        One a segment.
    """

    count: int
    mask: NDArray[np.bool_]
    subsets: tuple[Subset, ...]


class PassageIndex:
    """The vectors of a table of passages, ready to be searched.

    Parameters
    ----------
    table : lancedb.table.Table
        The passages, at the version that is to be searched.
    folder : Path or None
        Where the files of the index lie; what they lack is read from the table into memory.
    fingerprint : str
        Of the encoder that made the vectors.

    Notes
    -----
    Filters are evaluated once and kept (the last 64). Several threads may search side by side.

    Examples
    --------
    >>> import lancedb, tempfile
    >>> import pyarrow as pa
    >>> vectors = pa.FixedSizeListArray.from_arrays(pa.array([1, 0, 0, 1], pa.float32()), 2)
    >>> rows = pa.table({"passage": [0, 1], "content_hash": [5, 6], "vector": vectors})
    >>> table = lancedb.connect(tempfile.mkdtemp()).create_table("passages", rows)
    >>> index = PassageIndex(table)
    >>> index.search(np.array([0, 1], dtype=np.float32), k=1).rows.tolist()
    [1]
    """

    def __init__(self, table: Any, folder: Path | None = None, fingerprint: str = "") -> None:
        self.table = table
        self.live: Live = read_live(table)
        self.segments: list[Segment] = []
        if folder is not None:
            self.segments = open_segments(folder, fingerprint, self.live)
        self._add_rest()
        self._alive = [_alive(segment) for segment in self.segments]
        self._columns = Columns(lambda name: read_column(table, self.live, name))
        self._passing: OrderedDict[Typed, Passing] = OrderedDict()
        self._lock = Lock()
        self._by_row_id: tuple[Ints, Ints] | None = None
        self._text_checked = False

    def _add_rest(self) -> None:
        places = uncovered(self.segments, self.live)
        if not len(places):
            return
        dim = self.table.schema.field("vector").type.list_size
        index = VectorIndex.gather(read_vectors(self.table, self.live, places), len(places), dim)
        self.segments.append(Segment(index, places))

    def __len__(self) -> int:
        return len(self.live.numbers)

    def passing(self, node: Typed) -> Passing:
        """Evaluate a filter, or give what was found before.

        Parameters
        ----------
        node : Condition, All or Some
            A checked filter.

        Returns
        -------
        Passing
        """
        with self._lock:
            known = self._passing.get(node)
            if known is None:
                known = self._passing[node] = self._evaluate(node)
            self._passing.move_to_end(node)
            while len(self._passing) > FILTERS:
                self._passing.popitem(last=False)
            return known

    def _evaluate(self, node: Typed) -> Passing:
        mask = self._columns.mask(node)
        subsets = []
        for segment in self.segments:
            held = segment.places >= 0
            own = np.zeros(len(segment.places), dtype=bool)
            own[held] = mask[segment.places[held]]
            subsets.append(segment.index.subset(own))
        return Passing(int(mask.sum()), mask, tuple(subsets))

    def row_ids(self, passages: Sequence[int]) -> list[int]:
        """Give the table's row ids of passages."""
        places = np.searchsorted(self.live.numbers, np.asarray(passages, dtype=np.int64))
        ids: list[int] = self.live.row_ids[places].tolist()
        return ids

    def numbers(self, row_ids: Ints) -> Ints:
        """Give the passage numbers of the table's row ids, int64 (m,): no column is read."""
        with self._lock:
            if self._by_row_id is None:
                order = np.argsort(self.live.row_ids, kind="stable")
                self._by_row_id = self.live.row_ids[order], self.live.numbers[order]
            known, numbers = self._by_row_id
        return numbers[np.searchsorted(known, row_ids)]

    def need_text_index(self) -> None:
        """Look once whether the table has a text index; see `text_index.need_text_index`."""
        if not self._text_checked:
            need_text_index(self.table)
            self._text_checked = True

    def search(
        self,
        query: NDArray[np.float32],
        *,
        k: int = 10,
        passing: Passing | None = None,
        exact: bool = False,
        recall: float = RECALL,
    ) -> Found:
        """Find the passages with the largest cosines.

        Parameters
        ----------
        query : float32 (d,)
            Unit vector.
        k : int, default 10
            Passages wanted.
        passing : Passing or None
            Those that pass a filter; None for all.
        exact : bool, default False
            Score every one of them.
        recall : float, default 0.985
            The share of the k best to be expected where cells are left out.

        Returns
        -------
        Found
            Passage numbers, best first, equal scores by number; k of them wherever k pass. Scores
            are right to about 0.00001.
        """
        count = len(self) if passing is None else passing.count
        k = min(k, count)
        if not k:
            why = "no passage passes the filter" if len(self) else "there are no passages"
            plan = Plan("empty", len(self), 0, 0, 0, 1.0, why)
            return Found(np.zeros(0, np.int64), np.zeros(0, np.float32), plan)
        rows, scores, plans = [], [], []
        for place, segment in enumerate(self.segments):
            subset = self._alive[place] if passing is None else passing.subsets[place]
            found = segment.index.search(
                query, k=k, subset=subset, exact=exact, recall=recall, spare=SPARE
            )
            rows.append(self.live.numbers[segment.places[found.rows]])
            scores.append(found.scores)
            plans.append(found.plan)
        all_rows, all_scores = np.concatenate(rows), np.concatenate(scores)
        order = np.lexsort((all_rows, -all_scores))
        order = order[: _close(all_scores[order], k)]
        return Found(all_rows[order], all_scores[order], _joint(plans, len(self), count))


def _alive(segment: Segment) -> Subset | None:
    """Give the rows of a segment that are passages still; None where all are."""
    held = segment.places >= 0
    return None if held.all() else segment.index.subset(held)


def _close(scores: NDArray[np.float32], k: int) -> int:
    """Give how many are the k best, or cannot be told from the k-th."""
    if len(scores) <= k:
        return len(scores)
    near = int(np.searchsorted(-scores, -(scores[k - 1] - np.float32(3e-5)), side="right"))
    return min(near, k + SPARE)


def _joint(plans: Sequence[Plan], rows: int, passing: int) -> Plan:
    used = [plan for plan in plans if plan.passing]
    strategy = "cells" if any(plan.strategy == "cells" for plan in used) else "scan"
    decisive = max(used, key=lambda plan: (plan.strategy == strategy, plan.passing))
    return Plan(
        strategy, rows, passing, sum(plan.visited for plan in used),
        sum(plan.cells for plan in used), min(plan.expected_recall for plan in used), decisive.why,
    )  # fmt: skip
