"""Checks of what users pass in, with one wording."""

from typing import Any

import numpy as np

from isogloss._core.errors import ParameterError


def whole_number(value: Any, name: str, least: int, most: int | None = None) -> int:
    """Give a whole number, or say what is wrong with what was given.

    Parameters
    ----------
    value : int
        Python's or NumPy's; no truth value, no 3.0.
    name : str
        What it is, for the message.
    least, most : int
        Bounds, both allowed.

    Returns
    -------
    int

    Raises
    ------
    ParameterError
        When it is no whole number, or out of bounds.

    Examples
    --------
    >>> whole_number(3, "k", 1)
    3
    >>> whole_number(2.5, "k", 1)
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: k is 2.5: give a whole number of at least 1
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if whole and least <= value and (most is None or value <= most):
        return int(value)
    bounds = f"of at least {least}" if most is None else f"from {least} to {most:,}"
    raise ParameterError(f"{name} is {value!r}: give a whole number {bounds}")


def folded_seed(seed: int) -> int:
    """Give a seed of 64 bits as one of 32, for engines that take no more; smaller ones stay.

    Examples
    --------
    >>> folded_seed(7), folded_seed(2**32 + 7)
    (7, 6)
    """
    return (seed ^ (seed >> 32)) & 0xFFFFFFFF


def real_number(value: Any, name: str, least: float, *, above: bool = False) -> float:
    """Give a finite number, or say what is wrong with what was given.

    Parameters
    ----------
    value : float or int
        Python's or NumPy's; no truth value, no NaN.
    name : str
        What it is, for the message.
    least : float
        The least that will do, or, where `above`, what it must be above.
    above : bool, default False

    Raises
    ------
    ParameterError
        When it is no number, not finite, or out of bounds.

    Examples
    --------
    >>> real_number(3, "weight", 0)
    3.0
    >>> real_number(0.0, "scale", 0, above=True)
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: scale is 0.0: give a number above 0
    """
    kinds = int | float | np.integer | np.floating
    if isinstance(value, kinds) and not isinstance(value, bool):
        number = float(value)
        if np.isfinite(number) and (number > least if above else number >= least):
            return number
    bounds = f"above {least:g}" if above else f"of at least {least:g}"
    raise ParameterError(f"{name} is {value!r}: give a number {bounds}")
