"""Where a layout begins: the coarse order that it keeps."""

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import single_threaded_blas
from isogloss.layout.frame import disc

Rows = NDArray[np.float32]
Places = NDArray[np.float32]

# Standard deviation of the first places, for one row: about a quarter of what it will be.
EXTENT = 0.07
# Share of the rows' own directions in it, beside those of their topics.
OWN = 0.15
# Fewer topics than this give no order.
LEAST_TOPICS = 3
ROUNDS = 200
BLOCK = 8192


def first_places(rows: Rows, topics: NDArray[np.int32] | None, *, seed: int) -> Places:
    """Give first places: around their topics' centres, which lie as far apart as they differ.

    Parameters
    ----------
    rows : float32 (n, d)
        Unit rows.
    topics : int32 (n,) or None
    seed : int

    Returns
    -------
    float32 (n, 2)
    """
    with single_threaded_blas():
        found = _scaled(principal(rows))
        held = np.unique(topics[topics >= 0]) if topics is not None else np.zeros(0, np.int32)
        if topics is not None and len(held) >= LEAST_TOPICS:
            centres = _scaled(spread_out(_centres(rows, topics, held)))
            inside = np.flatnonzero(topics >= 0)
            own = centres[np.searchsorted(held, topics[inside])]
            found[inside] = own + np.float32(OWN) * found[inside]
            found = _scaled(found)
    wide = np.float32(EXTENT * np.sqrt(len(rows)))
    return np.asarray(wide * (found + np.float32(0.01) * disc(np.arange(len(rows)), seed)))


def _scaled(places: Places) -> Places:
    return np.asarray(places / max(float(places.std()), 1e-12), dtype=np.float32)


def _centres(rows: Rows, topics: NDArray[np.int32], held: NDArray[np.int32]) -> NDArray[np.float64]:
    """Give the mean direction of each topic."""
    order = np.argsort(topics, kind="stable")
    order = order[topics[order] >= 0]
    first = np.searchsorted(topics[order], held)
    sums = np.add.reduceat(rows[order], first, axis=0, dtype=np.float64)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))


def spread_out(centres: NDArray[np.float64]) -> Places:
    """Place unit rows so that their distances are kept as well as two dimensions allow.

    Paper: de Leeuw, Applications of convex analysis to multidimensional scaling (1977).

    Parameters
    ----------
    centres : float64 (t, d)
        Unit rows.

    Returns
    -------
    float32 (t, 2)

    Examples
    --------
    >>> found = spread_out(np.eye(3))
    >>> [round(float(np.hypot(*(found[a] - found[b]))), 2) for a, b in ((0, 1), (0, 2), (1, 2))]
    [1.41, 1.41, 1.41]
    """
    wanted = np.sqrt(np.maximum(2.0 - 2.0 * centres @ centres.T, 0.0))
    places = principal(centres.astype(np.float32)).astype(np.float64)
    count = len(places)
    for _ in range(ROUNDS):
        away = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
        ratio = np.divide(wanted, away, out=np.zeros_like(away), where=away > 1e-12)
        move = -ratio
        move[np.diag_indices(count)] = ratio.sum(axis=1)
        places = move @ places / count
    return places.astype(np.float32)


def principal(rows: Rows) -> Places:
    """Project rows on their two main directions: float32 (n, 2).

    Examples
    --------
    >>> np.abs(principal(np.array([[1, 0], [-1, 0]], dtype=np.float32))).tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    n, dim = rows.shape
    mean = rows.mean(axis=0, dtype=np.float64)
    moments = np.zeros((dim, dim))
    for first in range(0, n, BLOCK):
        block = rows[first : first + BLOCK] - mean
        moments += block.T @ block
    _, directions = np.linalg.eigh(moments)
    main = directions[:, ::-1][:, :2]
    if main.shape[1] < 2:
        main = np.hstack([main, np.zeros((dim, 2 - main.shape[1]))])
    main = main * np.where(main[np.abs(main).argmax(axis=0), np.arange(2)] < 0.0, -1.0, 1.0)
    return np.asarray((rows - mean) @ main, dtype=np.float32)
