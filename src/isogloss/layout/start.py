"""Where a layout begins: the coarse order that it keeps."""

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import single_threaded_blas
from isogloss.layout.frame import disc

Rows = NDArray[np.float32]
Places = NDArray[np.float32]

# Extent of the first places, in units of the layout.
EXTENT = 0.01
BLOCK = 8192


def first_places(rows: Rows, topics: NDArray[np.int32] | None, *, seed: int) -> Places:
    """Give first places by the two main directions of the rows.

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
        found = principal(rows)
    found *= np.float32(EXTENT) / max(float(found.std()), 1e-12)
    return found + np.float32(EXTENT * 0.01) * disc(np.arange(len(rows)), seed)


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
