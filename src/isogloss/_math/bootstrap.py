"""Bootstrap intervals from seeded resamples, in bounded memory.

Paper: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapters 11 (jackknife), 13
(percentile interval) and 10 (bias).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["interval", "jackknife_interval", "mean_interval", "resample_cells"]

_BLOCK = 4_000_000  # numbers held at once: 32 MB


def interval(
    draws: NDArray[np.floating[Any]],
    value: float,
    *,
    level: float = 0.95,
    centre: bool = False,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[float, float]:
    """Give the percentile interval of a statistic's resampled values.

    Parameters
    ----------
    draws : float (r,)
        The statistic on each resample; NaN (undefined on that resample) is left out.
    value : float
        The statistic on the data.
    level : float
        Share of the draws inside, between 0 and 1.
    centre : bool
        Shift the draws so that their mean is `value`. Right for a statistic that resampling
        inflates, as mutual information: its draws lie above the value as the value lies above
        the truth.
    bounds : (float, float)
        The statistic's range; the interval is cut to it.

    Returns
    -------
    (float, float)
        Low and high end; both NaN when no draw is defined.

    Examples
    --------
    >>> interval(np.arange(101) / 100, 0.5, level=0.9)
    (0.05, 0.95)
    >>> interval(np.array([0.4, 0.5, 0.6]), 0.3, level=1.0, centre=True)
    (0.2, 0.4)
    """
    if not 0 < level <= 1:
        raise ParameterError(f"level={level!r}: give a share above 0 and at most 1, as 0.95")
    known = np.asarray(draws, dtype=np.float64)
    known = known[~np.isnan(known)]
    if not known.size or np.isnan(value):
        return float("nan"), float("nan")
    if centre:
        known = known - known.mean() + value
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return (
        float(round(np.clip(low, *bounds), 12)),
        float(round(np.clip(high, *bounds), 12)),
    )


def resample_cells(
    cells: NDArray[np.integer[Any]], *, resamples: int = 1000, seed: int = 0
) -> Iterator[NDArray[np.int64]]:
    """Resample n rows with replacement when only the cell of each row matters.

    Drawing n rows anew is drawing the cells' counts from a multinomial, so that a resample costs
    the number of cells and not of rows.

    Parameters
    ----------
    cells : int (m,)
        Rows in each cell; their sum is n.
    resamples : int
        How many resamples.
    seed : int
        Seed of the draws.

    Yields
    ------
    int64 (b, m)
        A block of resampled counts; each row sums to n. The blocks hold `resamples` rows in all.

    Examples
    --------
    >>> [block.sum(axis=1).tolist() for block in resample_cells(np.array([3, 1]), resamples=2)]
    [[4, 4]]
    """
    counts = np.asarray(cells, dtype=np.int64)
    if resamples < 1:
        raise ParameterError(f"resamples={resamples!r}: give at least 1")
    total = int(counts.sum())
    if total == 0:
        raise ParameterError("nothing to resample: all cells are empty")
    rng = np.random.default_rng(seed)
    share = counts / total
    step = max(1, _BLOCK // max(1, counts.size))
    for start in range(0, resamples, step):
        yield rng.multinomial(total, share, size=min(step, resamples - start))


def mean_interval(
    values: NDArray[np.floating[Any]],
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[float, float]:
    """Give the percentile interval of a mean under resampling of its items.

    Parameters
    ----------
    values : float (n,)
        One value an item; NaN is left out.
    resamples, seed, level, bounds
        As in `resample_cells` and `interval`.

    Returns
    -------
    (float, float)
        Both NaN when there is no value; both the value when there is one.

    Examples
    --------
    >>> mean_interval(np.full(5, 0.25))
    (0.25, 0.25)
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if not known.size:
        return float("nan"), float("nan")
    ones = np.ones(known.size, dtype=np.int64)
    draws = np.concatenate(
        [
            counts @ known / known.size
            for counts in resample_cells(ones, resamples=resamples, seed=seed)
        ]
    )
    return interval(draws, float(known.mean()), level=level, bounds=bounds)


def jackknife_interval(
    value: float,
    without: NDArray[np.floating[Any]],
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[float, float]:
    """Give the interval of a statistic that a repeated item would spoil.

    A plain bootstrap draws an item twice, and a statistic that looks for repeats (the diversity
    of topics' words) takes the copy for one. Here each item is left out once instead; its
    pseudo-value ``n * value - (n - 1) * without`` says what it brings, and the mean of the
    pseudo-values is bootstrapped, centred on the value.

    Parameters
    ----------
    value : float
        The statistic on all n items.
    without : float (n,)
        The statistic without each item.
    resamples, seed, level, bounds
        As in `resample_cells` and `interval`.

    Returns
    -------
    (float, float)

    Examples
    --------
    >>> jackknife_interval(0.5, np.full(4, 0.5))
    (0.5, 0.5)
    """
    left = np.asarray(without, dtype=np.float64)
    n = left.size
    if n < 2:
        return float(value), float(value)
    pseudo = n * value - (n - 1) * left
    shifted = pseudo - pseudo.mean() + value
    return mean_interval(shifted, resamples=resamples, seed=seed, level=level, bounds=bounds)
