"""The table of gold classes and topics, and the measures that follow from it.

Papers: Hubert & Arabie 1985 (ARI); Vinh, Epps & Bailey 2010 (NMI, AMI).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["Contingency", "adjusted_mutual_information", "expected_mutual_information"]

Unassigned = Literal["class", "singletons", "dropped"]
Counts: TypeAlias = NDArray[np.int64]
Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contingency:
    """How often each gold label meets each topic, only cells that occur.

    Parameters
    ----------
    cells : int64 (m,)
        Documents in each cell.
    gold : int64 (m,)
        Gold class of each cell.
    topic : int64 (m,)
        Topic of each cell, renumbered from 0.
    lone : int
        The column whose documents count as a topic of their own each; -1 for none.

    Examples
    --------
    >>> table = Contingency.of([0, 0, 1, 1], [5, 5, 7, 7])
    >>> table.cells.tolist(), float(table.nmi(table.cells[None])[0])
    ([2, 2], 1.0)
    """

    cells: Counts
    gold: Counts
    topic: Counts
    lone: int = -1

    @classmethod
    def of(
        cls,
        gold: Iterable[int],
        labels: Iterable[int],
        *,
        unassigned: Unassigned = "class",
    ) -> "Contingency":
        """Count the cells; documents with topic -1 are treated as `unassigned` says.

        Parameters
        ----------
        gold : int (n,)
            Class of each document.
        labels : int (n,)
            Topic of each document, -1 for none.
        unassigned : {"class", "singletons", "dropped"}
            Topic -1 is one more topic; each of its documents is one; they are left out.

        Raises
        ------
        ParameterError
            When the lengths differ.
        """
        rows = np.asarray(gold, dtype=np.int64)
        columns = np.asarray(labels, dtype=np.int64)
        if rows.shape != columns.shape or rows.ndim != 1:
            raise ParameterError(
                f"gold has shape {rows.shape} and labels {columns.shape}: give one each a document"
            )
        if unassigned == "dropped":
            kept = columns != -1
            rows, columns = rows[kept], columns[kept]
        names, topic = np.unique(columns, return_inverse=True)
        _, gold_ids = np.unique(rows, return_inverse=True)
        key, cells = np.unique(gold_ids * max(1, names.size) + topic, return_counts=True)
        lone = 0 if unassigned == "singletons" and names.size and names[0] == -1 else -1
        return cls(
            cells.astype(np.int64),
            (key // max(1, names.size)).astype(np.int64),
            (key % max(1, names.size)).astype(np.int64),
            lone,
        )

    @property
    def n(self) -> int:
        """Documents in the table."""
        return int(self.cells.sum())

    def _sums(self, cells: Counts, term: Callable[[Values], Values]) -> tuple[Values, ...]:
        """Sum a term over cells, rows and columns; lone documents count one by one."""
        each = cells.astype(np.float64)
        rows = _grouped(each, self.gold)
        columns = _grouped(each, self.topic)
        inner = term(each)
        outer = term(columns)
        if self.lone >= 0:  # term(1) = 0 in every use, so lone documents add nothing
            inner[:, self.topic == self.lone] = 0.0
            outer[:, self.lone] = 0.0
        return inner.sum(axis=1), term(rows).sum(axis=1), outer.sum(axis=1)

    def entropies(self, cells: Counts) -> tuple[Values, Values, Values]:
        """Give the joint, gold and topic entropies in nats, float64 (b,) each."""
        n = cells.sum(axis=1).astype(np.float64)
        joint, gold, topic = self._sums(cells, _x_log_x)
        return np.log(n) - joint / n, np.log(n) - gold / n, np.log(n) - topic / n

    def nmi(self, cells: Counts) -> Values:
        """Give mutual information over the mean of both entropies, float64 (b,) in [0, 1]."""
        joint, gold, topic = self.entropies(cells)
        mutual = np.maximum(gold + topic - joint, 0.0)
        mean = (gold + topic) / 2
        # two partitions of one class each agree fully
        whole = mean < 1e-15
        return np.where(whole, 1.0, np.minimum(mutual / np.where(whole, 1.0, mean), 1.0))

    def ari(self, cells: Counts) -> Values:
        """Give the Rand index adjusted for chance, float64 (b,), at most 1."""
        n = cells.sum(axis=1).astype(np.float64)
        joint, gold, topic = self._sums(cells, _pairs)
        every = _pairs(n)
        expected = gold * topic / np.where(every > 0, every, 1.0)
        spread = (gold + topic) / 2 - expected
        same = np.abs(spread) < 1e-9
        return np.where(same, 1.0, (joint - expected) / np.where(same, 1.0, spread))

    def purity(self, cells: Counts) -> Values:
        """Give the share of documents in their topic's largest class, float64 (b,)."""
        n = cells.sum(axis=1)
        order = np.argsort(self.topic, kind="stable")
        starts = np.flatnonzero(np.diff(self.topic[order], prepend=-1))
        best = np.maximum.reduceat(cells[:, order], starts, axis=1)
        if self.lone >= 0:
            best[:, self.lone] = _grouped(cells.astype(np.float64), self.topic)[:, self.lone]
        return np.asarray(best.sum(axis=1) / n, dtype=np.float64)


