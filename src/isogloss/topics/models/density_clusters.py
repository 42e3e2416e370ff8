"""Dense areas of vectors: reduced, a density tree, and the clusters that last longest in it.

Papers: Campello, Moulavi & Sander 2013 (the tree, excess of mass); Belkin & Niyogi, Laplacian
eigenmaps, 2003 (the reduction).
"""

from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from isogloss._core.checks import one_of
from isogloss._core.errors import ParameterError
from isogloss._core.threads import single_threaded_blas
from isogloss._math.topk import nearest_rows
from isogloss.topics.density import DensityNode, DensityTree
from isogloss.topics.reachability import principal_components

__all__ = ["chosen_nodes", "density_clusters", "leaving_radii", "reduced", "stabilities"]

Reduction = Literal["spectral", "pca"]


def reduced(
    vectors: NDArray[np.float32],
    *,
    how: Reduction | None,
    components: int,
    neighbours: int = 15,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Bring vectors down to a few directions.

    Parameters
    ----------
    vectors : float32 (n, d)
        Unit rows.
    how : {"spectral", "pca"} or None
        Eigenvectors of the graph of nearest neighbours, main directions, or none.
    components : int
    neighbours : int, default 15
        Of the graph.
    seed : int, default 0
        Of the start vector of the eigenvector search.

    Returns
    -------
    float64 (n, c)
    """
    if how is None:
        return np.asarray(vectors, dtype=np.float64)
    if how == "pca":
        return principal_components(vectors, components)
    one_of(how, "reduction", ("spectral", "pca", None))
    return _spectral(vectors, components, neighbours, seed)


def _spectral(
    vectors: NDArray[np.float32], components: int, neighbours: int, seed: int
) -> NDArray[np.float64]:
    from scipy.sparse.linalg import eigsh

    n = len(vectors)
    if n <= components + 1:
        return principal_components(vectors, components)
    columns, scores = nearest_rows(vectors, vectors, min(neighbours, n - 1), same=True)
    distance = np.sqrt(np.maximum(2.0 - 2.0 * scores.astype(np.float64), 0.0))
    # As far as the nearest is full weight; the rest falls with each row's own spread.
    beyond = np.maximum(distance - distance[:, :1], 0.0)
    spread = np.maximum(beyond.mean(axis=1, keepdims=True), 1e-9)
    weight = np.exp(-beyond / spread)
    rows = np.repeat(np.arange(n), columns.shape[1])
    graph = sp.csr_matrix((weight.ravel(), (rows, columns.ravel())), shape=(n, n))
    graph = (graph + graph.T - graph.multiply(graph.T)).tocsr()
    degree = np.asarray(graph.sum(axis=1)).ravel()
    scale = sp.diags(1.0 / np.sqrt(np.maximum(degree, 1e-12)))
    start = np.random.default_rng(seed).uniform(0.5, 1.5, n)
    with single_threaded_blas():
        values, found = eigsh(scale @ graph @ scale, k=components, which="LA", v0=start)
    order = np.argsort(-values, kind="stable")
    found, values = found[:, order], values[order]
    found *= np.sign(found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])])
    found = found / np.sqrt(np.maximum(degree, 1e-12))[:, None]
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(lengths > 0, lengths, 1.0))


def density_clusters(
    points: NDArray[np.float64],
    *,
    min_cluster_size: int,
    min_points: int | None = None,
    method: Literal["eom", "leaf"] = "eom",
    n_clusters: int | None = None,
    max_points: int = 50_000,
) -> NDArray[np.int32]:
    """Give the density cluster of each point, int32 (n,), by falling size; -1 for outliers.

    Parameters
    ----------
    points : float64 (n, c)
    min_cluster_size : int
    min_points : int, optional
        Points, the point itself included, that make a point a core point; `min_cluster_size` by
        default.
    method : {"eom", "leaf"}, default "eom"
        Clusters of largest excess of mass, or the leaves of the tree.
    n_clusters : int, optional
        At least so many are wanted: those that lose least by it are split, and smaller ones are
        allowed, down to 2 points, where that is not enough.
    max_points : int, default 50,000
        More are refused.

    Raises
    ------
    ParameterError
        For a method that is not known, too many points, or when there are too few clusters.

    Examples
    --------
    >>> points = np.concatenate([np.linspace(0, 1, 9), np.linspace(50, 51, 8), [200.0]])[:, None]
    >>> density_clusters(points, min_cluster_size=4, min_points=2).tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, -1]
    """
    one_of(method, "method", ("eom", "leaf"))
    size = min_cluster_size
    while True:
        tree = DensityTree(
            components=None, min_points=min(min_points or size, size), min_cluster_size=size,
            max_points=max_points,
        ).fit(points)  # fmt: skip
        labels = _labels(tree.nodes_, _chosen(tree, method, n_clusters), len(points))
        found = int(labels.max(initial=-1)) + 1
        if n_clusters is None or found >= n_clusters:
            return labels
        if size == 2:
            raise ParameterError(
                f"n_topics is {n_clusters}, the vectors hold {found} dense areas: ask for fewer"
            )
        size = max(2, size * 2 // 3)


def leaving_radii(tree: DensityTree) -> NDArray[np.float64]:
    """Give the radius at which each point leaves the last node that it is in, float64 (n,).

    As the radius shrinks, that is where the part that it is in becomes smaller than
    `min_cluster_size`.

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [2.0], [9.0]])
    >>> tree = DensityTree(components=None, min_points=1, min_cluster_size=3).fit(points)
    >>> leaving_radii(tree).tolist()
    [1.0, 1.0, 1.0, 7.0]
    """
    merges, heights = tree.merges_, tree.heights_
    n, smallest = len(tree.core_distances_), tree.min_cluster_size
    sizes = np.ones(n + len(merges), dtype=np.int64)
    for row, pair in enumerate(merges):
        sizes[n + row] = sizes[pair].sum()
    leaving = np.zeros(n + len(merges))
    for row in range(len(merges) - 1, -1, -1):
        own = leaving[n + row] if sizes[n + row] < smallest else heights[row]
        leaving[merges[row]] = own  # a part that is large enough is given its own radius
    return leaving[:n]


def stabilities(tree: DensityTree) -> NDArray[np.float64]:
    """Give the excess of mass of each node, float64 (nodes,): how long its points stay in it.

    The sum over its points of 1 / (radius at which the point leaves) - 1 / (radius at which the
    node comes to be); 0 for the root.

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [2.0], [9.0], [11.0], [13.0]])
    >>> tree = DensityTree(components=None, min_points=1, min_cluster_size=3).fit(points)
    >>> stabilities(tree).round(4).tolist()  # 3 (1/1 - 1/7) and 3 (1/2 - 1/7)
    [0.0, 2.5714, 1.0714]
    """
    heights = tree.heights_[tree.heights_ > 0]
    # Equal points would be infinitely dense.
    floor = 1e-3 * float(np.median(heights)) if len(heights) else 1.0
    leaving = np.maximum(leaving_radii(tree), floor)
    found = np.zeros(len(tree.nodes_))
    for node in tree.nodes_:
        if node.parent >= 0:
            born, splits = 1.0 / max(node.high, floor), 1.0 / max(node.low, floor)
            below = sum(tree.nodes_[child].size for child in node.children)
            own = (1.0 / leaving[node.points] - born).sum()
            found[node.id] = own + below * (splits - born)
    return found


def chosen_nodes(
    nodes: list[DensityNode], stability: NDArray[np.float64], *, least: int = 0
) -> list[int]:
    """Choose nodes of largest excess of mass, in order of id; none holds another.

    A node is chosen when it is more stable than all that is chosen below it; the root never is.
    Where these are fewer than `least`, those that lose least by it give way to the nodes below
    them.

    Examples
    --------
    >>> nodes = [DensityNode(0, -1, 9, 1.0, float("inf"), children=[1, 2]),
    ...          DensityNode(1, 0, 5, 0.5, 1.0), DensityNode(2, 0, 4, 0.2, 1.0)]
    >>> chosen_nodes(nodes, np.array([0.0, 5.0, 16.0]))
    [1, 2]
    >>> nodes[2].children = [3, 4]
    >>> nodes += [DensityNode(3, 2, 2, 0.1, 0.2), DensityNode(4, 2, 2, 0.1, 0.2)]
    >>> stability = np.array([0.0, 5.0, 16.0, 1.0, 1.0])
    >>> chosen_nodes(nodes, stability), chosen_nodes(nodes, stability, least=3)
    ([1, 2], [1, 3, 4])
    """
    best, whole = stability.copy(), np.ones(len(nodes), dtype=bool)
    for node in reversed(nodes):
        below = sum(best[child] for child in node.children)
        if node.parent < 0 or (node.children and below >= best[node.id]):
            whole[node.id] = False
            best[node.id] = below
    chosen = _below(nodes, whole, [0] if nodes else [])
    while len(chosen) < least:
        held = [name for name in chosen if nodes[name].children]
        if not held:
            break
        # What is left of the stability when the node gives way to those below it.
        left = [
            sum(best[child] for child in nodes[name].children) / max(stability[name], 1e-300)
            for name in held
        ]
        name = held[int(np.argmax(left))]
        chosen.remove(name)
        chosen += _below(nodes, whole, nodes[name].children)
    return sorted(chosen)


def _below(nodes: list[DensityNode], whole: NDArray[np.bool_], start: list[int]) -> list[int]:
    """Give the first nodes marked whole on each way down."""
    found, stack = [], list(start)
    while stack:
        name = stack.pop()
        if whole[name]:
            found.append(name)
        else:
            stack += nodes[name].children
    return found


def _chosen(tree: DensityTree, method: str, wanted: int | None) -> list[int]:
    if method == "leaf":
        return [node.id for node in tree.nodes_ if not node.children and node.parent >= 0]
    return chosen_nodes(tree.nodes_, stabilities(tree), least=wanted or 0)


def _labels(nodes: list[DensityNode], chosen: list[int], n: int) -> NDArray[np.int32]:
    owner = np.full(len(nodes), -1, dtype=np.int64)
    for name in chosen:
        owner[name] = name
    labels = np.full(n, -1, dtype=np.int32)
    for node in nodes:  # parents come first
        if owner[node.id] < 0 and node.parent >= 0:
            owner[node.id] = owner[node.parent]
        labels[node.points] = owner[node.id]
    sizes = {name: int((labels == name).sum()) for name in chosen}
    order = sorted(chosen, key=lambda name: (-sizes[name], name))
    number = np.full(len(nodes) + 1, -1, dtype=np.int32)
    number[order] = np.arange(len(order))
    return number[labels]
