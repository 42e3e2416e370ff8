"""Scores of trees by hand and against slow loops."""

from itertools import combinations

import numpy as np
import pytest

from isogloss.ledger.systems.density_tree import dbscan
from isogloss.ledger.trees import (
    best_f1,
    chance_purity,
    class_counts,
    dendrogram_purity,
    nested_purity,
)


def random_merges(n, seed):
    rng = np.random.default_rng(seed)
    open_, merges = list(range(n)), []
    while len(open_) > 1:
        one, other = (open_.pop(rng.integers(len(open_))) for _ in range(2))
        merges.append((one, other))
        open_.append(n + len(merges) - 1)
    return np.array(merges)


def slow_purity(merges, classes, kept):
    n = len(classes)
    members = [{i} for i in range(n)]
    for one, other in merges.tolist():
        members.append(members[one] | members[other])
    shares = []
    for a, b in combinations(np.flatnonzero(kept).tolist(), 2):
        if classes[a] == classes[b]:
            common = min((m for m in members if a in m and b in m), key=len)
            inside = [x for x in common if kept[x]]
            shares.append(np.mean([classes[x] == classes[a] for x in inside]))
    return np.mean(shares)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_dendrogram_purity_against_a_loop_over_pairs(seed):
    rng = np.random.default_rng(seed)
    classes = rng.integers(3, size=14)
    merges = random_merges(14, seed)
    for kept in (np.ones(14, bool), rng.random(14) < 0.6):
        counts = class_counts(merges, classes, kept)
        assert dendrogram_purity(merges, counts) == pytest.approx(
            slow_purity(merges, classes, kept)
        )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nested_purity_of_a_binary_tree_is_the_dendrograms(seed):
    n = 20
    classes = np.random.default_rng(seed).integers(3, size=n)
    merges = random_merges(n, seed)
    above = {part: row for row, pair in enumerate(merges.tolist()) for part in pair}
    last = len(merges) - 1  # the root, which is node 0
    parents = [-1 if row == last else last - above[n + row] for row in range(last, -1, -1)]
    labels = np.array([last - above[text] for text in range(n)])
    binary = dendrogram_purity(merges, class_counts(merges, classes))
    assert nested_purity(parents, labels, classes) == pytest.approx(binary)


def test_a_flat_tree_is_at_chance():
    classes = np.array([0, 0, 1, 1, 1, 2])
    flat = nested_purity([-1], np.zeros(6, dtype=np.int64), classes)
    # pairs: one of class 0 (share 1/3), three of class 1 (share 1/2)
    assert flat == pytest.approx((1 / 3 + 3 / 2) / 4) == pytest.approx(chance_purity(classes))


def test_nothing_to_compare_is_undefined():
    assert np.isnan(chance_purity(np.array([0, 1])))
    assert np.isnan(nested_purity([-1], np.zeros(2, dtype=np.int64), np.array([0, 1])))


def test_best_f1_by_hand():
    counts = np.array([[3, 0, 1], [0, 2, 0], [4, 2, 4]])
    # group 0: node 0 has 3 of 4, F1 = 6 / (4 + 4); groups 0 and 2: node 0 has 4 of 8, the root 8
    assert best_f1(counts, [[0], [1], [0, 2]]).tolist() == pytest.approx([0.75, 1.0, 16 / 18])


def test_dbscan_agrees_with_scikit_learn():
    cluster = pytest.importorskip("sklearn.cluster")
    from scipy.spatial import cKDTree

    points = np.random.default_rng(4).normal(size=(200, 2))
    for radius in (0.05, 0.2, 0.35, 3.0):
        theirs = cluster.DBSCAN(eps=radius, min_samples=5).fit(points)
        core = np.zeros(200, bool)
        core[theirs.core_sample_indices_] = True
        ours = dbscan(cKDTree(points), radius, 5)
        assert ((ours >= 0) == core).all()
        assert len(
            set(zip(ours[core].tolist(), theirs.labels_[core].tolist(), strict=True))
        ) == len(set(ours[core].tolist()))
        assert ours.max() == theirs.labels_.max()
