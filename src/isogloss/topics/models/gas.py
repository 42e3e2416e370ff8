"""A growing neural gas over unit rows, in batches: few units first, more where rows lie far off.

Each pass gives every row its winner and runner-up. Winner and runner-up are joined by an edge; a
unit moves to the mean of its rows and, by less as the passes go on, of its neighbours' rows. When
the units have settled, one is added in the unit of greatest error, at one of its own rows.

Papers: Fritzke, A growing neural gas network learns topologies, 1995; Prudent & Ennaji, An
incremental growing neural gas learns topologies, 2005 (a unit born at a row); Cottrell, Hammer,
Hasenfuss & Villmann, Batch and median neural gas, 2006 (passes instead of single steps).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.threads import map_blocks, single_threaded_blas

__all__ = ["grow_gas", "nearest_unit", "scores_of"]

Floats = NDArray[np.float64]
Stress = Callable[[NDArray[np.int64], int], Any]
BLOCK = 1024
PASSES = 3  # between two births
LAST_PASSES = 20
CANDIDATES = 200  # rows tried as a new unit: the more, the less depends on the draw
PULL = 0.1  # of a neighbour's rows, right after a birth


def scores_of(rows: Any, units: Floats) -> Floats:
    """Give the dot product of each row with each unit, float64 (n, u), in fixed blocks.

    Examples
    --------
    >>> scores_of(np.eye(2), np.array([[0.6, 0.8]])).tolist()
    [[0.6], [0.8]]
    """
    n = rows.shape[0]
    columns = np.ascontiguousarray(units.T)
    found = np.empty((n, len(units)))

    def score(first: int) -> None:
        found[first : first + BLOCK] = _part(rows, first) @ columns

    map_blocks(score, range(0, n, BLOCK))
    return found


def nearest_unit(scores: Floats) -> NDArray[np.int64]:
    """Give the unit of largest score, the first of equals up to rounding.

    Examples
    --------
    >>> nearest_unit(np.array([[0.1, 0.5, 0.5]])).tolist()
    [1]
    """
    return np.asarray(np.argmax(np.round(scores, 9), axis=1), dtype=np.int64)


def grow_gas(
    rows: Any, units: int, *, seed: int = 0, least: int = 1, stress: Stress | None = None
) -> tuple[Floats, Any]:
    """Grow a gas to a number of units.

    Parameters
    ----------
    rows : float array or CSR (n, d)
        Unit rows, none of zeros.
    units : int
        Units wanted, at most n.
    seed : int, default 0
        Of the draw of rows at which units are born.
    least : int, default 1
        A unit that wins fewer rows is taken away and born again elsewhere, a few times.
    stress : callable, optional
        Given the winner of each row and the number of units, tells how much each column counts in
        each unit, CSR (u, d) of 0 or more: a unit is then the mean of its rows times this.

    Returns
    -------
    float64 (u, d), float64 CSR (u, u)
        Unit vectors, and how many rows stand behind each edge. Fewer units come where the rows are
        too few or too equal.

    Notes
    -----
    Time O(units^2 nnz) for all passes, memory O(n units + units d) besides the rows.

    Examples
    --------
    >>> rows = np.repeat(np.eye(3), 4, axis=0)
    >>> grow_gas(rows, 3)[0].sum(axis=0).tolist()
    [1.0, 1.0, 1.0]
    """
    rng = np.random.default_rng(seed)
    found = _unit(_sums(rows, np.zeros(rows.shape[0], np.int64), 1))
    retries, scores = 2 * units, scores_of(rows, found)
    while True:
        if len(found) >= units:
            found, scores = _settle(rows, found, passes=LAST_PASSES, pull=0.0, stress=stress)
        winner = nearest_unit(scores)
        sizes = np.bincount(winner, minlength=len(found))
        weak = np.flatnonzero(sizes < least)
        if len(weak) and retries > 0 and len(found) > 1:
            retries -= 1
            gone = weak[np.argmin(sizes[weak])]
            found, scores = np.delete(found, gone, axis=0), np.delete(scores, gone, axis=1)
            continue
        if len(found) >= units:
            return found, _edges(scores)
        born = _birth(rows, scores, winner, rng)
        if born is None:
            found, scores = _settle(rows, found, passes=LAST_PASSES, pull=0.0, stress=stress)
            return found, _edges(scores)
        found = np.vstack([found, born])
        found, scores = _settle(rows, found, passes=PASSES, pull=PULL, stress=stress)


def _birth(rows: Any, scores: Floats, winner: Any, rng: np.random.Generator) -> Any:
    """Give the row in the unit of greatest error that takes most error away, or None."""
    error = np.maximum(1.0 - scores[np.arange(len(winner)), winner], 0.0)
    errors = np.bincount(winner, weights=error, minlength=scores.shape[1])
    unit = int(np.argmax(np.round(errors, 9)))
    members = np.flatnonzero(winner == unit)
    chance = np.round(error[members], 9)
    if not chance.sum() > 0:
        return None
    tries = min(CANDIDATES, int((chance > 0).sum()))
    places = rng.choice(members, size=tries, replace=False, p=chance / chance.sum())
    candidates = rows[places]
    if sp.issparse(candidates):
        candidates = candidates.toarray()
    candidates = np.asarray(candidates, dtype=np.float64)
    columns = np.ascontiguousarray(candidates.T)
    near = 1.0 - error[members]
    gains = np.zeros(tries)
    with single_threaded_blas():
        for first in range(0, len(members), BLOCK):
            likeness = _part(rows[members[first : first + BLOCK]], 0) @ columns
            gains += np.maximum(likeness - near[first : first + BLOCK, None], 0.0).sum(axis=0)
    return candidates[int(np.argmax(np.round(gains, 9)))]


def _settle(
    rows: Any, units: Floats, *, passes: int, pull: float, stress: Stress | None
) -> tuple[Floats, Floats]:
    """Move units to the means of their rows, at first a little to those of their neighbours."""
    scores = scores_of(rows, units)
    before = None
    for step in range(passes):
        winner = nearest_unit(scores)
        if before is not None and np.array_equal(winner, before):
            break
        before = winner
        sums = _sums(rows, winner, len(units))
        share = pull * (1.0 - step / passes)
        if share > 0 and len(units) > 1:
            edges = _edges(scores)
            edges.data = np.minimum(edges.data / np.maximum(edges.data.max(initial=1), 1), 1.0)
            sums = sums + share * (edges @ sums)
        if stress is not None:
            sums = stress(winner, len(units)).multiply(sums).toarray()
        moved = _unit(sums)
        empty = ~moved.any(axis=1)
        moved[empty] = units[empty]
        units = moved
        scores = scores_of(rows, units)
    return units, scores


def _edges(scores: Floats) -> Any:
    """Count the rows of which two units are winner and runner-up, float64 CSR (u, u)."""
    u = scores.shape[1]
    if u < 2:
        return sp.csr_matrix((u, u))
    first = nearest_unit(scores)
    rest = scores.copy()
    rest[np.arange(len(first)), first] = -np.inf
    second = nearest_unit(rest)
    edges = sp.csr_matrix((np.ones(len(first)), (first, second)), shape=(u, u))
    return (edges + edges.T).tocsr()


def _part(rows: Any, first: int) -> Any:
    """Give a block of rows in double precision."""
    part = rows[first : first + BLOCK]
    return part if sp.issparse(part) else np.asarray(part, dtype=np.float64)


def _sums(rows: Any, winner: NDArray[np.int64], units: int) -> Floats:
    """Sum the rows of each unit, block after block."""
    total = np.zeros((units, rows.shape[1]))
    for first in range(0, rows.shape[0], BLOCK):
        own = winner[first : first + BLOCK]
        members = sp.csr_matrix((np.ones(len(own)), (own, np.arange(len(own)))),
                                shape=(units, len(own)))  # fmt: skip
        total += members @ _part(rows, first)
    return total


def _unit(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0), dtype=np.float64)
