"""How unequally something is spread: Gini, Lorenz curve, share of the top."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError

__all__ = ["Inequality", "gini", "inequality", "lorenz", "top_share"]

LORENZ_POINTS = 21


@dataclass(frozen=True, slots=True)
class Inequality:
    """Spread of an amount over those who could have some.

    Parameters
    ----------
    n : int
        Members, those with nothing among them.
    zeros : int
        Members with nothing.
    total : float
        Sum of the amounts.
    gini : float
        Over all n, zeros included; NaN when nobody has anything.
    gini_above_zero : float
        Over those with something.
    top_share : float
        Part of the total that the 1% with most have.
    lorenz : tuple of float
        Part of the total that the poorest 0, 5, ... 100% have.
    below_zero : int
        Members whose amount was below 0 and counts as 0.
    """

    n: int
    zeros: int
    total: float
    gini: float
    gini_above_zero: float
    top_share: float
    lorenz: tuple[float, ...]
    below_zero: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give all numbers."""
        return {name: getattr(self, name) for name in self.__slots__}


def inequality(amounts: NDArray[Any]) -> Inequality:
    """Describe how unequally an amount is spread.

    Parameters
    ----------
    amounts : float (n,)
        One a member. Amounts below 0 (a post voted down) count as 0 and are counted.

    Returns
    -------
    Inequality

    Raises
    ------
    ParameterError
        For amounts that are not finite.

    Examples
    --------
    >>> spread = inequality(np.array([0, 0, 1, 3]))
    >>> spread.zeros, spread.gini, spread.gini_above_zero
    (2, 0.625, 0.25)
    """
    values = _checked(amounts, negative=True)
    below = int((values < 0).sum())
    values = np.maximum(values, 0.0)
    return Inequality(
        len(values),
        int((values == 0).sum()),
        float(values.sum()),
        gini(values),
        gini(values[values > 0]),
        top_share(values, 0.01),
        tuple(lorenz(values, points=LORENZ_POINTS).tolist()),
        below,
    )


def gini(amounts: NDArray[Any]) -> float:
    """Give the Gini coefficient: 0 when all have the same, near 1 when one has everything.

    Parameters
    ----------
    amounts : float (n,)
        0 or more; zeros count. The sum of ``(2i - n - 1) x(i)`` over ``n`` times the sum of x,
        where x(i) is the i-th smallest.

    Returns
    -------
    float
        Between 0 and 1 - 1/n; NaN without members or when the sum is 0.

    Raises
    ------
    ParameterError
        For amounts that are negative or not finite.

    Examples
    --------
    >>> gini(np.array([1, 1, 1, 1])), gini(np.array([0, 0, 0, 5]))
    (0.0, 0.75)
    """
    values = np.sort(_checked(amounts))
    n, total = len(values), float(values.sum())
    if n == 0 or total == 0:
        return float("nan")
    weights = 2.0 * np.arange(1, n + 1) - n - 1
    return float(np.dot(weights, values / total) / n)


def lorenz(amounts: NDArray[Any], *, points: int = LORENZ_POINTS) -> NDArray[np.float64]:
    """Give the part of the total that the poorest have, at equal steps from none to all.

    Parameters
    ----------
    amounts : float (n,)
        0 or more.
    points : int, default 21
        At least 2.

    Returns
    -------
    float64 (points,)
        From 0 to 1, straight between members; NaN when the sum is 0.

    Examples
    --------
    >>> lorenz(np.array([1, 3]), points=3).tolist()
    [0.0, 0.25, 1.0]
    """
    if points < 2:
        raise ParameterError(f"points is {points}; give at least 2")
    values = np.sort(_checked(amounts))
    total = float(values.sum())
    if total == 0:
        return np.full(points, np.nan)
    held = np.concatenate([[0.0], np.cumsum(values) / total])
    held[-1] = 1.0
    steps = np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(held)), held)
    return np.asarray(steps, dtype=np.float64)


def top_share(amounts: NDArray[Any], share: float = 0.01) -> float:
    """Give the part of the total that those with most have.

    Parameters
    ----------
    amounts : float (n,)
        0 or more.
    share : float, default .01
        Of the members, rounded up to whole ones: at least one.

    Examples
    --------
    >>> top_share(np.array([0, 1, 1, 2]), 0.25)
    0.5
    """
    if not 0 < share <= 1:
        raise ParameterError(f"share is {share}; give one above 0 and at most 1")
    values = np.sort(_checked(amounts))[::-1]
    total = float(values.sum())
    if total == 0:
        return float("nan")
    # The small number keeps a share such as .07 of 100 from being 8 members.
    members = max(1, math.ceil(share * len(values) - 1e-9))
    return float(values[:members].sum()) / total


def _checked(amounts: NDArray[Any], *, negative: bool = False) -> NDArray[np.float64]:
    values = np.asarray(amounts, dtype=np.float64).ravel()
    if not np.isfinite(values).all():
        raise ParameterError("an amount is not finite: leave members without one out")
    if not negative and len(values) and values.min() < 0:
        raise ParameterError(f"an amount is {values.min()}: amounts are 0 or more")
    return values