def _x_log_x(x: Values) -> Values:
    return np.asarray(x * np.log(np.where(x > 0, x, 1.0)), dtype=np.float64)


def _pairs(x: Values) -> Values:
    return np.asarray(x * (x - 1) / 2, dtype=np.float64)


def _grouped(values: Values, group: Counts) -> Values:
    """Sum columns by group: float64 (b, groups)."""
    from scipy.sparse import csr_matrix

    m = group.size
    width = int(group.max()) + 1 if m else 0
    ones = csr_matrix((np.ones(m), (np.arange(m), group)), shape=(m, width))
    return np.asarray(values @ ones, dtype=np.float64)


def expected_mutual_information(gold: Counts, topic: Counts) -> float:
    """Give the mutual information to expect of two random partitions of these sizes, in nats.

    Parameters
    ----------
    gold, topic : int (r,), int (c,)
        Sizes of the classes and of the topics, with one sum.

    Returns
    -------
    float

    Examples
    --------
    >>> round(expected_mutual_information(np.array([2, 2]), np.array([2, 2])), 6)
    0.231049
    """
    from scipy.special import gammaln

    n = int(gold.sum())
    total = 0.0
    sizes_a, times_a = np.unique(gold, return_counts=True)
    sizes_b, times_b = np.unique(topic, return_counts=True)
    for a, many_a in zip(sizes_a, times_a, strict=True):
        for b, many_b in zip(sizes_b, times_b, strict=True):
            x = np.arange(max(1, a + b - n), min(a, b) + 1, dtype=np.float64)
            if not x.size:
                continue
            log_p = (
                gammaln(a + 1)
                + gammaln(b + 1)
                + gammaln(n - a + 1)
                + gammaln(n - b + 1)
                - gammaln(n + 1)
                - gammaln(x + 1)
                - gammaln(a - x + 1)
                - gammaln(b - x + 1)
                - gammaln(n - a - b + x + 1)
            )
            information = x / n * (np.log(n) + np.log(x) - np.log(a) - np.log(b))
            total += float(many_a * many_b * (information * np.exp(log_p)).sum())
    return total


def adjusted_mutual_information(table: Contingency, cells: Counts, expected: float) -> Values:
    """Give mutual information adjusted for chance (arithmetic mean), float64 (b,).

    Parameters
    ----------
    table : Contingency
    cells : int64 (b, m)
        Counts of the table, or resamples of them.
    expected : float
        `expected_mutual_information` of the table: held fixed over resamples.

    Returns
    -------
    float64 (b,)

    Examples
    --------
    >>> table = Contingency.of([0, 0, 1, 1], [0, 1, 0, 1])
    >>> round(float(adjusted_mutual_information(table, table.cells[None], 0.231049)[0]), 3)
    -0.5
    """
    joint, gold, topic = table.entropies(cells)
    mutual = gold + topic - joint
    spread = (gold + topic) / 2 - expected
    same = np.abs(spread) < 1e-12
    return np.where(same, 1.0, (mutual - expected) / np.where(same, 1.0, spread))
