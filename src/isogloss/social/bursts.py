"""When a topic or group is more than usual: bursts of a two-state automaton.

Paper: Kleinberg, Bursty and hierarchical structure in streams, 2002: section 4 (batches, for
topics among all entries) and section 2 (gaps, for one stream).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["Burst", "label_bursts", "stream_bursts"]

_BINS = 100  # of the window, where no width is given


@dataclass(frozen=True, slots=True)
class Burst:
    """A stretch of time in which something happened more often than usual.

    Parameters
    ----------
    label : int
        What: number of the topic or group, 0 for a single stream.
    start, end : int
        Microseconds since 1970, UTC; the end is the first moment after it.
    count : int
        Entries of the label in it.
    expected : float
        How many its usual rate would have brought.
    weight : float
        How much better the burst explains the counts than the usual rate does, in nats.
    """

    label: int
    start: int
    end: int
    count: int
    expected: float
    weight: float


def label_bursts(
    times: NDArray[np.int64],
    labels: NDArray[Any],
    *,
    width: float | None = None,
    scaling: float = 2.0,
    gamma: float = 1.5,
    least: int = 5,
) -> list[Burst]:
    """Find when a label takes a larger part of all entries than usual.

    Time is cut into bins. In each, a label's entries are a draw from all entries of the bin, at
    its usual rate or, in a burst, at a rate of `scaling` times the odds. To enter the upper state
    costs `gamma` times the logarithm of the number of bins and labels, N = bins x labels; the
    cheapest path of states is found exactly. A likelihood ratio reaches c by chance with a
    probability of at most 1 / c, so that at usual rates about N^(1 - gamma) bursts are to be
    expected in all, and no more. Because the counts are set against all entries of the same bin,
    the daily cycle is no burst.

    Parameters
    ----------
    times : int64 (m,)
        Microseconds since 1970.
    labels : int (m,)
        Topic or group of each entry; negative entries belong to none and count in the whole.
    width : float, optional
        Seconds of a bin; a hundredth of the window by default.
    scaling : float, default 2
        How much larger the odds are in a burst; above 1.
    gamma : float, default 1.5
        Larger: fewer bursts. Above 0; 1 is the paper's, with one false alarm to be expected.
    least : int, default 5
        Entries in a burst at least.

    Returns
    -------
    list of Burst
        By weight, largest first.

    Raises
    ------
    ParameterError
        For lengths that differ or settings out of range.

    Notes
    -----
    O(entries log entries + labels x bins). The paper scales the rate itself, which fails for labels
    that hold half of the entries; for rare ones odds and rate are the same.

    Examples
    --------
    >>> minute = 60_000_000
    >>> steady = np.arange(0, 1000) * minute
    >>> labels = np.arange(1000) % 4
    >>> labels[400:450] = 1
    >>> found = label_bursts(steady, labels, width=600)
    >>> [(b.label, b.start // minute, b.end // minute, b.count) for b in found]
    [(1, 400, 450, 50)]
    """
    if len(times) != len(labels):
        raise ParameterError(f"there are {len(times)} times for {len(labels)} labels")
    _settings(scaling, gamma)
    if not len(times):
        return []
    begin = int(times.min())
    span = int(times.max()) - begin + 1
    step = max(1, -(-span // _BINS)) if width is None else int(width * 1_000_000)
    if step < 1:
        raise ParameterError(f"width is {width}; give seconds above 0")
    if span // step > 10_000_000:
        raise ParameterError(f"width={width} cuts the window into {span // step:,} bins: widen it")
    place = (times - begin) // step
    bins = int(place.max()) + 1
    kinds = len(np.unique(labels[labels >= 0]))
    whole = np.bincount(place, minlength=bins)
    used = np.flatnonzero(whole)  # empty bins say nothing of a label's part
    column = np.searchsorted(used, place)
    total = whole[used].astype(np.float64)
    found: list[Burst] = []
    order = np.argsort(labels, kind="stable")
    ordered = np.asarray(labels)[order]
    for label in np.unique(ordered[ordered >= 0]).tolist():
        low, high = np.searchsorted(ordered, [label, label + 1])
        if high - low < least:
            continue
        counts = np.bincount(column[order[low:high]], minlength=len(used)).astype(np.float64)
        rate = counts.sum() / total.sum()
        if rate == 1.0:
            continue  # nothing else is there to be compared with
        upper = scaling * rate / (1 - rate + scaling * rate)
        # The binomial coefficient is the same in both states and falls out.
        gain = counts * math.log(upper / rate)
        gain += (total - counts) * (math.log1p(-upper) - math.log1p(-rate))
        for first, last in _upper_runs(gain, gamma * math.log(max(2, len(used) * kinds))):
            count = int(counts[first:last].sum())
            if count >= least:
                start = begin + int(used[first]) * step
                end = begin + (int(used[last - 1]) + 1) * step
                expected = float(rate * total[first:last].sum())
                weight = float(gain[first:last].sum())
                found.append(Burst(label, start, end, count, expected, weight))
    return sorted(found, key=lambda burst: (-burst.weight, burst.label, burst.start))


def stream_bursts(
    times: NDArray[np.int64], *, scaling: float = 2.0, gamma: float = 1.5, least: int = 5
) -> list[Burst]:
    """Find when a stream runs faster than usual, from the gaps between its entries.

    Gaps are exponential, with the mean rate of the stream or, in a burst, `scaling` times it; to
    enter a burst costs `gamma` times the logarithm of the number of gaps.

    Parameters
    ----------
    times : int64 (m,)
        Microseconds since 1970.
    scaling, gamma, least
        As in `label_bursts`.

    Returns
    -------
    list of Burst
        By weight, largest first; all with label 0.

    Raises
    ------
    ParameterError
        For settings out of range.

    Examples
    --------
    >>> slow, fast = np.arange(50) * 60, 3000 + np.arange(50)
    >>> found = stream_bursts(np.concatenate([slow, fast, 3050 + slow]) * 1_000_000)
    >>> [(b.start // 1_000_000, b.end // 1_000_000) for b in found]
    [(3000, 3050)]
    """
    _settings(scaling, gamma)
    ordered = np.sort(times)
    gaps = np.diff(ordered) / 1e6
    if not len(gaps) or gaps.sum() == 0:
        return []
    rate = len(gaps) / float(gaps.sum())
    gain = math.log(scaling) - (scaling - 1) * rate * gaps
    found = []
    for first, last in _upper_runs(gain, gamma * math.log(max(2, len(gaps)))):
        if last - first + 1 >= least:
            start, end = int(ordered[first]), int(ordered[last])
            found.append(
                Burst(0, start, end, last - first + 1, rate * (end - start) / 1e6,
                      float(gain[first:last].sum()))
            )  # fmt: skip
    return sorted(found, key=lambda burst: (-burst.weight, burst.start))


def _settings(scaling: float, gamma: float) -> None:
    if not scaling > 1:
        raise ParameterError(f"scaling is {scaling}; it must be above 1")
    if not gamma > 0:
        raise ParameterError(f"gamma is {gamma}; it must be above 0")


def _upper_runs(gain: NDArray[np.float64], entry: float) -> list[tuple[int, int]]:
    """Give the stretches of the upper state on the best path of two states.

    Parameters
    ----------
    gain : float64 (b,)
        What each bin gains in the upper state over the lower.
    entry : float
        What entering the upper state costs; leaving it is free.
    """
    lower, upper = 0.0, -entry
    into_upper = np.zeros(len(gain), dtype=bool)  # whether the upper state came from the lower
    into_lower = np.zeros(len(gain), dtype=bool)  # whether the lower state came from the upper
    for i, value in enumerate(gain.tolist()):
        came_in = i == 0 or lower - entry > upper
        came_out = i > 0 and upper > lower
        into_upper[i], into_lower[i] = came_in, came_out
        lower, upper = max(lower, upper) if i else 0.0, (lower - entry if came_in else upper)
        upper += value
    runs: list[tuple[int, int]] = []
    state, last = upper > lower, len(gain)
    for i in range(len(gain) - 1, -1, -1):
        if state and into_upper[i]:
            runs.append((i, last))
            state = False
        elif not state and into_lower[i]:
            state, last = True, i
    return runs[::-1]
