"""When accounts act: gaps, hours, and whether coming early pays.

Papers: Goh, Barabási, Burstiness and memory in complex systems, 2008; Kim, Jo, Measuring
burstiness for finite event sequences, 2016 (their finite-size form, with n gaps).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.social.instants import DAY, HOUR, SECOND, alike, quantiles
from isogloss.social.ranks import rank_correlation

__all__ = [
    "Burstiness", "Early", "Hours", "accounts_burstiness", "burstiness", "early_arrival", "hours",
]  # fmt: skip

Times = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Burstiness:
    """How uneven gaps are: -1 regular, 0 as chance, 1 all but one at once.

    Parameters
    ----------
    accounts : int
        Accounts with enough gaps.
    least_gaps : int
        What is enough.
    median, quartiles : float, (float, float)
        Over these accounts, in the form for finite numbers of gaps.
    median_plain : float
        The same as (sd - mean) / (sd + mean), which few gaps pull down.
    overall : float
        Of all actions in one row.
    """

    accounts: int
    least_gaps: int
    median: float
    quartiles: tuple[float, float]
    median_plain: float
    overall: float

    def to_json(self) -> dict[str, Any]:
        """Give all numbers."""
        return {name: getattr(self, name) for name in self.__slots__}


def burstiness(gaps: NDArray[Any], *, plain: bool = False) -> float:
    """Give the burstiness of one row of gaps.

    With n gaps, r their standard deviation over their mean: ``(sqrt(n+1) r - sqrt(n-1)) /
    ((sqrt(n+1) - 2) r + sqrt(n-1))``. It is -1 for equal gaps, 1 when all but one are 0,
    and 0 where r is what events at random give, whatever n.

    Parameters
    ----------
    gaps : float (n,)
        0 or more.
    plain : bool, default False
        Give (r - 1) / (r + 1) instead, which cannot reach 1 with few gaps.

    Returns
    -------
    float
        Between -1 and 1; NaN with fewer than two gaps or when all are 0.

    Examples
    --------
    >>> burstiness(np.array([5, 5, 5])), burstiness(np.array([0, 0, 9]))
    (-1.0, 1.0)
    """
    values = np.asarray(gaps, dtype=np.float64)
    n = np.array([len(values)])
    off = values - values.mean() if len(values) else values
    found = _burst(n, values.sum(keepdims=True), (off * off).sum(keepdims=True), plain)
    return float(round(found[0], 12))


def _burst(n: NDArray[Any], total: Any, squares: Any, plain: bool) -> Floats:
    """Burstiness of many rows: number, sum and squared deviations of the gaps of each."""
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.sqrt(squares / n) / (total / n)
        if plain:
            found = (r - 1) / (r + 1)
        else:
            low, high = np.sqrt(n - 1.0), np.sqrt(n + 1.0)
            found = (high * r - low) / ((high - 2) * r + low)
    return np.where((n > 1) & (total > 0), found, np.nan)


def accounts_burstiness(accounts: NDArray[Any], times: Times, *, least_gaps: int = 5) -> Burstiness:
    """Measure the gaps between the actions of each account.

    Parameters
    ----------
    accounts : int (m,)
        0 or more.
    times : int64 (m,)
        Microseconds.
    least_gaps : int, default 5
        Accounts with fewer are left out; at least 2.

    Returns
    -------
    Burstiness

    Raises
    ------
    ParameterError
        For lengths that differ, or `least_gaps` below 2.

    Examples
    --------
    >>> found = accounts_burstiness(np.zeros(7, np.int64), np.arange(7) * 10)
    >>> found.accounts, found.median
    (1, -1.0)
    """
    alike(accounts, times)
    if least_gaps < 2:
        raise ParameterError(f"least_gaps is {least_gaps}; give at least 2")
    order = np.lexsort((times, accounts))
    who, when = np.asarray(accounts)[order], times[order]
    gaps = np.diff(when) / SECOND
    inside = who[1:] == who[:-1]
    owner, gaps = who[1:][inside], gaps[inside]
    size = int(who.max(initial=-1)) + 1
    n = np.bincount(owner, minlength=size)
    total = np.bincount(owner, weights=gaps, minlength=size)
    off = gaps - (total / np.maximum(1, n))[owner]
    squares = np.bincount(owner, weights=off * off, minlength=size)
    kept = (n >= least_gaps) & (total > 0)
    fine, plain = (
        np.round(_burst(n[kept], total[kept], squares[kept], form), 12) for form in (False, True)
    )
    low, middle, high = quantiles(fine, (0.25, 0.5, 0.75))
    (middle_plain,) = quantiles(plain, (0.5,))
    overall = burstiness(np.diff(np.sort(times)) / SECOND) if len(times) > 2 else float("nan")
    return Burstiness(int(kept.sum()), least_gaps, middle, (low, high), middle_plain, overall)


@dataclass(frozen=True, slots=True)
class Hours:
    """When in the day, in UTC.

    Parameters
    ----------
    counts : tuple of int
        Actions in each of the 24 hours.
    busiest : tuple of int
        The six hours with most, in order of their counts; fewer when fewer have any.
    share : float
        Part of the actions in these six; .25 if all hours were alike.
    share_together : float
        The largest part in six hours that follow one another.
    days : int
        Days (UTC) with an action: a share over few days says little of a daily cycle.
    """

    counts: tuple[int, ...]
    busiest: tuple[int, ...]
    share: float
    share_together: float
    days: int

    def to_json(self) -> dict[str, Any]:
        """Give all numbers."""
        return {name: getattr(self, name) for name in self.__slots__}


def hours(times: Times) -> Hours:
    """Count actions by the hour of the day, UTC.

    Examples
    --------
    >>> found = hours(np.array([0, 1, 25, 49, 50]) * 3_600_000_000)
    >>> found.counts[:3], found.busiest, found.share, found.days
    ((1, 3, 1), (1, 0, 2), 1.0, 3)
    """
    hour = (times // HOUR) % 24
    counts = np.bincount(hour, minlength=24)
    busiest = np.argsort(-counts, kind="stable")[:6]
    busiest = busiest[counts[busiest] > 0]
    total = int(counts.sum())
    runs = np.convolve(np.concatenate([counts, counts[:5]]), np.ones(6, dtype=np.int64), "valid")
    return Hours(
        tuple(counts.tolist()),
        tuple(busiest.tolist()),
        float(counts[busiest].sum()) / total if total else float("nan"),
        float(runs.max()) / total if total else float("nan"),
        len(np.unique(times // DAY)),
    )


@dataclass(frozen=True, slots=True)
class Early:
    """Whether accounts that came early have more.

    Parameters
    ----------
    accounts : int
        Accounts with a time.
    total : float
        Rank correlation of how early an account came with its whole score; 1 when the earliest
        has most.
    per_day : float
        The same with the score by day from its first action to the window's end, which takes
        away what longer exposure alone brings.
    """

    accounts: int
    total: float
    per_day: float

    def to_json(self) -> dict[str, Any]:
        """Give all numbers."""
        return {name: getattr(self, name) for name in self.__slots__}


def early_arrival(first: Times, scores: Floats, *, end: int) -> Early:
    """Measure whether coming early goes with a larger score.

    Parameters
    ----------
    first : int64 (n,)
        First action of each account, microseconds.
    scores : float64 (n,)
        Their scores in all.
    end : int
        End of the window, microseconds.

    Returns
    -------
    Early

    Examples
    --------
    >>> day = 86_400_000_000
    >>> early_arrival(np.array([0, day, 2 * day]), np.array([9.0, 6.0, 3.0]), end=3 * day)
    Early(accounts=3, total=1.0, per_day=nan)
    """
    alike(first, scores)
    # Below an hour of exposure, one point would count as 24 and more a day.
    days = np.maximum(end - first, HOUR) / DAY
    return Early(
        len(first),
        rank_correlation(-first, scores),
        rank_correlation(-first, np.round(scores / days, 9)),
    )
