"""A wanted number of communities: which scale it is, and what joins."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score

from isogloss.topics import TopicModel, target
from isogloss.topics.hierarchy import average_merges
from isogloss.topics.target import communities_of, complete_joins, groups_of


def subjects(sizes, spread=1.0, dim=40, seed=0, parts=12):
    """Give unit rows around centres; each subject has parts that differ a little."""
    rng = np.random.default_rng(seed)
    rows = []
    for size in sizes:
        centre = rng.normal(size=dim)
        inner = centre + 0.9 * rng.normal(size=(parts, dim))
        rows.append(inner[rng.integers(parts, size=size)] + spread * rng.normal(size=(size, dim)))
    vectors = np.concatenate(rows)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), np.repeat(np.arange(len(sizes)), sizes)


def told(sizes, **settings):
    vectors, truth = subjects(sizes)
    model = TopicModel(n_topics=len(sizes), neighbours=30, even_edges=True).fit(vectors)
    assert len(model.tree_.leaves) == len(sizes)
    return adjusted_rand_score(truth, model.labels_)


def test_small_subjects_stay_beside_a_large_one(monkeypatch):
    assert told((800, 100, 60, 40, 30)) > 0.95
    monkeypatch.setattr(target, "FINER", ())  # what the coarsest scale alone makes of them
    assert told((800, 100, 60, 40, 30)) < 0.5


def test_even_subjects_come_from_the_coarsest_scale(monkeypatch):
    found = told((200, 200, 200, 200))
    monkeypatch.setattr(target, "FINER", ())
    assert found == told((200, 200, 200, 200)) > 0.95


def test_a_finer_scale_must_lie_clearly_farther_apart(monkeypatch):
    monkeypatch.setattr(target, "CLEARLY", 1e9)
    assert told((800, 100, 60, 40, 30)) < 0.5


@given(st.integers(2, 12), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_average_merges_cut_as_scipy_does(k, seed):
    rows = np.random.default_rng(seed).normal(size=(k, 3))
    tree = linkage(rows, "average")
    joins = complete_joins(average_merges(rows), rows)
    for wanted in range(1, k + 1):
        mine = groups_of(joins, np.arange(k), wanted)
        assert adjusted_rand_score(mine, fcluster(tree, wanted, "maxclust")) == 1.0


@pytest.mark.parametrize("rows", [np.zeros((0, 2)), np.ones((1, 2))])
def test_nothing_merges_where_less_than_two_are(rows):
    assert average_merges(rows) == []


def test_one_community_is_not_sought_at_finer_scales(monkeypatch):
    monkeypatch.setattr(target, "average_merges", lambda rows: pytest.fail("joined"))
    cliques = sp.csr_matrix(np.kron(np.eye(3), 1 - np.eye(4)))
    rows = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    found, _ = communities_of(cliques, 1, seed=0, least=2, rows=rows)
    assert set(found.labels.tolist()) == {0}


def test_nodes_that_do_not_count_stay_apart():
    vectors, _ = subjects((300, 30, 20))
    near = vectors @ vectors.T
    np.fill_diagonal(near, 0.0)
    graph = sp.csr_matrix(np.where(near > np.sort(near, axis=1)[:, [-15]], near, 0.0))
    graph = graph.maximum(graph.T)
    full = np.ones(len(vectors), dtype=bool)
    full[::50] = False
    found, _ = communities_of(graph, 3, seed=0, least=5, rows=vectors, full=full)
    assert (found.labels[~full] == -1).all()
    assert set(found.labels[full].tolist()) - {-1} == {0, 1, 2}


def test_too_many_to_join_are_not_joined(monkeypatch):
    monkeypatch.setattr(target, "MOST_JOINED", 3)
    assert told((800, 100, 60, 40, 30)) < 0.5
