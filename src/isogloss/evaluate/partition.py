"""Agreement of topics with labels: NMI, ARI, AMI, V-measure, purity, share unassigned.

Everything follows from one contingency table, so that a bootstrap over documents draws cells.
Papers: Hubert & Arabie 1985 (ARI); Vinh, Epps & Bailey 2010 (NMI, AMI); Rosenberg & Hirschberg
2007 (V-measure).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._math.bootstrap import interval, resample_cells
from isogloss.evaluate.score import Score

__all__ = ["Contingency", "adjusted_mutual_information", "factorize", "partition_scores"]

Unassigned = Literal["class", "singletons", "dropped"]
Counts = NDArray[np.int64]
Values = NDArray[np.float64]
Statistic: TypeAlias = Callable[[Counts], Values]


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


def factorize(gold: Iterable[Any]) -> NDArray[np.int64]:
    """Turn labels of any type into numbers by order of appearance; null and NaN become -1.

    Parameters
    ----------
    gold : iterable (n,)
        One label a document: strings, numbers, dates, ... An Arrow column works too.

    Returns
    -------
    int64 (n,)

    Raises
    ------
    ParameterError
        For a list, dict or array as a label: a document with several labels has no one class.

    Examples
    --------
    >>> factorize(["b", None, "a", "b", float("nan")]).tolist()
    [0, -1, 1, 0, -1]
    """
    values = gold.to_pylist() if hasattr(gold, "to_pylist") else gold
    numbers: dict[Any, int] = {}
    out: list[int] = []
    for row, label in enumerate(values):
        plain = label.item() if isinstance(label, np.generic) else label
        if isinstance(plain, list | tuple | set | frozenset | dict | np.ndarray):
            raise ParameterError(
                f"labels[{row}] is a {type(plain).__name__}: topics are compared with one label "
                "a document; give a column of single values"
            )
        # pandas' NA answers no comparison; NaN and NaT differ from themselves
        if plain is None or type(plain).__name__ == "NAType" or plain != plain:  # noqa: PLR0124
            out.append(-1)
        else:
            out.append(numbers.setdefault(plain, len(numbers)))
    return np.array(out, dtype=np.int64)


_RULES: tuple[tuple[Unassigned, str, str], ...] = (
    ("class", "", "unassigned documents are one topic"),
    ("singletons", "_singletons", "each unassigned document is a topic"),
    ("dropped", "_assigned", "unassigned documents left out"),
)


def partition_scores(
    labels: NDArray[np.integer[Any]],
    gold: NDArray[np.integer[Any]],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Score]:
    """Compare topics with gold classes.

    Parameters
    ----------
    labels : int (n,)
        Topic of each document, -1 for none.
    gold : int (n,)
        Class of each document, -1 for no label (left out, and counted in the notes).
    resamples : int
        Bootstrap resamples over documents.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    dict of str to Score
        ``nmi`` and ``ari`` with topic -1 as a topic of its own (the headline), the same with the
        endings ``_singletons`` and ``_assigned`` (left out; see ``coverage``), ``ami``,
        ``homogeneity``, ``completeness``, ``purity``, ``coverage``. Empty when no document has a
        label.

    Notes
    -----
    A resample repeats documents, and a repeated document agrees with itself: all draws lie a
    little too high. The intervals are percentiles of the draws shifted to the value. AMI keeps
    the expected information of the data in every resample. V-measure equals NMI.

    Examples
    --------
    >>> scores = partition_scores(np.array([0, 0, 1, -1]), np.array([0, 0, 1, 1]))
    >>> scores["nmi_assigned"].value, scores["coverage"].value
    (1.0, 0.75)
    """
    known = np.asarray(gold) != -1
    topics = np.asarray(labels)[known]
    classes = np.asarray(gold)[known]
    if not classes.size:
        return {}
    missing = int((~known).sum())
    unlabelled = f"; {missing:,} documents without a label left out" if missing else ""
    scores: dict[str, Score] = {}
    for rule, ending, words in _RULES:
        table = Contingency.of(classes, topics, unassigned=rule)
        statistics = {"nmi" + ending: table.nmi, "ari" + ending: table.ari}
        if rule == "class":
            statistics |= _further(table)
        scores |= _table_scores(table, statistics, words + unlabelled, resamples, seed)
    scores["coverage"] = share_score(
        "coverage", topics != -1, better=True, resamples=resamples, seed=seed
    )
    return scores


def _further(table: Contingency) -> dict[str, Statistic]:
    """Give the measures that are reported once, with topic -1 as a topic of its own."""
    expected = expected_mutual_information(
        np.bincount(table.gold, table.cells).astype(np.int64),
        np.bincount(table.topic, table.cells).astype(np.int64),
    )
    return {
        "ami": lambda cells: adjusted_mutual_information(table, cells, expected),
        "homogeneity": lambda cells: _explained(table, cells, 1),
        "completeness": lambda cells: _explained(table, cells, 2),
        "purity": table.purity,
    }


def _table_scores(
    table: Contingency,
    statistics: Mapping[str, Statistic],
    notes: str,
    resamples: int,
    seed: int,
) -> dict[str, Score]:
    """Score several statistics of one table on the same resamples."""
    if not table.n:
        nothing = (float("nan"),) * 3
        return {name: Score(name, *nothing, 0, "documents", True, notes) for name in statistics}
    draws: dict[str, list[Values]] = {name: [] for name in statistics}
    for cells in resample_cells(table.cells, resamples=resamples, seed=seed):
        for name, statistic in statistics.items():
            draws[name].append(statistic(cells))
    scores: dict[str, Score] = {}
    for name, statistic in statistics.items():
        value = round(float(statistic(table.cells[None, :])[0]), 12)
        bounds = (-1.0, 1.0) if name.startswith(("ari", "ami")) else (0.0, 1.0)
        low, high = interval(np.concatenate(draws[name]), value, centre=True, bounds=bounds)
        scores[name] = Score(name, value, low, high, table.n, "documents", True, notes)
    return scores


def _explained(table: Contingency, cells: Counts, side: int) -> Values:
    """Share of the entropy of gold (side 1) or of topics (side 2) that the other explains."""
    entropies = table.entropies(cells)
    mutual = np.maximum(entropies[1] + entropies[2] - entropies[0], 0.0)
    whole = entropies[side] < 1e-15
    return np.where(whole, 1.0, mutual / np.where(whole, 1.0, entropies[side]))


def share_score(
    name: str,
    hits: NDArray[np.bool_],
    *,
    better: bool | None = None,
    resamples: int = 1000,
    seed: int = 0,
    notes: str = "",
) -> Score:
    """Give the share of documents that a mask marks, with its interval.

    Examples
    --------
    >>> share_score("unassigned", np.array([True, False, False, False])).value
    0.25
    """
    n = int(hits.size)
    if not n:
        return Score(name, float("nan"), float("nan"), float("nan"), 0, "documents", better, notes)
    marked = int(hits.sum())
    draws = np.random.default_rng(seed).binomial(n, marked / n, size=resamples) / n
    low, high = interval(draws, marked / n, bounds=(0.0, 1.0))
    return Score(name, marked / n, low, high, n, "documents", better, notes)
