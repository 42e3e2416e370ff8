"""Whether the same topics come back with another seed, or from other passages of their kind.

Papers: Greene, O'Callaghan & Cunningham 2014, How Many Topics? Stability Analysis for Topic
Models (matched topics); Hubert & Arabie 1985 (adjusted Rand index).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.events import Event, OnEvent, ignore
from isogloss._core.plural import plural
from isogloss._math.bootstrap import interval, resample_cells
from isogloss.evaluate.contingency import Contingency
from isogloss.evaluate.score import Score

__all__ = ["Fit", "Run", "Stability", "compare_runs", "resample_stability", "seed_stability"]

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]
Fit: TypeAlias = Callable[[int, Rows], tuple[NDArray[np.integer[Any]], Sequence[Sequence[str]]]]

PAIR_RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class Run:
    """One fit.

    Parameters
    ----------
    rows : int64 (m,)
        The passages that it saw, each once.
    labels : int (m,)
        Their topics, -1 for none.
    keywords : sequence of sequence of str
        Words of each topic, best first.
    """

    rows: Rows
    labels: NDArray[np.integer[Any]]
    keywords: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Stability:
    """How alike several fits are.

    Parameters
    ----------
    scores : dict of str to Score
        ``ari``: adjusted Rand index on the passages that two runs share, topic -1 a topic of its
        own. ``words``: mean Jaccard index of the top words of matched topics. ``passages``: the
        same of their passages. Means over all pairs of runs; with three runs or more the interval
        resamples runs, with two it is that of the pair.
    pairs : dict of str to tuple of Score
        The same for each pair of runs, in the order of `combinations`; intervals of ``ari``
        resample passages, the others matched topics.
    topics : tuple of int
        Number of topics of each run.
    """

    scores: dict[str, Score]
    pairs: dict[str, tuple[Score, ...]]
    topics: tuple[int, ...]

    def __getitem__(self, name: str) -> Score:
        return self.scores[name]


def seed_stability(
    fit: Fit,
    passages: int,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    top: int = 10,
    resamples: int = 1000,
    on_event: OnEvent = ignore,
) -> Stability:
    """Fit with several seeds on all passages, and compare every two fits.

    Parameters
    ----------
    fit : callable
        Takes a seed and rows (int64), gives the topic of each of these rows (-1 for none) and the
        words of each topic, best first.
    passages : int
        Number of passages.
    seeds : sequence of int
        At least two.
    top : int
        Words of a topic that count.
    resamples : int
        Of the bootstrap.
    on_event : callable
        Takes progress.

    Returns
    -------
    Stability

    Raises
    ------
    ParameterError
        For fewer than two seeds or a fit whose labels do not fit its rows.

    Examples
    --------
    >>> def fit(seed, rows):
    ...     return (rows + seed) % 2, [["a", "b"], ["c", "d"]]
    >>> found = seed_stability(fit, 8, seeds=(0, 1, 2))
    >>> found["ari"].value, round(found["words"].value, 3)
    (1.0, 1.0)
    """
    rows = np.arange(passages, dtype=np.int64)
    runs = []
    for done, seed in enumerate(seeds):
        on_event(Event("fit again", done, len(seeds), "seeds"))
        runs.append(_run(fit, seed, rows))
    note = f"{plural(len(runs), 'seed')}, all passages"
    return compare_runs(runs, top=top, resamples=resamples, note=note)


def resample_stability(
    fit: Fit,
    passages: int,
    *,
    runs: int = 5,
    seed: int = 0,
    top: int = 10,
    resamples: int = 1000,
    on_event: OnEvent = ignore,
) -> Stability:
    """Fit on bootstrap resamples of the passages, and compare every two fits on what they share.

    As many passages are drawn as there are, with replacement, and each that was drawn counts
    once: about 63% of them; a passage that stood there twice would be its own neighbour.

    Parameters
    ----------
    fit : callable
        As for `seed_stability`; its seed is `seed` in every run.
    passages : int
        Number of passages.
    runs : int
        How many resamples, at least two.
    seed : int
        Of the fits and of the draws.
    top, resamples, on_event
        As for `seed_stability`.

    Returns
    -------
    Stability
    """
    fits = []
    for number in range(runs):
        on_event(Event("fit resamples", number, runs, "resamples"))
        rng = np.random.default_rng([seed, number])
        rows = np.unique(rng.integers(passages, size=passages)).astype(np.int64)
        fits.append(_run(fit, seed, rows))
    note = f"{runs} bootstrap resamples of the passages"
    return compare_runs(fits, top=top, resamples=resamples, seed=seed, note=note)


def _run(fit: Fit, seed: int, rows: Rows) -> Run:
    labels, keywords = fit(seed, rows)
    found = np.asarray(labels)
    if found.shape != rows.shape or not np.issubdtype(found.dtype, np.integer):
        raise ParameterError(
            f"fit gave labels {found.dtype} {found.shape} for {len(rows)} rows: give one integer "
            "each, -1 for none"
        )
    if len(found) and int(found.max()) >= len(keywords):
        raise ParameterError(
            f"fit gave label {int(found.max())} and words for {len(keywords)} topics: give words "
            "for every topic"
        )
    return Run(rows, found, keywords)


def compare_runs(
    runs: Sequence[Run], *, top: int = 10, resamples: int = 1000, seed: int = 0, note: str = ""
) -> Stability:
    """Compare every two of several fits.

    Parameters
    ----------
    runs : sequence of Run
        At least two.
    top : int
        Words of a topic that count.
    resamples, seed
        Of the bootstrap.
    note : str
        Stands in the notes of every score.

    Returns
    -------
    Stability

    Notes
    -----
    Topics are matched one to one (Hungarian method), once by words and once by passages, so that
    the sum of their Jaccard indices is largest; a topic without a partner counts 0.
    """
    if len(runs) < 2:
        raise ParameterError(f"{len(runs)} run to compare: give at least 2")
    pairs: dict[str, list[Score]] = {"ari": [], "words": [], "passages": []}
    for one, two in combinations(runs, 2):
        left, right = _shared(one, two)
        pairs["ari"].append(_ari(left, right, note, seed))
        by_words = matched(word_overlap(one.keywords, two.keywords, top=top))
        by_passages = matched(passage_overlap(left, right))
        pairs["words"].append(_mean(f"top {top} words; {note}", "words", by_words, seed))
        pairs["passages"].append(_mean(note, "passages", by_passages, seed))
    scores = {
        name: _over_runs(name, found, len(runs), note, resamples, seed)
        for name, found in pairs.items()
    }
    topics = tuple(len(run.keywords) for run in runs)
    return Stability(scores, {name: tuple(found) for name, found in pairs.items()}, topics)


def _shared(one: Run, two: Run) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give both runs' labels of the passages that both saw."""
    _, left, right = np.intersect1d(one.rows, two.rows, assume_unique=True, return_indices=True)
    if not len(left):
        raise ParameterError("two runs share no passage: nothing can be compared")
    return one.labels[left], two.labels[right]


