"""Times as whole microseconds, and what the measures of time share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["DAY", "HOUR", "SECOND", "alike", "quantiles"]

SECOND = 1_000_000
"""Microseconds: times are counted in them since 1970, UTC."""

HOUR, DAY = 3600 * SECOND, 86400 * SECOND


def quantiles(values: NDArray[Any], at: tuple[float, ...]) -> list[float]:
    """Give quantiles; NaN without values.

    Examples
    --------
    >>> quantiles(np.array([1, 2, 3]), (0.5,))
    [2.0]
    """
    if not len(values):
        return [float("nan")] * len(at)
    return [float(one) for one in np.quantile(values, at)]


def alike(one: NDArray[Any], other: NDArray[Any]) -> None:
    """Refuse rows of different lengths.

    Examples
    --------
    >>> alike(np.zeros(2), np.ones(2))
    """
    if len(one) != len(other):
        raise ParameterError(f"there are {len(one)} accounts for {len(other)} values")
