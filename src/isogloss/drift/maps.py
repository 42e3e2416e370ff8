"""The maps: from vectors of one encoder to those of another for the same texts.

Each is ``y = x W + c``; the mean shift leaves W out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import single_threaded_blas

Floats = NDArray[np.float64]

# Ridge penalties that are tried, as shares of the mean variance of a direction.
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
# Rows that are set aside to choose among them: one in so many.
PENALTY_FOLDS = 5


class Map(NamedTuple):
    """An affine map.

    Parameters
    ----------
    matrix : float64 (d, e) or None
        None leaves vectors as they are, d = e.
    shift : float64 (e,)
        Added after.
    """

    matrix: Floats | None
    shift: Floats

    def __call__(self, rows: NDArray[Any]) -> Floats:
        """Map rows: float64 (n, e), not scaled to length 1.

        Examples
        --------
        >>> Map(None, np.array([1.0, 0.0]))(np.array([[0.0, 2.0]])).tolist()
        [[1.0, 2.0]]
        """
        x = np.asarray(rows, dtype=np.float64)
        if self.matrix is None:
            return x + self.shift
        with single_threaded_blas():
            return np.asarray(x @ self.matrix + self.shift)


def mean_map(new: Floats, old: Floats) -> Map:
    """Take the mean drift off: ``c = -mean(new - old)``.

    Parameters
    ----------
    new, old : float64 (n, d)
        The same texts by both encoders.

    Returns
    -------
    Map

    Paper
    -----
    Query Drift Compensation: the drift of a task is the mean over its training queries.

    Examples
    --------
    >>> mean_map(np.array([[1.0, 2.0]]), np.array([[0.0, 2.0]])).shift.tolist()
    [-1.0, 0.0]
    """
    return Map(None, (old - new).mean(axis=0))


def procrustes_map(new: Floats, old: Floats) -> Map:
    """Turn vectors about their mean: the rotation that brings them nearest to the old ones.

    Parameters
    ----------
    new : float64 (n, d)
    old : float64 (n, e)
        Where d and e differ, the matrix has orthonormal rows (d < e) or columns (d > e).

    Returns
    -------
    Map

    Paper
    -----
    P. Schönemann, A generalized solution of the orthogonal Procrustes problem, 1966.

    Examples
    --------
    >>> old = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    >>> turned = old @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> np.allclose(procrustes_map(turned, old)(turned), old)
    True
    """
    centre, goal = new.mean(axis=0), old.mean(axis=0)
    with single_threaded_blas():
        left, _, right = np.linalg.svd((new - centre).T @ (old - goal), full_matrices=False)
        turn = left @ right
        return Map(turn, goal - centre @ turn)


def affine_map(new: Floats, old: Floats) -> Map:
    """Fit any linear map and shift, by least squares with a ridge penalty.

    The penalty is the one that does best on every fifth row when the others are fitted.

    Parameters
    ----------
    new : float64 (n, d)
    old : float64 (n, e)

    Returns
    -------
    Map

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> new = rng.normal(size=(200, 3))
    >>> old = new @ rng.normal(size=(3, 2)) + 1.0
    >>> bool(np.abs(affine_map(new, old)(new) - old).max() < 0.01)
    True
    """
    test = np.arange(len(new)) % PENALTY_FOLDS == PENALTY_FOLDS - 1
    solve = _ridge(new[~test], old[~test])
    errors = [float(((solve(penalty)(new[test]) - old[test]) ** 2).sum()) for penalty in PENALTIES]
    return _ridge(new, old)(PENALTIES[int(np.argmin(errors))])


def _ridge(new: Floats, old: Floats) -> Callable[[float], Map]:
    """Decompose once; give the solution for any penalty."""
    centre, goal = new.mean(axis=0), old.mean(axis=0)
    x, y = new - centre, old - goal
    with single_threaded_blas():
        values, vectors = np.linalg.eigh(x.T @ x)
        crossed = vectors.T @ (x.T @ y)
    level = max(float(values.mean()), 1e-12)

    def solution(penalty: float) -> Map:
        with single_threaded_blas():
            matrix = vectors @ (crossed / (np.maximum(values, 0) + penalty * level)[:, None])
            return Map(matrix, goal - centre @ matrix)

    return solution


MAPS: dict[str, Callable[[Floats, Floats], Map]] = {
    "mean": mean_map,
    "procrustes": procrustes_map,
    "affine": affine_map,
}
"""By name, from the plainest to the freest."""