def _ari(left: NDArray[Any], right: NDArray[Any], note: str, seed: int) -> Score:
    table = Contingency.of(left.tolist(), right.tolist())
    value = float(table.ari(table.cells[None])[0])
    draws = np.concatenate(
        [
            table.ari(block)
            for block in resample_cells(table.cells, resamples=PAIR_RESAMPLES, seed=seed)
        ]
    )
    low, high = interval(draws, value, centre=True, bounds=(-1.0, 1.0))
    return Score("ari", round(value, 12), low, high, table.n, "passages", True, note)


def word_overlap(
    one: Sequence[Sequence[str]], two: Sequence[Sequence[str]], *, top: int = 10
) -> Floats:
    """Give the Jaccard index of the first words of every topic of one fit and of another.

    Returns
    -------
    float64 (topics of one, topics of two)
        0 between topics without words.

    Examples
    --------
    >>> word_overlap([["a", "b"]], [["a", "b"], ["b", "c"]]).round(3).tolist()
    [[1.0, 0.333]]
    """
    from scipy.sparse import csr_matrix

    number: dict[str, int] = {}
    tables = []
    for lists in (one, two):
        cells = [
            (row, number.setdefault(word, len(number)))
            for row, words in enumerate(lists)
            for word in dict.fromkeys(list(words)[:top])
        ]
        tables.append((len(lists), np.array(cells, dtype=np.int64).reshape(-1, 2)))
    shape = max(1, len(number))
    first, second = (
        csr_matrix((np.ones(len(cells)), cells.T), shape=(rows, shape)) for rows, cells in tables
    )
    together = (first @ second.T).toarray()
    return _jaccard(together, np.asarray(first.sum(axis=1)), np.asarray(second.sum(axis=1)))


