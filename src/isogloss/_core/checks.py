"""Checks of what users pass in, with one wording."""

from collections.abc import Collection, Iterable
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


def real_number(
    value: Any,
    name: str,
    least: float,
    *,
    above: bool = False,
    most: float | None = None,
    below: float | None = None,
) -> float:
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
    most, below : float, optional
        The most that will do, or what it must be below; give one of them at most.

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
    >>> real_number(1.0, "overlap", 0, below=1)
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: overlap is 1.0: give a number of at least 0, and below 1
    """
    kinds = int | float | np.integer | np.floating
    if isinstance(value, kinds) and not isinstance(value, bool):
        number = float(value)
        large = number > least if above else number >= least
        small = (most is None or number <= most) and (below is None or number < below)
        if np.isfinite(number) and large and small:
            return number
    bounds = f"above {least:g}" if above else f"of at least {least:g}"
    bounds += "" if most is None else f", and {most:g} at most"
    bounds += "" if below is None else f", and below {below:g}"
    raise ParameterError(f"{name} is {value!r}: give a number {bounds}")


def one_of(value: Any, name: str, known: Collection[str | None]) -> None:
    """Refuse what is none of the words that are known.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> one_of("eon", "method", ("eom", "leaf"))
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: method is 'eon'; known: 'eom', 'leaf'
    """
    if (value is not None and not isinstance(value, str)) or value not in known:
        words = ", ".join(map(repr, known))
        raise ParameterError(f"{name} is {value!r}; known: {words}")


def many(given: Any, name: str, what: str) -> Iterable[Any]:
    """Refuse what cannot be gone through, and a single string where several things were meant.

    Parameters
    ----------
    given : iterable
    name, what : str
        What it is, and what it should be a list of, for the message.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> many("a cat", "texts", "lists of words")
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: texts is 'a cat': give a list of lists of words
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise ParameterError(f"{name} is {_shown(given)}: give a list of {what}")
    return given


def strings(given: Any, name: str, what: str = "words") -> list[str]:
    """Give a list of strings, or say what is wrong with what was given.

    Parameters
    ----------
    given : iterable of str
    name, what : str
        As in `many`.

    Raises
    ------
    ParameterError
        For a single string, what is no list, and what holds anything but strings.

    Examples
    --------
    >>> strings(("a", "cat"), "texts[0]")
    ['a', 'cat']
    >>> strings(["a", None], "texts[0]")
    Traceback (most recent call last):
    isogloss._core.errors.ParameterError: texts[0][1] is None: give a string
    """
    held = list(many(given, name, what))
    if not set(map(type, held)) <= {str}:  # a subclass will do
        for place, word in enumerate(held):
            if not isinstance(word, str):
                raise ParameterError(f"{name}[{place}] is {_shown(word)}: give a string")
    return held


def _shown(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 40 else f"{said[:40]}..."
