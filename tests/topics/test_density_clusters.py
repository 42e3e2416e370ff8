"""Density clusters: excess of mass against scikit-learn, and the reductions before them."""

import numpy as np
import pytest

from isogloss._core.errors import ParameterError
from isogloss.topics.density import DensityTree
from isogloss.topics.models.density_clusters import (
    chosen_nodes,
    density_clusters,
    leaving_radii,
    reduced,
    stabilities,
)


def scattered(seed, n=300):
    """Blobs of different density, two of them near each other, and noise."""
    rng = np.random.default_rng(seed)
    parts = [
        rng.normal(0, 0.3, (n // 4, 2)),
        rng.normal([2.2, 0], 0.3, (n // 4, 2)),
        rng.normal([10, 10], 1.5, (n // 4, 2)),
        rng.uniform(-10, 20, (n // 4, 2)),
    ]
    return np.concatenate(parts)


@pytest.mark.parametrize("method", ["eom", "leaf"])
@pytest.mark.parametrize("seed", range(6))
def test_equals_scikit_learn(seed, method):
    """With one point a core: with more, distances are tied, which we take as one split."""
    from sklearn.cluster import HDBSCAN

    points = scattered(seed)
    theirs = HDBSCAN(
        min_cluster_size=10, min_samples=1, cluster_selection_method=method, copy=True
    ).fit_predict(points)
    ours = density_clusters(points, min_cluster_size=10, min_points=1, method=method)
    pairs = set(zip(ours.tolist(), theirs.tolist(), strict=True))
    assert len(pairs) == len(set(ours.tolist())) == len(set(theirs.tolist()))
    assert all((a == -1) == (b == -1) for a, b in pairs)


def test_labels_go_by_falling_size():
    labels = density_clusters(scattered(1), min_cluster_size=10)
    sizes = np.bincount(labels[labels >= 0])
    assert sizes.tolist() == sorted(sizes.tolist(), reverse=True)


def test_leaving_radii_are_those_at_which_a_part_becomes_too_small():
    points = scattered(2, n=80)
    tree = DensityTree(components=None, min_points=3, min_cluster_size=6).fit(points)
    found = leaving_radii(tree)
    for point in range(len(points)):
        sizes = {}
        for radius in np.unique(tree.heights_):
            # Single linkage of mutual reachability at a radius: the part of the point.
            part = part_of(point, tree, radius)
            sizes[radius] = len(part)
        least = min(radius for radius, size in sizes.items() if size >= 6)
        assert found[point] == least


def part_of(point, tree, radius):
    n = len(tree.core_distances_)
    held = {name: {name} for name in range(n)}
    for row in np.flatnonzero(tree.heights_ <= radius):
        one, other = tree.merges_[row].tolist()
        held[n + row] = held.pop(one) | held.pop(other)
    return next(part for part in held.values() if point in part)


def test_stability_of_two_lines():
    # 0 1 2 and 9 11 13: they leave at 1 and at 2, both come to be at 7.
    points = np.array([[0.0], [1], [2], [9], [11], [13]])
    tree = DensityTree(components=None, min_points=1, min_cluster_size=3).fit(points)
    assert stabilities(tree) == pytest.approx([0, 3 * (1 - 1 / 7), 3 * (1 / 2 - 1 / 7)])
    assert chosen_nodes(tree.nodes_, stabilities(tree)) == [1, 2]


def test_equal_points_are_one_cluster_and_no_error():
    points = np.concatenate([np.zeros((20, 2)), np.ones((20, 2)), [[5.0, 5.0]]])
    labels = density_clusters(points, min_cluster_size=10)
    assert labels.tolist() == [0] * 20 + [1] * 20 + [-1]


def test_more_clusters_are_found_where_so_many_are_wanted():
    points = scattered(0)
    few = density_clusters(points, min_cluster_size=30).max() + 1
    labels = density_clusters(points, min_cluster_size=30, n_clusters=int(few) + 4)
    assert labels.max() + 1 >= few + 4
    with pytest.raises(ParameterError, match="n_topics is 200"):
        density_clusters(points, min_cluster_size=30, n_clusters=200)


def test_the_spectral_reduction_parts_what_main_directions_do_not():
    """Two rings, one in the other, on a sphere: one main direction cannot part them."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 400)
    radius = np.repeat([0.3, 0.9], 200)
    flat = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rows = np.concatenate([flat, np.sqrt(1 - radius[:, None] ** 2)], axis=1).astype(np.float32)
    points = reduced(rows, how="spectral", components=2, neighbours=10)
    labels = density_clusters(points, min_cluster_size=50)
    assert labels[:200].min() == labels[:200].max() != labels[200:].max() == labels[200:].min()


def test_reductions_are_the_same_each_time_and_known_by_name():
    rows = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for how, columns in (("spectral", 3), ("pca", 3), (None, 8)):
        one, two = (reduced(rows, how=how, components=3) for _ in range(2))
        assert one.shape == (200, columns)
        assert one.tobytes() == two.tobytes()
    with pytest.raises(ParameterError, match="known: 'spectral'"):
        reduced(rows, how="umap", components=3)
    with pytest.raises(ParameterError, match="known: 'eom'"):
        density_clusters(rows.astype(float), min_cluster_size=5, method="dbscan")