def passage_overlap(left: NDArray[np.integer[Any]], right: NDArray[np.integer[Any]]) -> Floats:
    """Give the Jaccard index of the passages of every topic of one fit and of another.

    Parameters
    ----------
    left, right : int (n,)
        Topics of the same passages; -1 is no topic.

    Returns
    -------
    float64 (topics of left, topics of right)
        In rising order of the topics that occur.

    Examples
    --------
    >>> passage_overlap(np.array([0, 0, 1]), np.array([0, 0, -1])).tolist()
    [[1.0], [0.0]]
    """
    rows, columns = (np.unique(labels[labels >= 0]) for labels in (left, right))
    both = (left >= 0) & (right >= 0)
    together = np.zeros((len(rows), len(columns)))
    places = np.searchsorted(rows, left[both]), np.searchsorted(columns, right[both])
    np.add.at(together, places, 1)
    sizes = [
        np.unique(labels[labels >= 0], return_counts=True)[1].astype(np.float64)[:, None]
        for labels in (left, right)
    ]
    return _jaccard(together, sizes[0], sizes[1])


def _jaccard(together: Floats, left: Floats, right: Floats) -> Floats:
    union = left.reshape(-1, 1) + right.reshape(1, -1) - together
    return np.asarray(together / np.maximum(union, 1), dtype=np.float64)


def matched(overlap: Floats) -> Floats:
    """Match topics one to one for the largest sum of overlaps.

    Returns
    -------
    float64 (max(rows, columns),)
        The overlap of each matched pair; 0 for topics without a partner.

    Examples
    --------
    >>> matched(np.array([[0.9, 0.8], [0.8, 0.1], [0.0, 0.0]])).tolist()
    [0.8, 0.8, 0.0]
    """
    from scipy.optimize import linear_sum_assignment

    found = np.zeros(max(overlap.shape))
    rows, columns = linear_sum_assignment(overlap, maximize=True)
    found[: len(rows)] = overlap[rows, columns]
    return found


def _mean(note: str, name: str, values: Floats, seed: int) -> Score:
    from isogloss._math.bootstrap import mean_interval

    value = float(values.mean()) if len(values) else float("nan")
    low, high = mean_interval(values, resamples=PAIR_RESAMPLES, seed=seed, bounds=(0.0, 1.0))
    return Score(name, round(value, 12), low, high, len(values), "matched topics", True, note)


def _over_runs(
    name: str, pairs: Sequence[Score], runs: int, note: str, resamples: int, seed: int
) -> Score:
    """Give the mean over pairs of runs; resampled runs, a run's pair with itself left out."""
    if runs == 2:
        only = pairs[0]
        return Score(name, only.value, only.low, only.high, 1, "pairs of runs", True, note)
    table = np.zeros((runs, runs))
    table[np.triu_indices(runs, 1)] = [score.value for score in pairs]
    table += table.T
    apart = 1.0 - np.eye(runs)
    ones = np.ones(runs, dtype=np.int64)
    draws = []
    for block in resample_cells(ones, resamples=resamples, seed=seed):
        counts = block.astype(np.float64)
        weight = np.einsum("bi,ij,bj->b", counts, apart, counts)
        total = np.einsum("bi,ij,bj->b", counts, table, counts)
        draws.append(np.where(weight > 0, total / np.maximum(weight, 1), np.nan))
    value = float(np.mean([score.value for score in pairs]))
    low, high = interval(np.concatenate(draws), value, bounds=(-1.0, 1.0))
    return Score(name, round(value, 12), low, high, len(pairs), "pairs of runs", True, note)
