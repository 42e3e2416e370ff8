"""Measurements that several entries share; every interval is a 95% bootstrap over items."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._math.bootstrap import interval, mean_interval, resample_cells
from isogloss.evaluate.encoder_scores import probe
from isogloss.ledger.system import Figure

__all__ = [
    "difference_figure",
    "mean_figure",
    "ndcg",
    "neighbour_recall",
    "probe",
    "ratio_figure",
    "rounds_figure",
    "speeds",
]

Floats = NDArray[np.float64]


def mean_figure(values: Floats, unit: str, *, seed: int = 0) -> Figure:
    """Give the mean of a score per item, with its interval.

    Examples
    --------
    >>> mean_figure(np.array([1.0, 1.0]), "accuracy").value
    1.0
    """
    low, high = mean_interval(values, seed=seed)
    return Figure(float(np.mean(values)), low, high, unit, len(values), seeds=(seed,))


def difference_figure(
    parts: Sequence[tuple[Floats, Floats]], unit: str, *, seed: int = 0
) -> Figure:
    """Give the mean over sets of the mean paired difference; items are resampled within sets.

    Parameters
    ----------
    parts : sequence of (float (n,), float (n,))
        For each set the score of every item by the one method and by the other.
    unit : str
        What the scores count.
    seed : int
        Of the resampling.

    Examples
    --------
    >>> one, other = np.array([0.5, 0.7]), np.array([0.4, 0.6])
    >>> round(difference_figure([(one, other)], "recall").value, 6)
    0.1
    """
    if not parts:
        raise ParameterError("no sets to compare")
    gaps = [one - other for one, other in parts]
    draws = np.mean([_draws(gap, seed + k) for k, gap in enumerate(gaps)], axis=0)
    value = float(np.mean([gap.mean() for gap in gaps]))
    low, high = interval(draws, value)
    return Figure(value, low, high, unit, sum(map(len, gaps)), seeds=(seed,))


def ratio_figure(one: Floats, other: Floats, unit: str, *, seed: int = 0) -> Figure:
    """Give the ratio of two means over the same items, resampled together.

    Examples
    --------
    >>> ratio_figure(np.array([0.5, 0.7]), np.array([1.0, 1.0]), "share").value
    0.6
    """
    if len(one) != len(other):
        raise ParameterError(f"{len(one)} and {len(other)} items: give scores of the same items")
    below = _draws(other, seed)
    draws = np.divide(
        _draws(one, seed), below, out=np.full(below.shape, np.nan), where=below > 0
    )  # equal seeds draw equal items
    value = float(one.mean() / other.mean()) if other.mean() > 0 else float("nan")
    low, high = interval(draws, value)
    return Figure(value, low, high, unit, len(one), seeds=(seed,))


def _draws(values: Floats, seed: int) -> Floats:
    """Give the means of 1,000 resamples."""
    ones = np.ones(len(values), dtype=np.int64)
    return np.concatenate(
        [counts @ values / len(values) for counts in resample_cells(ones, seed=seed)]
    )


def speeds(
    encoders: Mapping[str, Callable[[], Any]],
    texts: Mapping[str, int],
    *,
    rounds: int,
    on_round: Callable[[int], None],
) -> dict[str, tuple[Floats, Floats]]:
    """Time several ways to encode in turns, so that a busy moment of the machine hits all alike.

    Parameters
    ----------
    encoders : mapping of str to callable
        What to time; each is called once before, to be warm.
    texts : mapping of str to int
        Texts that one call encodes.
    rounds : int
        How often each is timed; the order is turned round from round to round.
    on_round : callable
        Takes the number of rounds done.

    Returns
    -------
    dict of str to (float (rounds,), float (rounds,))
        Texts a wall-clock second, and texts a CPU second of all threads.

    Examples
    --------
    >>> found = speeds({"sum": lambda: sum(range(1000))}, {"sum": 1}, rounds=2, on_round=print)
    1
    2
    >>> len(found["sum"][0])
    2
    """
    names = list(encoders)
    wall: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        encoders[name]()
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            began, used = time.perf_counter(), time.process_time()
            encoders[name]()
            wall[name].append(texts[name] / max(time.perf_counter() - began, 1e-9))
            cpu[name].append(texts[name] / max(time.process_time() - used, 1e-9))
        on_round(number + 1)
    return {name: (np.array(wall[name]), np.array(cpu[name])) for name in names}


def rounds_figure(values: Floats, unit: str) -> Figure:
    """Give the median over rounds with the smallest and the largest.

    Examples
    --------
    >>> figure = rounds_figure(np.array([3.0, 1.0, 2.0]), "texts/s")
    >>> figure.value, figure.low, figure.high
    (2.0, 1.0, 3.0)
    """
    low, high = float(values.min()), float(values.max())
    return Figure(float(np.median(values)), low, high, unit, len(values), "range", timed=True)


def neighbour_recall(
    vectors: NDArray[np.float32],
    teacher: NDArray[np.float32],
    asked: NDArray[np.int64],
    k: int = 10,
) -> Floats:
    """Give for each row asked the share of the teacher's k nearest rows that are among ours.

    Parameters
    ----------
    vectors, teacher : float32 (n, d), float32 (n, e)
        Unit rows of the same texts.
    asked : int64 (q,)
        Rows to ask for.
    k : int
        Neighbours; a row is none of its own.

    Returns
    -------
    float64 (q,)
        Shares between 0 and 1.

    Examples
    --------
    >>> x = np.eye(3, dtype=np.float32)
    >>> neighbour_recall(x, x, np.array([0]), k=2).tolist()
    [1.0]
    """
    ours, theirs = (_nearest(one, asked, k) for one in (vectors, teacher))
    shared = [len(set(a) & set(b)) for a, b in zip(ours, theirs, strict=True)]
    return np.array(shared, dtype=np.float64) / max(1, min(k, len(vectors) - 1))


def _nearest(vectors: NDArray[np.float32], asked: NDArray[np.int64], k: int) -> list[list[int]]:
    from isogloss._math.topk import nearest_rows

    columns, _ = nearest_rows(np.ascontiguousarray(vectors[asked]), vectors, k + 1)
    found = []
    for row, near in zip(asked.tolist(), columns.tolist(), strict=True):
        found.append([one for one in near if one not in (row, -1)][:k])
    return found


def ndcg(
    qrels: Mapping[str, Mapping[str, float]], run: Mapping[str, Sequence[str]], k: int = 10
) -> Floats:
    """Give nDCG@k of each query that has a relevant document, in the order of the qrels.

    Parameters
    ----------
    qrels : mapping of query to mapping of document to gain
        Gains of 0 or less count as not relevant.
    run : mapping of query to documents
        Best first.
    k : int
        Ranks that count.

    Returns
    -------
    float64 (q,)
        Between 0 and 1; gains are linear, the discount is log2(rank + 1).

    Examples
    --------
    >>> ndcg({"q": {"a": 1.0}}, {"q": ["b", "a"]}).round(4).tolist()
    [0.6309]
    """
    from isogloss.evaluate.retrieval import ndcg_of

    judged = {query: gains for query, gains in qrels.items() if max(gains.values(), default=0) > 0}
    scores = [ndcg_of(gains, run.get(query, ()), k=k) for query, gains in judged.items()]
    return np.array(scores, dtype=np.float64)
