"""Times cut into periods that people read: whole days, weeks, months, years, or round numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number

Ints = NDArray[np.int64]

# Steps below a day in minutes, then days, then months; a week begins on Monday.
_MINUTES = (1, 5, 15, 30, 60, 180, 360, 720)
_DAYS = (1, 7)
_MONTHS = (1, 2, 3, 6, *(12 * years for years in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)))
MOST_BINS = 10_000
_THURSDAY = 3  # days from the Monday before 1970-01-01


@dataclass(frozen=True, eq=False)
class Periods:
    """Periods of one length without gaps.

    Parameters
    ----------
    starts : tuple of str
        Where each begins, and at last where the last one ends: one more than there are periods.
    unit : str
        "2 years", "7 days", "10": the length of a period.
    place : callable
        Gives the period of each time, int64 (n,); -1 for a time outside or missing.
    """

    starts: tuple[str, ...]
    unit: str
    place: Callable[[NDArray[Any]], Ints]

    def __len__(self) -> int:
        return len(self.starts) - 1


def make_periods(low: Any, high: Any, *, bins: int = 20) -> Periods:
    """Cut the time from `low` to `high` into at most `bins` periods, the shortest that do.

    Parameters
    ----------
    low, high : numpy.datetime64, int or float
        First and last time.
    bins : int, default 20
        Periods at most, 1 or more.

    Returns
    -------
    Periods

    Raises
    ------
    ParameterError
        When `bins` is below 1 or above 10,000.

    Examples
    --------
    >>> periods = make_periods(np.datetime64("2003-11-20"), np.datetime64("2004-02-01"), bins=6)
    >>> periods.unit, periods.starts
    ('1 month', ('2003-11-01', '2003-12-01', '2004-01-01', '2004-02-01', '2004-03-01'))
    >>> make_periods(1789, 2021, bins=5).starts
    ('1700', '1800', '1900', '2000', '2100')
    """
    bins = whole_number(bins, "bins", 1, MOST_BINS)
    if isinstance(low, np.datetime64):
        return _calendar(low, np.datetime64(high), bins)
    return _numbers(low, high, bins)


def _numbers(low: Any, high: Any, bins: int) -> Periods:
    whole = isinstance(low, int | np.integer) and isinstance(high, int | np.integer)
    low, high = (int(low), int(high)) if whole else (float(low), float(high))
    power = 0 if whole else int(np.floor(np.log10(max((high - low) / bins, 1e-12)))) - 1
    if bins == 1:  # around 0 no round number gives one period
        end = high + 1 if whole else float(np.nextafter(high, np.inf))

        def only(times: NDArray[Any]) -> Ints:
            values = np.asarray(times)
            return np.where((values >= low) & (values < end), 0, -1).astype(np.int64)

        starts = tuple(str(edge) if whole else f"{edge:.6g}" for edge in (low, end))
        return Periods(starts, f"{end - low:.6g}", only)
    while True:
        for digit in (1, 2, 5):
            step: Any = digit * 10**power if power >= 0 else digit / 10**-power
            first, last = int(np.floor(low / step)), int(np.floor(high / step))
            if last - first < bins:
                return _by_step(step, first, last, whole)
        power += 1


def _by_step(step: Any, first: int, last: int, whole: bool) -> Periods:
    def place(times: NDArray[Any]) -> Ints:
        values = np.asarray(times)
        known = np.isfinite(values)
        floored = np.floor(np.where(known, values, 0) / step).astype(np.int64)
        return _inside(np.where(known, floored, first - 1), first, last)

    edges = [step * number for number in range(first, last + 2)]
    starts = tuple(str(edge) if whole else f"{edge:.6g}" for edge in edges)
    return Periods(starts, str(step), place)


def _calendar(low: np.datetime64, high: np.datetime64, bins: int) -> Periods:
    if bins == 1:
        return _one_span(low, high)
    daily = low.dtype == np.dtype("datetime64[D]")
    known = [(_minute, step, _minute_start) for step in (() if daily else _MINUTES)]
    known += [(_day, step, _day_start) for step in _DAYS]
    known += [(_month, step, _month_start) for step in _MONTHS]
    number, step, start = known[-1]
    for number, step, start in known:  # noqa: B007 - the first that is long enough
        ends = number(np.array([low, high]), step)
        if ends[1] - ends[0] < bins:
            break
    else:  # beyond a thousand years a period
        while ends[1] - ends[0] >= bins:
            step *= 2
            ends = number(np.array([low, high]), step)
    first, last = int(ends[0]), int(ends[1])

    def place(times: NDArray[Any]) -> Ints:
        values = np.asarray(times)
        missing = np.isnat(values)
        found = number(np.where(missing, low, values), step)
        return _inside(np.where(missing, first - 1, found), first, last)

    starts = tuple(str(start(at, step)) for at in range(first, last + 2))
    return Periods(starts, _named(number, step), place)


def _one_span(low: np.datetime64, high: np.datetime64) -> Periods:
    """Take all days in one period: around the year 0 no round number of years does."""
    first, last = _day(np.array([low, high]), 1).tolist()

    def place(times: NDArray[Any]) -> Ints:
        values = np.asarray(times)
        days = _day(np.where(np.isnat(values), low, values), 1)
        held = ~np.isnat(values) & (days >= first) & (days <= last)
        return np.where(held, 0, -1).astype(np.int64)

    starts = (str(_day_start(first, 1)), str(_day_start(last + 1, 1)))
    return Periods(starts, _named(_day, last + 1 - first), place)


def _inside(found: Ints, first: int, last: int) -> Ints:
    return np.where((found >= first) & (found <= last), found - first, -1).astype(np.int64)


def _minute(times: NDArray[Any], step: int) -> Ints:
    return np.floor_divide(times.astype("datetime64[m]").astype(np.int64), step)


def _minute_start(number: int, step: int) -> Any:
    return np.datetime64(number * step, "m")


def _day(times: NDArray[Any], step: int) -> Ints:
    days = times.astype("datetime64[D]").astype(np.int64)
    return np.floor_divide(days + (_THURSDAY if step == 7 else 0), step)


def _day_start(number: int, step: int) -> Any:
    return np.datetime64(number * step - (_THURSDAY if step == 7 else 0), "D")


def _month(times: NDArray[Any], step: int) -> Ints:
    # From year 0, so that decades and centuries begin where people say.
    return np.floor_divide(times.astype("datetime64[M]").astype(np.int64) + 1970 * 12, step)


def _month_start(number: int, step: int) -> Any:
    return np.array([number * step - 1970 * 12], dtype="datetime64[M]").astype("datetime64[D]")[0]


def _named(number: Any, step: int) -> str:
    if number is _month:
        count, unit = (step // 12, "year") if step % 12 == 0 else (step, "month")
    elif number is _day:
        count, unit = step, "day"
    else:
        count, unit = (step // 60, "hour") if step % 60 == 0 else (step, "minute")
    return f"{count} {unit}" + ("s" if count > 1 else "")
