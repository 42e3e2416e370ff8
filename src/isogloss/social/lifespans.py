"""How long accounts are seen, and what a cut window hides of it.

Paper: Kaplan, Meier, Nonparametric estimation from incomplete observations, 1958.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.social.instants import SECOND, alike, quantiles

__all__ = ["Lifespans", "first_and_last", "lifespans", "median_survival"]

Times = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lifespans:
    """How long accounts are seen, in seconds.

    Parameters
    ----------
    accounts, one_action : int
        Accounts with a time, and those with a single action, whose lifespan is 0.
    median : float
        Over accounts with two or more actions.
    quartiles : (float, float)
        Of the same.
    median_all : float
        Over all, the lifespan of one-action accounts being 0.
    window : float
        From the first to the last action of anyone.
    grace : float
        Accounts whose last action lies within so many seconds of the window's end may live on;
        NaN where each account's longest gap decides.
    censored : int
        How many may, of those with two or more actions.
    median_survival : float
        Kaplan and Meier's median over accounts with two or more actions, the censored ones
        counted as living on; infinite where more than half do.
    """

    accounts: int
    one_action: int
    median: float
    quartiles: tuple[float, float]
    median_all: float
    window: float
    grace: float
    censored: int
    median_survival: float

    def to_json(self) -> dict[str, Any]:
        """Give all numbers."""
        return {name: getattr(self, name) for name in self.__slots__}


def first_and_last(accounts: NDArray[Any], times: Times, count: int) -> tuple[Times, Times, Times]:
    """Give first time, last time and number of actions of each account.

    Accounts without one have the largest number, the smallest and 0.

    Examples
    --------
    >>> [x.tolist() for x in first_and_last(np.array([1, 0, 1]), np.array([5, 7, 3]), 2)]
    [[7, 3], [7, 5], [1, 2]]
    """
    limits = np.iinfo(np.int64)
    first = np.full(count, limits.max, dtype=np.int64)
    last = np.full(count, limits.min, dtype=np.int64)
    np.minimum.at(first, accounts, times)
    np.maximum.at(last, accounts, times)
    return first, last, np.bincount(accounts, minlength=count)


def lifespans(accounts: NDArray[Any], times: Times, *, grace: float | None = None) -> Lifespans:
    """Measure from the first to the last action of each account.

    Parameters
    ----------
    accounts : int (m,)
        Account of each action, 0 or more.
    times : int64 (m,)
        Microseconds since 1970, UTC.
    grace : float, optional
        Seconds before the window's end within which an account's last action leaves open whether
        it would have come back; by default the account's own longest gap.

    Returns
    -------
    Lifespans

    Raises
    ------
    ParameterError
        For lengths that differ, or a negative `grace`.

    Examples
    --------
    >>> minutes = np.array([0, 1, 0, 3, 100]) * 60_000_000
    >>> found = lifespans(np.array([0, 0, 1, 1, 2]), minutes)
    >>> found.median, found.one_action, found.median_all
    (120.0, 1, 60.0)
    """
    alike(accounts, times)
    if grace is not None and grace < 0:
        raise ParameterError(f"grace is {grace}; give 0 or more seconds")
    if not len(times):
        nan = float("nan")
        return Lifespans(0, 0, nan, (nan, nan), nan, 0.0, nan, 0, nan)
    count = int(accounts.max()) + 1
    first, last, actions = first_and_last(accounts, times, count)
    end = int(times.max())
    quiet = (end - last) / SECOND
    limit = _longest_gaps(accounts, times, count) if grace is None else np.full(count, float(grace))
    seen = actions > 0
    several = actions[seen] > 1
    spans = (last - first)[seen] / SECOND
    open_end = several & (quiet < limit)[seen]
    low, middle, high = quantiles(spans[several], (0.25, 0.5, 0.75))
    return Lifespans(
        len(spans),
        int((~several).sum()),
        middle,
        (low, high),
        float(np.median(spans)),
        (end - int(times.min())) / SECOND,
        float("nan") if grace is None else float(grace),
        int(open_end.sum()),
        median_survival(spans[several], open_end[several]),
    )


def _longest_gaps(accounts: NDArray[Any], times: Times, count: int) -> Floats:
    """Give the longest time between two actions of each account, in seconds."""
    order = np.lexsort((times, accounts))
    who = np.asarray(accounts)[order]
    gaps = np.diff(times[order]) / SECOND
    same = who[1:] == who[:-1]
    longest = np.zeros(count)
    np.maximum.at(longest, who[1:][same], gaps[same])
    return longest


def median_survival(spans: Floats, censored: NDArray[np.bool_]) -> float:
    """Give the time that half outlive, when some ends were not seen.

    Parameters
    ----------
    spans : float64 (n,)
        Time to the end, or to where it was lost from sight.
    censored : bool (n,)
        True where it was lost from sight.

    Returns
    -------
    float
        The smallest span at which at most half survive; infinite when more than half outlive all
        spans, NaN without spans.

    Examples
    --------
    >>> median_survival(np.array([1.0, 2.0, 3.0]), np.array([False, True, False]))
    3.0
    """
    if not len(spans):
        return float("nan")
    at, place = np.unique(spans, return_inverse=True)
    ends = np.bincount(place, weights=~censored, minlength=len(at))
    gone = np.bincount(place, minlength=len(at))
    at_risk = len(spans) - np.concatenate([[0], np.cumsum(gone)[:-1]])
    surviving = np.cumprod(1.0 - ends / at_risk)
    below = np.flatnonzero(surviving <= 0.5 + 1e-12)
    return float(at[below[0]]) if len(below) else float("inf")
