"""The mean silhouette of communities: against a plain reference, by hand, and at the edges."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.topics import separation
from isogloss.topics.graph import neighbour_graph, word_share
from isogloss.topics.separation import Passages


def mean_silhouette(rows, labels):
    """Leave words out."""
    return Passages(rows).silhouette(labels)


def plain_silhouette(rows, labels, words=None, share=0.0):
    """Go through all pairs, as the paper words it."""
    distances = 1.0 - rows.astype(np.float64) @ rows.T.astype(np.float64)
    if words is not None:
        told = words.toarray().astype(np.float64)
        distances += share * (1.0 - told @ told.T)
    found = []
    for i in range(len(rows)):
        own = [j for j in range(len(rows)) if labels[j] == labels[i] and j != i]
        if not own:
            found.append(0.0)
            continue
        inside = np.mean([distances[i, j] for j in own])
        outside = min(distances[i, labels == k].mean() for k in set(labels) - {labels[i]})
        found.append((outside - inside) / max(inside, outside))
    return float(np.mean(found))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(6, 30))
def test_it_is_what_all_pairs_give(seed, communities, n):
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(n, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = np.concatenate(
        [np.arange(communities), draw.integers(0, communities, n - communities)]
    ).astype(np.int32)
    assert mean_silhouette(rows, labels) == pytest.approx(plain_silhouette(rows, labels), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 3.0))
def test_words_count_as_much_as_they_are_given(seed, share):
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(20, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    words = sp.csr_matrix((draw.random((20, 8)) < 0.3).astype(np.float32))
    length = np.sqrt(np.maximum(words.multiply(words).sum(axis=1), 1.0))
    words = sp.csr_matrix(words.multiply(1.0 / length), dtype=np.float32)
    labels = (np.arange(20) % 4).astype(np.int32)
    found = Passages(rows, words, 0.5).silhouette(labels, share)
    assert found == pytest.approx(plain_silhouette(rows, labels, words, share), abs=1e-6)


def test_words_have_the_share_that_they_have_in_the_edges():
    draw = np.random.default_rng(1)
    rows = draw.random((40, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    words = sp.csr_matrix(np.eye(40, 5, dtype=np.float32)[draw.integers(0, 5, 40)])
    graph = neighbour_graph(rows, words, neighbours=5, lexical_weight=0.5)
    share = Passages(rows, words, 0.5).share(graph)
    edges = graph.tocoo()
    cosines = (rows[edges.row] * rows[edges.col]).sum(axis=1)
    told = np.asarray(words[edges.row].multiply(words[edges.col]).sum(axis=1)).ravel()
    assert share == pytest.approx(0.5 * cosines.sum() / told.sum(), rel=1e-5)
    assert np.allclose(edges.data, (cosines + share * told) ** 2, rtol=1e-4)
    assert Passages(rows, words, 0.0).share(graph) == Passages(rows).share(graph) == 0.0
    assert word_share(graph, rows, sp.csr_matrix((40, 5), dtype=np.float32), 0.5) == 0.0


def test_by_hand():
    # Two passages at 60 degrees, one at a right angle to the first and at 30 to the second.
    rows = np.array([[1, 0], [0.5, 0.75**0.5], [0, 1]], dtype=np.float32)
    labels = np.array([0, 0, 1], dtype=np.int32)
    first = (1 - 0.5) / 1
    second = ((1 - 0.75**0.5) - 0.5) / 0.5
    assert mean_silhouette(rows, labels) == pytest.approx((first + second + 0) / 3, abs=1e-6)


def test_one_community_copies_and_rows_of_zeros():
    rows = np.repeat(np.eye(2, dtype=np.float32), 2, axis=0)
    assert mean_silhouette(rows, np.zeros(4, np.int32)) == 0.0
    same = np.repeat(rows[:1], 4, axis=0)
    assert mean_silhouette(same, np.array([0, 0, 1, 1], np.int32)) == 0.0
    nothing = np.zeros((4, 2), np.float32)
    assert mean_silhouette(nothing, np.array([0, 0, 1, 1], np.int32)) == 0.0


def test_blocks_change_nothing(monkeypatch):
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(50, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = np.arange(50, dtype=np.int32) % 3
    whole = mean_silhouette(rows, labels)
    monkeypatch.setattr(separation, "BLOCK", 7)
    assert mean_silhouette(rows, labels) == pytest.approx(whole, abs=1e-12)
