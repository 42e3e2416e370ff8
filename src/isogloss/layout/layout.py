"""The layout of rows that are looked at all together."""

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.layout.embed import embed
from isogloss.layout.frame import Frame, drawn_in, without_heaps
from isogloss.layout.neighbours import neighbours, symmetric, weights
from isogloss.layout.start import first_places
from isogloss.layout.workers import Workers

Rows = NDArray[np.float32]
Places = NDArray[np.float32]
OnStep = Callable[[int, int], None]

NEIGHBOURS = 30
PERPLEXITY = 15.0


def lay_out(
    vectors: Rows,
    topics: NDArray[np.int32] | None = None,
    *,
    seed: int = 0,
    numbers: NDArray[np.int64] | None = None,
    on_step: OnStep = lambda done, total: None,
) -> Places:
    """Lay rows out in two dimensions so that like ones lie together.

    Parameters
    ----------
    vectors : float32 (n, d)
        Unit rows; rows of zeros go to a place of their own.
    topics : int32 (n,) or None
        Leaf topics, -1 for none; they order the map at large.
    seed : int, default 0
    numbers : int64 (n,) or None
        Passage numbers, which decide where equal rows go; by default the order.
    on_step : callable
        Takes steps done and steps in all.

    Returns
    -------
    float32 (n, 2)
        Places in units of the layout; neighbours are about one unit apart.

    Raises
    ------
    ParameterError
        For vectors with NaN, or topics that do not fit them.

    Notes
    -----
    Time O(n d (8,192 + n / 512)) for the neighbours and O(n) a step; memory O(n (d + 30)). The
    same rows give the same places for any number of threads.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2]]
    >>> lay_out(rows).shape
    (5, 2)
    """
    rows = checked(vectors)
    if topics is not None and len(topics) != len(rows):
        raise ParameterError(f"{len(topics)} topics do not fit {len(rows)} vectors")
    filled = np.flatnonzero(rows.any(axis=1))
    first, copy_of = _distinct(rows, filled)
    places = np.zeros((len(rows), 2), dtype=np.float32)
    if len(first) > 1:
        own = rows[first]
        labels = None if topics is None else topics[first]
        places[filled] = drawn_in(_embedded(own, labels, seed, on_step))[copy_of]
    keys = np.arange(len(rows)) if numbers is None else numbers
    places[filled] = without_heaps(places[filled], keys[filled], single=False)
    empty = np.setdiff1d(np.arange(len(rows)), filled)
    places[empty] = Frame.around(places[filled]).aside(keys[empty])
    return places


def checked(vectors: Rows) -> Rows:
    """Give vectors as contiguous float32 rows, or say what is wrong with them."""
    try:
        given = np.asarray(vectors)
    except ValueError as error:
        raise ParameterError(
            "vectors are rows of different lengths: give rows, as (n, d)"
        ) from error
    if given.dtype.kind not in "fiub":
        raise ParameterError(f"vectors are of type {given.dtype}: give real numbers")
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(given, dtype=np.float32)
    if rows.ndim != 2:
        raise ParameterError(f"vectors have shape {rows.shape}: give rows, as (n, d)")
    if not np.isfinite(rows).all():
        raise ParameterError("vectors hold NaN or infinity: no map can be drawn of them")
    if rows.size and not np.isfinite(np.einsum("ij,ij->i", rows, rows)).all():
        raise ParameterError(
            f"vectors hold numbers as large as {np.abs(rows).max():.3g}, beyond what can be "
            "multiplied: give unit rows"
        )
    return rows


def _distinct(rows: Rows, filled: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the first of each kind of row, and for each filled row which of these it equals."""
    seen: dict[bytes, int] = {}
    first: list[int] = []
    copy_of = np.empty(len(filled), dtype=np.int64)
    for place, row in enumerate(filled.tolist()):
        key = hashlib.blake2b(rows[row].tobytes(), digest_size=16).digest()
        known = seen.setdefault(key, len(first))
        if known == len(first):
            first.append(row)
        copy_of[place] = known
    return np.array(first, dtype=np.int64), copy_of


def _embedded(rows: Rows, topics: NDArray[np.int32] | None, seed: int, on_step: OnStep) -> Places:
    columns, scores = neighbours(rows, min(NEIGHBOURS, len(rows) - 1), seed=seed)
    with Workers() as workers:
        graph = symmetric(columns, weights(scores, PERPLEXITY, workers), topics)
        start = first_places(rows, topics, seed=seed)
        return embed(graph, start, workers, on_step=on_step)
