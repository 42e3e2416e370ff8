"""Agreement of topics with labels: NMI, ARI, AMI, V-measure, purity, share unassigned.

Everything follows from one contingency table, so that a bootstrap over documents draws cells.
Paper: Rosenberg & Hirschberg 2007 (V-measure); the others stand in `contingency`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.plural import plural
from isogloss._math.bootstrap import interval, resample_cells
from isogloss.evaluate.contingency import (
    Contingency,
    Counts,
    Unassigned,
    Values,
    adjusted_mutual_information,
    expected_mutual_information,
)
from isogloss.evaluate.score import Score

__all__ = ["factorize", "partition_scores", "share_score"]

Statistic: TypeAlias = Callable[[Counts], Values]


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
    unlabelled = f"; {plural(missing, 'document')} without a label left out" if missing else ""
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
