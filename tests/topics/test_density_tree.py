"""The density tree against DBSCAN, a dense spanning tree, and planted clusters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import NotFitted, ParameterError
from isogloss.topics.density import DensityTree
from isogloss.topics.reachability import core_distances, principal_components, spanning_tree


def distances(points):
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))


def slow_layer(points, radius, min_points):
    """DBSCAN's core clusters, by flooding a matrix of distances."""
    near = distances(points) <= radius
    core = near.sum(axis=1) >= min_points
    labels = np.full(len(points), -1)
    count = 0
    for first in range(len(points)):
        if not core[first] or labels[first] >= 0:
            continue
        stack = [first]
        while stack:
            one = stack.pop()
            if labels[one] < 0 and core[one]:
                labels[one] = count
                stack += np.flatnonzero(near[one]).tolist()
        count += 1
    return labels


def slow_tree_weights(points, min_points):
    """Weights of a minimum spanning tree by Kruskal over all pairs."""
    gaps = distances(points)
    core = np.sort(gaps, axis=1)[:, min_points - 1]
    reach = np.maximum(gaps, np.maximum(core[:, None], core[None]))
    top = list(range(len(points)))
    kept = []
    pairs = [(reach[i, j], i, j) for i in range(len(points)) for j in range(i)]
    for weight, i, j in sorted(pairs):
        if top[i] != top[j]:
            old, new = top[i], top[j]
            top = [new if one == old else one for one in top]
            kept.append(weight)
    return kept


def blobs(*centres, size=40, spread=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(centre, spread, size=(size, 2)) for centre in centres])


@pytest.mark.parametrize("min_points", [1, 2, 5])
def test_every_layer_is_that_of_dbscan(min_points):
    points = np.random.default_rng(3).normal(size=(120, 2)) ** 3
    tree = DensityTree(components=None, min_points=min_points).fit(points)
    for radius in [0.0, *np.linspace(0.01, 2, 60), 100.0]:
        expected = slow_layer(points, radius, min_points)
        assert tree.cut(radius).tolist() == expected.tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 6)] * 2), min_size=2, max_size=25), st.integers(1, 4))
def test_layers_of_points_on_a_grid_with_many_ties(rows, min_points):
    points = np.array(rows, dtype=np.float64)
    tree = DensityTree(components=None, min_points=min_points, min_cluster_size=3).fit(points)
    for radius in (0.0, 1.0, 1.5, 2.0, 3.0, 9.0):
        assert tree.cut(radius).tolist() == slow_layer(points, radius, min_points).tolist()
    check_tree(tree, len(points))


def check_tree(tree, n):
    """Laws of every tree: each point stands in one node, sizes add up, radii nest."""
    assert sorted(point for node in tree.nodes_ for point in node.points) == list(range(n))
    for node in tree.nodes_:
        inside = sum(tree.nodes_[child].size for child in node.children)
        assert node.size == inside + len(node.points)
        assert len(node.children) != 1
        assert node.low <= node.high
        assert (node.parent == -1) == (node.id == 0)
        assert all(tree.nodes_[child].parent == node.id for child in node.children)
        assert all(tree.nodes_[child].high == node.low for child in node.children)
        assert (tree.labels_[node.points] == node.id).all()


def test_the_spanning_tree_is_minimal():
    points = np.random.default_rng(5).normal(size=(50, 3))
    _, weights = spanning_tree(points, core_distances(points, 4))
    assert weights.tolist() == pytest.approx(slow_tree_weights(points, 4))


def test_core_distances_in_blocks(monkeypatch):
    points = np.random.default_rng(6).normal(size=(40, 3))
    expected = np.sort(distances(points), axis=1)[:, 3]
    assert core_distances(points, 4) == pytest.approx(expected)
    monkeypatch.setattr("isogloss.topics.reachability._BLOCK", 100)
    assert core_distances(points, 4).tolist() == pytest.approx(expected.tolist())


def test_planted_clusters_nest():
    points = blobs((0, 0), (2, 0), (30, 0), (32, 0))
    tree = DensityTree(components=None).fit(points)
    check_tree(tree, 160)
    root = tree.nodes_[0]
    halves = [tree.nodes_[child] for child in root.children]
    assert sorted(half.size for half in halves) == [80, 80]
    leaves = [tree.nodes_[child] for half in halves for child in half.children]
    assert [leaf.size for leaf in leaves] == [40] * 4
    for leaf in leaves:
        assert len({point // 40 for point in leaf.points}) == 1


def test_the_order_of_rows_changes_names_only():
    points = blobs((0, 0), (2, 0), (30, 0), size=30)
    order = np.random.default_rng(1).permutation(len(points))
    one = DensityTree(components=None).fit(points)
    other = DensityTree(components=None).fit(points[order])
    groups = [
        {frozenset(places[node.points].tolist()) for node in tree.nodes_}
        for tree, places in ((one, np.arange(len(points))), (other, order))
    ]
    assert groups[0] == groups[1]


def test_principal_components_keep_distances():
    points = np.random.default_rng(2).normal(size=(30, 4))
    turned = principal_components(points, 4)
    assert distances(turned) == pytest.approx(distances(points))
    variance = turned.var(axis=0)
    assert (np.diff(variance) <= 1e-12).all()


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_points(n):
    tree = DensityTree().fit(np.eye(4)[:n])
    assert len(tree.labels_) == n
    assert len(tree.nodes_) == min(n, 1)
    assert tree.cut(100.0).tolist() == [-1] * n  # five points are needed for a core
    assert tree.newick() == ("n0;" if n else ";")


def test_equal_points_are_one_cluster():
    tree = DensityTree().fit(np.ones((20, 3)))
    assert [node.size for node in tree.nodes_] == [20]
    assert tree.cut(0.0).tolist() == [0] * 20


def test_newick_has_every_node_once():
    tree = DensityTree(components=None).fit(blobs((0, 0), (2, 0), (30, 0)))
    text = tree.newick()
    assert text.endswith("n0;")
    assert all(text.count(f"n{node.id}:") == 1 for node in tree.nodes_[1:])
    assert text.count("(") == text.count(")") == sum(bool(n.children) for n in tree.nodes_)


def test_mistakes_are_said():
    with pytest.raises(ParameterError, match="min_points is 0"):
        DensityTree(min_points=0).fit(np.ones((3, 2)))
    with pytest.raises(ParameterError, match="raise max_points"):
        DensityTree(max_points=2).fit(np.ones((3, 2)))
    with pytest.raises(ParameterError, match="finite"):
        DensityTree().fit(np.array([[1.0, np.nan]]))
    with pytest.raises(NotFitted, match="call fit"):
        DensityTree().cut(1.0)
