"""Counts for names and sizes of topics, against a plain loop."""

import numpy as np
import scipy.sparse as sp

from isogloss.build.topics import Tally, inner_sizes, own_strength


def test_equals_a_plain_loop():
    rng = np.random.default_rng(0)
    counts = sp.random(40, 12, 0.3, format="csr", random_state=0, dtype=np.float32)
    vectors = rng.standard_normal((40, 5)).astype(np.float32)
    labels = rng.integers(-1, 4, 40).astype(np.int32)
    tally = Tally(4, 12, 5)
    tally.add(labels[:17], counts[:17], vectors[:17])
    tally.add(labels[17:], counts[17:], vectors[17:])
    documents = np.zeros((4, 12), int)
    centres = np.zeros((4, 5))
    for row, label in enumerate(labels):
        if label >= 0:
            documents[label] += counts[row].toarray()[0] > 0
            centres[label] += vectors[row]
    np.testing.assert_array_equal(tally.document_counts, documents)
    np.testing.assert_array_equal(tally.sizes, [(labels == t).sum() for t in range(4)])
    np.testing.assert_allclose(tally.centres, centres, atol=1e-5)
    assert tally.unassigned == (labels == -1).sum()


def test_sizes_add_up_towards_the_root():
    parent = np.array([3, 3, 4, 4, -1])
    assert inner_sizes(parent, np.array([1, 2, 4])).tolist() == [1, 2, 4, 3, 7]


def test_own_strength_is_the_last_of_the_path():
    strength = np.array([0.9, 0.4, 0.7], dtype=np.float32)
    found = own_strength(np.array([0, 2, 2, 3]), strength)
    np.testing.assert_array_equal(found, np.array([0.4, 0, 0.7], dtype=np.float32))
