"""A map of rows in memory, of any number."""

import numpy as np
from numpy.typing import NDArray

from isogloss._core.checks import whole_number
from isogloss._core.errors import ParameterError
from isogloss.layout.frame import Frame, mixed, without_heaps
from isogloss.layout.layout import checked, lay_out
from isogloss.layout.place import Anchors

# Rows that are laid out together, at most, and rows that are placed at once.
MOST = 60_000
BLOCK = 32_768


def map_rows(
    vectors: NDArray[np.float32],
    topics: NDArray[np.int32] | None = None,
    *,
    seed: int = 0,
    most: int = MOST,
) -> NDArray[np.float32]:
    """Give rows places in two dimensions, like ones together.

    Parameters
    ----------
    vectors : float32 (n, d)
        Unit rows; rows of zeros go to a corner of their own.
    topics : int32 (n,) or None
        Leaf topics, -1 for none; they order the map at large and hold together on it.
    seed : int, default 0
    most : int, default 60,000
        Rows that are laid out together; the others are placed among them.

    Returns
    -------
    float32 (n, 2)
        -1 to 1 in the larger direction.

    Raises
    ------
    ParameterError
        For vectors with NaN, or topics that do not fit them.

    Examples
    --------
    >>> map_rows(np.eye(4, dtype=np.float32)).shape
    (4, 2)
    """
    whole_number(most, "most", 2)
    rows = checked(vectors)
    n = len(rows)
    if topics is not None and len(topics) != n:
        raise ParameterError(f"{len(topics)} topics do not fit {n} vectors")
    numbers = np.arange(n)
    chosen = numbers if n <= most else np.sort(np.argsort(mixed(numbers, seed))[:most])
    own = None if topics is None else np.asarray(topics, dtype=np.int32)[chosen]
    places = np.zeros((n, 2), dtype=np.float32)
    places[chosen] = lay_out(rows[chosen], own, seed=seed, numbers=chosen)
    rest = np.setdiff1d(numbers, chosen)
    filled = chosen[rows[chosen].any(axis=1)]
    if len(rest) and len(filled):
        anchors = Anchors(rows[filled], places[filled], seed=seed)
        for first in range(0, len(rest), BLOCK):
            block = rest[first : first + BLOCK]
            places[block] = anchors.place(rows[block])
        places[rest] = without_heaps(places[rest], rest, single=True)
    empty = rest[~rows[rest].any(axis=1)]
    places[empty] = Frame.around(places[chosen]).aside(empty)
    return Frame.around(places).coordinates(places)
