"""A tree of nested dense clusters: DBSCAN at every radius at once, exactly.

For core points, DBSCAN at radius eps gives the connected components of the graph that joins points
whose mutual reachability distance ``max(core(a), core(b), |a - b|)`` is at most eps. So the layers
of all radii lie in one minimum spanning tree; no first radius and no step has to be chosen, and no
merge is missed.

Paper: Haschka & Bakarji, Semantic Tree Inference on Text Corpora using a Nested Density Approach,
2025, arXiv 2512.23471. It steps the radius upwards and runs DBSCAN each time; the tree here has
every layer that any step would meet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isogloss._core.errors import ParameterError
from isogloss._core.estimator import Estimator
from isogloss.topics.reachability import (
    core_distances,
    dendrogram,
    principal_components,
    spanning_tree,
)

__all__ = ["DensityNode", "DensityTree"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(slots=True)
class DensityNode:
    """A cluster over the range of radii in which it neither splits nor merges.

    Parameters
    ----------
    id : int
        Parents have smaller ids than their children; the root is 0.
    parent : int
        -1 for the root.
    size : int
        Points in it at its largest, those of its children included.
    low : float
        Radius below which it splits into its children, or falls apart.
    high : float
        Radius at which it merges into its parent; infinite for the root.
    children : list of int
    points : list of int
        Points that belong to it and to none of its children, in order.

    Examples
    --------
    >>> DensityNode(0, -1, 3, 0.5, float("inf")).children
    []
    """

    id: int
    parent: int
    size: int
    low: float
    high: float
    children: list[int] = field(default_factory=list)
    points: list[int] = field(default_factory=list)


class DensityTree(Estimator):
    """The nested density clusters of vectors, as a tree.

    Leaves are tight clusters, inner nodes what they grow together to, the root holds all. Every
    point belongs to the node in which it is absorbed when the radius grows: nothing is noise.

    Parameters
    ----------
    components : int or None, default 10
        Main directions to which vectors are reduced first (the paper takes 2 to 10); None for none.
    min_points : int, default 5
        Points, the point itself included, that make a point a core point.
    min_cluster_size : int, default 10
        Smaller clusters are no nodes: their points are absorbed by the node around them.
    max_points : int, default 50,000
        More are refused, since time grows with their square.

    Attributes
    ----------
    nodes_ : list of DensityNode
        Parents before children.
    labels_ : int64 (n,)
        Node of each point.
    core_distances_ : float64 (n,)
    merges_ : int64 (n - 1, 2), heights_ : float64 (n - 1,)
        The whole dendrogram: row i joins two clusters, points being 0 to n - 1 and the cluster of
        row j being n + j, at radius ``heights_[i]``.

    Notes
    -----
    Time O(n^2 c), memory O(n c).

    Paper
    -----
    Haschka & Bakarji 2025 (arXiv 2512.23471). The tree is condensed as in Campello, Moulavi &
    Sander 2013.

    Related
    -------
    `isogloss.topics.TopicModel` follows labels far better; this one is a map of densities.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> blobs = np.concatenate([rng.normal(c, 0.1, size=(30, 2)) for c in (0, 3, 20)])
    >>> tree = DensityTree(components=None).fit(blobs)
    >>> sorted(node.size for node in tree.nodes_ if not node.children), len(tree.nodes_)
    ([30, 30, 30], 5)
    """

    def __init__(
        self,
        *,
        components: int | None = 10,
        min_points: int = 5,
        min_cluster_size: int = 10,
        max_points: int = 50_000,
    ) -> None:
        self.components = components
        self.min_points = min_points
        self.min_cluster_size = min_cluster_size
        self.max_points = max_points

    def fit(self, vectors: NDArray[Any]) -> "DensityTree":
        """Find the tree.

        Parameters
        ----------
        vectors : float (n, d)

        Returns
        -------
        DensityTree
            Itself.

        Raises
        ------
        ParameterError
            For parameters out of range, vectors that are not finite rows, or too many of them.
        """
        self._check(vectors)
        points = np.asarray(vectors, dtype=np.float64)
        if self.components is not None and len(points):
            points = principal_components(points, self.components)
        self.core_distances_ = core_distances(points, self.min_points)
        edges, weights = spanning_tree(points, self.core_distances_)
        self.merges_, self.heights_ = dendrogram(len(points), edges), weights
        self.nodes_ = _condense(len(points), self.merges_, weights, self.min_cluster_size)
        self.labels_ = np.zeros(len(points), dtype=np.int64)
        for node in self.nodes_:
            self.labels_[node.points] = node.id
        return self

    def _check(self, vectors: NDArray[Any]) -> None:
        least = {"min_points": 1, "min_cluster_size": 2, "components": 1}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise ParameterError(f"{name} is {value}; it must be at least {low}")
        shape = np.shape(vectors)
        if len(shape) != 2 or not np.isfinite(vectors).all():
            raise ParameterError(f"vectors of shape {shape}: give rows of finite numbers")
        if shape[0] > self.max_points:
            raise ParameterError(
                f"{shape[0]:,} points, and time grows with their square: give a sample, or raise "
                f"max_points (now {self.max_points:,})"
            )

    def cut(self, radius: float) -> Ints:
        """Give the clusters of core points that DBSCAN finds at a radius.

        Parameters
        ----------
        radius : float
            0 or more.

        Returns
        -------
        int64 (n,)
            Cluster numbers from 0 in order of their first points; -1 for what is no core point.

        Raises
        ------
        NotFitted
            Before `fit`.
        """
        self._need_fit("nodes_")
        n = len(self.core_distances_)
        parents = np.arange(n + int(np.searchsorted(self.heights_, radius, side="right")))
        for row in range(len(parents) - n - 1, -1, -1):
            parents[self.merges_[row]] = parents[n + row]
        # Parents are set from the root down, so each already names its whole cluster.
        roots = parents[:n]
        labels = np.full(n, -1, dtype=np.int64)
        core = np.flatnonzero(self.core_distances_ <= radius)
        _, first, number = np.unique(roots[core], return_index=True, return_inverse=True)
        labels[core] = np.argsort(np.argsort(first))[number]
        return labels

    def newick(self) -> str:
        """Give the tree in the Newick format: names are node ids, lengths are radii grown through.

        Raises
        ------
        NotFitted
            Before `fit`.
        """
        self._need_fit("nodes_")
        texts: dict[int, str] = {}
        for node in reversed(self.nodes_):
            inside = ",".join(texts.pop(child) for child in node.children)
            length = f":{node.high - node.low:.6g}" if np.isfinite(node.high) else ""
            texts[node.id] = (f"({inside})" if inside else "") + f"n{node.id}{length}"
        return (texts.get(0) or "") + ";"


def _condense(n: int, merges: Ints, heights: Floats, smallest: int) -> list[DensityNode]:
    """Keep the splits in which at least two sides are large enough.

    Merges at one radius are one split: which of equal edges came first says nothing.
    """
    sizes = np.ones(n + len(merges), dtype=np.int64)
    for row, pair in enumerate(merges):
        sizes[n + row] = sizes[pair].sum()
    if n == 0:
        return []
    nodes = [DensityNode(0, -1, n, 0.0, float("inf"))]
    open_ = [(0, len(sizes) - 1)]
    while open_:
        name, cluster = open_.pop()
        node = nodes[name]
        while True:
            if cluster < n:
                node.points.append(cluster)
                break
            radius = float(heights[cluster - n])
            parts = list(_parts(cluster, n, merges, heights))
            large = [part for part in parts if sizes[part] >= smallest]
            for part in parts:
                if sizes[part] < smallest:
                    node.points += _members(part, n, merges)
            node.low = radius
            if len(large) == 1:
                cluster = large[0]
                continue
            for part in large:
                child = DensityNode(len(nodes), name, int(sizes[part]), 0.0, radius)
                nodes.append(child)
                node.children.append(child.id)
                open_.append((child.id, part))
            break
        node.points.sort()
    return nodes


def _parts(cluster: int, n: int, merges: Ints, heights: Floats) -> Iterator[int]:
    """Give the clusters that merge into one at its radius."""
    radius = heights[cluster - n]
    stack = [cluster]
    while stack:
        one = stack.pop()
        if one == cluster or (one >= n and heights[one - n] == radius):
            stack += merges[one - n].tolist()[::-1]
        else:
            yield one


def _members(cluster: int, n: int, merges: Ints) -> list[int]:
    stack, found = [cluster], []
    while stack:
        one = stack.pop()
        if one < n:
            found.append(one)
        else:
            stack += merges[one - n].tolist()
    return found
