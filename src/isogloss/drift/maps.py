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
PENALTIES = (1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
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
    """Fit any linear map and shift, by least squares drawn towards a plainer map.

    Towards nothing, the rotation, or (equal dimensions) no change at all, and how strongly, is what
    does best on every fifth row when the others are fitted.

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
    errors = {}
    for name in _goals(new[~test], old[~test]):
        solve = _ridge(new[~test], old[~test], name)
        for penalty in PENALTIES:
            rest = solve(penalty)(new[test]) - old[test]
            errors[name, penalty] = float((rest**2).sum())
    name, penalty = min(errors, key=errors.__getitem__)
    return _ridge(new, old, name)(penalty)


def _goals(new: Floats, old: Floats) -> dict[str, Floats]:
    """Give the matrices that a linear map may be drawn towards."""
    d, e = new.shape[1], old.shape[1]
    turn = procrustes_map(new, old).matrix
    goals = {"nothing": np.zeros((d, e)), "rotation": np.zeros((d, e)) if turn is None else turn}
    if d == e:
        goals["no change"] = np.eye(d)
    return goals


def _ridge(new: Floats, old: Floats, goal: str) -> Callable[[float], Map]:
    """Decompose once; give the solution for any penalty."""
    towards = _goals(new, old)[goal]
    centre, mean = new.mean(axis=0), old.mean(axis=0)
    x = new - centre
    with single_threaded_blas():
        y = old - mean - x @ towards
        values, vectors = np.linalg.eigh(x.T @ x)
        crossed = vectors.T @ (x.T @ y)
    level = max(float(values.mean()), 1e-12)

    def solution(penalty: float) -> Map:
        with single_threaded_blas():
            weights = crossed / (np.maximum(values, 0) + penalty * level)[:, None]
            matrix = towards + vectors @ weights
            return Map(matrix, mean - centre @ matrix)

    return solution


MAPS: dict[str, Callable[[Floats, Floats], Map]] = {
    "mean": mean_map,
    "procrustes": procrustes_map,
    "affine": affine_map,
}
"""By name, from the plainest to the freest."""
