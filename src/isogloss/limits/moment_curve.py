"""Vectors that hold sparse judgements in few dimensions, written down instead of optimised.

Documents stand on the trigonometric moment curve, at equal steps of the angle t: the unit vectors
(cos t, sin t, cos 2t, sin 2t, ..., cos rt, sin rt) / sqrt(r). A dot product with a query is then a
trigonometric polynomial of degree r without its constant, and such a polynomial can be above a
threshold on any r arcs of the circle and below it elsewhere: it has its 2r roots at their ends.
So 2r dimensions order all queries whose relevant documents form at most r runs on the circle;
k documents never form more than k. The curve's points are the vertices of a cyclic polytope.

The order is right in exact arithmetic, but the gap between relevant and other documents shrinks
fast as documents or runs grow: this shows what dimension alone forbids, not what can be learned
or stored.

Sources: Carathéodory (1911) and Gale, Neighborly and cyclic polytopes (1963), for the curve; Alon,
Frankl, Rödl, Geometrical realization of set systems and probabilistic communication complexity
(1985), for sign changes as a bound of the sign-rank.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss.limits.judgements import relevance

if TYPE_CHECKING:
    import scipy.sparse as sp

__all__ = ["MomentVectors", "circle_order", "moment_vectors", "runs_on_circle"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MomentVectors:
    """Vectors on the moment curve.

    Parameters
    ----------
    queries : float64 (m, 2r)
        Unit rows.
    documents : float64 (n, 2r)
        Unit rows.
    gaps : float64 (m,)
        Lowest score of a relevant document less the highest of another, as computed; above 0
        where the order is right in float64, inf where every document is relevant.
    """

    queries: Floats
    documents: Floats
    gaps: Floats


def circle_order(judged: Any) -> Ints:
    """Order documents on a circle so that those of a query stand together, as far as is easy.

    The order given is compared with a greedy one, in which each document is followed by that which
    shares most queries with it; the one with fewer runs in its worst query is taken. The least
    number of runs is hard to find; any order gives a valid bound.

    Parameters
    ----------
    judged : Judgements, array (m, n), sparse matrix (m, n)

    Returns
    -------
    int64 (n,)
        Documents in the order of the circle.

    Examples
    --------
    Each of two queries finds its documents side by side.

    >>> order = circle_order([[1, 0, 1, 0], [0, 1, 0, 1]])
    >>> runs_on_circle([[1, 0, 1, 0], [0, 1, 0, 1]], order).tolist()
    [1, 1]
    """
    matrix = relevance(judged)
    given = np.arange(matrix.shape[1], dtype=np.int64)
    greedy = _greedy(matrix)

    def worst(order: Ints) -> tuple[int, int]:
        runs = runs_on_circle(matrix, order)
        return int(runs.max()), int(runs.sum())

    return greedy if worst(greedy) < worst(given) else given


def _greedy(matrix: "sp.csr_matrix") -> Ints:
    columns = matrix.tocsc()
    count = matrix.shape[1]
    left = np.ones(count, dtype=bool)
    order = np.empty(count, dtype=np.int64)
    shared = np.zeros(count)
    now, lowest = 0, 0
    for place in range(count):
        order[place] = now
        left[now] = False
        near: list[int] = []
        for row in columns.indices[columns.indptr[now] : columns.indptr[now + 1]]:
            others = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
            open_ones = others[left[others]]
            if open_ones.size:
                shared[open_ones] += 1 / open_ones.size
                near += open_ones.tolist()
        if near:
            now = max(sorted(set(near)), key=lambda one: shared[one])
            shared[near] = 0
            continue
        while lowest < count and not left[lowest]:
            lowest += 1
        now = lowest
    return order


def runs_on_circle(judged: Any, order: Ints) -> Ints:
    """Count the runs that each query's relevant documents form on a circle of documents.

    Parameters
    ----------
    judged : Judgements, array (m, n), sparse matrix (m, n)
    order : int64 (n,)
        Documents in the order of the circle.

    Returns
    -------
    int64 (m,)
        0 where all documents are relevant.

    Examples
    --------
    >>> runs_on_circle([[1, 0, 0, 1], [1, 0, 1, 0], [1, 1, 1, 1]], np.arange(4)).tolist()
    [1, 2, 0]
    """
    matrix = relevance(judged)
    count = matrix.shape[1]
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    keys = np.sort(rows * count + place[matrix.indices])
    here = keys % count
    before = np.where(here == 0, keys + count - 1, keys - 1)
    begins = ~np.isin(before, keys, assume_unique=False)
    found: Ints = np.bincount(keys[begins] // count, minlength=matrix.shape[0])
    return found


def moment_vectors(judged: Any, *, order: Ints | None = None) -> MomentVectors:
    """Write down vectors that rank all relevant documents of every query above all others.

    Parameters
    ----------
    judged : Judgements, array (m, n), sparse matrix (m, n)
    order : int64 (n,), optional
        Documents in the order of the circle; by default that of `circle_order`.

    Returns
    -------
    MomentVectors
        Of 2 r dimensions, r being the most runs of a query.

    Raises
    ------
    ParameterError
        For an order that is no permutation.

    Notes
    -----
    Time and memory O((m + n) r). The gaps are computed in float64; a gap of 0 or less there means
    that float64 cannot show the order, which holds all the same.

    Examples
    --------
    All 1,035 pairs of 46 documents, in four dimensions.

    >>> from isogloss.limits.critical import all_subsets
    >>> vectors = moment_vectors(all_subsets(46, 2))
    >>> vectors.documents.shape, bool((vectors.gaps > 0).all())
    ((46, 4), True)
    """
    matrix = relevance(judged)
    rows, count = matrix.shape
    if order is None:
        order = circle_order(matrix)
    elif sorted(np.asarray(order).tolist()) != list(range(count)):
        raise ParameterError(f"order is no permutation of the {count} documents")
    degree = max(1, int(runs_on_circle(matrix, order).max()))
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    step = 2 * np.pi / count
    waves = np.arange(1, degree + 1)
    angles = np.outer(place * step, waves)
    documents = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(count, 2 * degree)
    documents /= np.sqrt(degree)
    queries = np.zeros((rows, 2 * degree))
    gaps = np.full(rows, np.inf)
    for row in range(rows):
        own = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
        queries[row] = _polynomial(np.sort(place[own]), count, degree)
        scores = documents @ queries[row]
        mine = np.zeros(count, dtype=bool)
        mine[own] = True
        if not mine.all():
            gaps[row] = scores[mine].min() - scores[~mine].max()
    return MomentVectors(queries, documents, gaps)


def _polynomial(places: Ints, count: int, degree: int) -> Floats:
    """Give unit coefficients of a polynomial that is highest on some places of the circle."""
    inside = np.zeros(count, dtype=bool)
    inside[places] = True
    # Roots halfway between a place inside and a neighbour outside.
    changes = np.flatnonzero(inside != np.roll(inside, -1))
    found = np.zeros(2 * degree)
    if not changes.size:
        found[0] = 1.0
        return found
    roots = (changes + 0.5) * (2 * np.pi / count)
    runs = len(roots) // 2
    # prod sin((t - a) / 2) = z^-r prod (z - e^ia) e^(-ia/2) / 2i with z = e^it
    powers = np.poly(np.exp(1j * roots)) * np.prod(np.exp(-0.5j * roots) / 2j)
    waves = powers[runs - 1 :: -1] if runs else powers[:0]  # of z^1 ... z^r
    found[0 : 2 * runs : 2] = 2 * waves.real
    found[1 : 2 * runs : 2] = -2 * waves.imag
    # The constant is powers[runs]; the whole is positive either inside or outside.
    first = 2 * np.pi / count * places[0]
    whole = powers[runs].real + sum(
        found[2 * w - 2] * np.cos(w * first) + found[2 * w - 1] * np.sin(w * first)
        for w in range(1, runs + 1)
    )
    found *= np.sign(whole) or 1.0
    return np.asarray(found / np.linalg.norm(found))
