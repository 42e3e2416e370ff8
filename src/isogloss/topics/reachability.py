"""Mutual reachability distances, their minimum spanning tree, and the dendrogram it holds.

The mutual reachability distance of two points is ``max(core(a), core(b), |a - b|)``, where core is
the radius within which a point has `min_points` points, itself included. Its spanning tree is found
in memory linear in the points.

Paper: Campello, Moulavi & Sander, Density-based clustering based on hierarchical density estimates,
2013.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.threads import map_blocks, single_threaded_blas

__all__ = ["core_distances", "dendrogram", "principal_components", "spanning_tree"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_BLOCK = 2_000_000  # distances held at once by a thread: 16 MB


def principal_components(vectors: NDArray[Any], components: int) -> Floats:
    """Project vectors on their main directions.

    Parameters
    ----------
    vectors : float (n, d)
    components : int
        Directions wanted; d or more gives the centred vectors turned.

    Returns
    -------
    float64 (n, c)
        Each direction with its largest entry positive.

    Examples
    --------
    >>> principal_components(np.array([[0.0, 0.0], [2.0, 0.0]]), 1).ravel().tolist()
    [-1.0, 1.0]
    """
    rows = np.asarray(vectors, dtype=np.float64)
    centred = rows - rows.mean(axis=0)
    with single_threaded_blas():
        _, directions = np.linalg.eigh(centred.T @ centred)
        kept = directions[:, ::-1][:, :components]
        largest = kept[np.abs(kept).argmax(axis=0), np.arange(kept.shape[1])]
        return np.ascontiguousarray(centred @ (kept * np.where(largest < 0, -1.0, 1.0)))


def core_distances(points: Floats, min_points: int) -> Floats:
    """Give the radius at which each point becomes a core point.

    Parameters
    ----------
    points : float64 (n, d)
    min_points : int
        Points within the radius, the point itself included, as in DBSCAN.

    Returns
    -------
    float64 (n,)
        Infinite where there are fewer points.

    Notes
    -----
    Time O(n^2 d), memory O(n) and one block a thread.

    Examples
    --------
    >>> core_distances(np.array([[0.0], [1.0], [3.0]]), 2).tolist()
    [1.0, 1.0, 2.0]
    """
    n = len(points)
    if n < min_points:
        return np.full(n, np.inf)
    core = np.empty(n)
    size = max(1, _BLOCK // max(1, n))

    def search(first: int) -> None:
        block = points[first : first + size]
        squares = np.zeros((len(block), n))
        for column in range(points.shape[1]):  # in order, so that |a - b| is |b - a| to the bit
            squares += (block[:, column, None] - points[None, :, column]) ** 2
        near = np.partition(squares, min_points - 1, axis=1)[:, min_points - 1]
        core[first : first + size] = np.sqrt(near)

    map_blocks(search, range(0, n, size))
    return core


def spanning_tree(points: Floats, core: Floats) -> tuple[Ints, Floats]:
    """Find a minimum spanning tree of the mutual reachability graph.

    Prim's algorithm: no edge is kept but the tree's.

    Parameters
    ----------
    points : float64 (n, d)
    core : float64 (n,)
        From `core_distances`.

    Returns
    -------
    edges : int64 (n - 1, 2)
        In rising order of weight.
    weights : float64 (n - 1,)
        Mutual reachability distances.

    Notes
    -----
    Time O(n^2 d), memory O(n d).

    Examples
    --------
    >>> points = np.array([[0.0], [5.0], [1.0]])
    >>> edges, weights = spanning_tree(points, np.zeros(3))
    >>> edges.tolist(), weights.tolist()
    ([[0, 2], [2, 1]], [1.0, 4.0])
    """
    n = len(points)
    if n < 2:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    columns = np.ascontiguousarray(points.T)
    names = np.arange(n)
    radii = core.copy()
    best = np.full(n, np.inf)
    source = np.zeros(n, dtype=np.int64)
    edges = np.empty((n - 1, 2), dtype=np.int64)
    weights = np.empty(n - 1)
    taken, left = 0, n
    for step in range(n - 1):
        last, point, radius = names[taken], columns[:, taken].copy(), radii[taken]
        # The point that was taken gives its place to the last one left.
        left -= 1
        for array in (names, radii, best, source):
            array[taken] = array[left]
        columns[:, taken] = columns[:, left]
        squares = np.zeros(left)
        for column in range(len(columns)):
            squares += (columns[column, :left] - point[column]) ** 2
        reach = np.maximum(np.sqrt(squares), np.maximum(radii[:left], radius))
        closer = reach < best[:left]
        best[:left][closer] = reach[closer]
        source[:left][closer] = last
        taken = int(best[:left].argmin())
        edges[step] = source[taken], names[taken]
        weights[step] = best[taken]
    order = np.argsort(weights, kind="stable")
    return edges[order], weights[order]


def dendrogram(n: int, edges: Ints) -> Ints:
    """Turn the edges of a spanning tree, in rising order, into merges of clusters.

    Parameters
    ----------
    n : int
        Points.
    edges : int64 (n - 1, 2)

    Returns
    -------
    int64 (n - 1, 2)
        Points are 0 to n - 1, and the cluster that row j makes is n + j, as in scipy.

    Examples
    --------
    >>> dendrogram(3, np.array([[0, 2], [2, 1]])).tolist()
    [[0, 2], [1, 3]]
    """
    top = np.arange(n, dtype=np.int64)  # union-find over points
    cluster = np.arange(n, dtype=np.int64)  # cluster that a root stands for
    merges = np.empty((len(edges), 2), dtype=np.int64)
    for row, (a, b) in enumerate(edges.tolist()):
        one, other = _find(top, a), _find(top, b)
        merges[row] = sorted((cluster[one], cluster[other]))
        top[other] = one
        cluster[one] = n + row
    return merges


def _find(top: Ints, point: int) -> int:
    while top[point] != point:
        top[point] = top[top[point]]
        point = int(top[point])
    return point
