"""The mean silhouette of communities: against a plain reference, by hand, and at the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.topics import separation
from isogloss.topics.separation import mean_silhouette


def plain_silhouette(rows, labels):
    """Go through all pairs, as the paper words it."""
    distances = 1.0 - rows.astype(np.float64) @ rows.T.astype(np.float64)
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


def test_small_communities_count_for_nothing():
    draw = np.random.default_rng(3)
    rows = draw.normal(size=(14, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = np.array([0] * 6 + [1] * 6 + [2, 2], dtype=np.int32)
    large = labels < 2
    alone = plain_silhouette(rows[large], labels[large])
    found = mean_silhouette(rows, labels, least=3)
    assert found == pytest.approx(alone * 12 / 14, abs=1e-6)
    assert mean_silhouette(rows, labels, least=7) == 0.0
    assert mean_silhouette(rows, labels, least=2) == mean_silhouette(rows, labels)


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
