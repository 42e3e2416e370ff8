"""The order in which rows are looked at."""

import numpy as np
import scipy.sparse as sp

from isogloss.topics import TopicModel
from isogloss.topics.rows import canonical_order
from isogloss.topics.scale import _agreement


def test_copies_come_after_all_different_rows():
    rows = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    order, distinct = canonical_order(rows, None)
    assert distinct == 2
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]
    assert {tuple(row) for row in rows[order[:2]].tolist()} == {(1, 0), (0, 1)}


def test_rows_with_other_words_are_no_copies():
    rows = np.array([[1, 0], [1, 0]], dtype=np.float32)
    counts = sp.csr_matrix(np.array([[1.0, 0], [0, 1]]))
    assert canonical_order(rows, counts).distinct == 2


def test_copies_do_not_change_the_topics():
    draw = np.random.default_rng(0)
    middle = draw.normal(size=(6, 16))
    rows = middle[draw.integers(0, 6, 900)] + 0.4 * draw.normal(size=(900, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    again = np.concatenate([rows, rows[draw.integers(0, 300, 600)]])
    one, two = TopicModel(neighbours=15).fit(rows), TopicModel(neighbours=15).fit(again)
    assert _agreement(one.labels_, two.predict(rows)) == 1.0
    assert two.tree_.size[two.tree_.parent < 0].sum() == 1500
