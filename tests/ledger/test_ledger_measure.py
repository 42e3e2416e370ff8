"""Measurements of the ledger against sums by hand, other libraries, and slow loops."""

import numpy as np
import pytest

from isogloss._core.errors import ParameterError
from isogloss.encoders.base import unit_rows
from isogloss.ledger.measure import (
    difference_figure,
    mean_figure,
    ndcg,
    neighbour_recall,
    probe,
    ratio_figure,
    rounds_figure,
    speeds,
)


def test_ndcg_by_hand():
    qrels = {"a": {"x": 3.0, "y": 1.0}, "b": {"z": 1.0, "w": 0.0}, "none": {"x": 0.0}}
    run = {"a": ["y", "q", "x"], "b": ["w"], "none": ["x"]}
    # a: 1/1 + 3/2 over 3/1 + 1/log2(3); b finds nothing; a query without an answer is left out
    expected = (1 + 3 / 2) / (3 + 1 / np.log2(3))
    assert ndcg(qrels, run).tolist() == pytest.approx([expected, 0.0])


def test_ndcg_counts_only_the_first_k():
    qrels = {"q": {str(i): 1.0 for i in range(20)}}
    assert ndcg(qrels, {"q": [str(i) for i in range(10)]}).tolist() == [1.0]
    assert ndcg(qrels, {"q": ["no"] * 10 + ["1"]}).tolist() == [0.0]
    assert ndcg(qrels, {}).tolist() == [0.0]


def test_probe_agrees_with_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(5, 12))
    classes = rng.integers(5, size=600)
    vectors = unit_rows(centres[classes] + rng.normal(size=(600, 12)) * 1.5)
    ours = probe(vectors[:400], classes[:400], vectors[400:], classes[400:])
    other = linear.LogisticRegression(C=10.0, max_iter=1000).fit(vectors[:400], classes[:400])
    theirs = other.predict(vectors[400:]) == classes[400:]
    assert 0.5 < ours.mean() < 0.99
    assert (ours == theirs).mean() > 0.99


def test_neighbour_recall_against_a_slow_loop():
    rng = np.random.default_rng(1)
    teacher, ours = (unit_rows(rng.normal(size=(40, 6))) for _ in range(2))
    asked = np.array([0, 7, 39])
    expected = []
    for row in asked:
        near = []
        for one in (teacher, ours):
            others = [j for j in range(40) if j != row]
            near.append(set(sorted(others, key=lambda j: -float(one[row] @ one[j]))[:10]))
        expected.append(len(near[0] & near[1]) / 10)
    assert neighbour_recall(ours, teacher, asked).tolist() == pytest.approx(expected)
    assert neighbour_recall(teacher, teacher, asked).tolist() == [1.0] * 3


def test_neighbour_recall_of_fewer_rows_than_neighbours():
    rows = np.eye(3, dtype=np.float32)
    assert neighbour_recall(rows, rows, np.arange(3)).tolist() == [1.0] * 3


def test_paired_intervals_are_narrower_than_they_would_be_apart():
    rng = np.random.default_rng(2)
    base = rng.random(500)
    other = base - 0.02
    gap = difference_figure([(base, other)], "x")
    assert gap.value == pytest.approx(0.02)
    assert gap.high - gap.low < 1e-9
    share = ratio_figure(base * 0.9, base, "share")
    assert (share.low, share.value, share.high) == pytest.approx((0.9, 0.9, 0.9))
    apart = mean_figure(base, "x")
    assert apart.high - apart.low > 0.02


def test_the_mean_over_sets_weighs_sets_alike():
    small, large = np.ones(10), np.zeros(1000)
    figure = difference_figure([(small, small * 0), (large, large)], "x")
    assert figure.value == 0.5


def test_ratios_of_nothing_are_undefined():
    assert np.isnan(ratio_figure(np.ones(3), np.zeros(3), "share").value)
    with pytest.raises(ParameterError, match="same items"):
        ratio_figure(np.ones(3), np.ones(2), "share")
    with pytest.raises(ParameterError, match="no sets"):
        difference_figure([], "x")


def test_speeds_go_in_turns():
    order = []
    found = speeds(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")},
        {"a": 2, "b": 3},
        rounds=3,
        on_round=lambda _: None,
    )
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"
    assert all(len(part) == 3 for pair in found.values() for part in pair)
    assert rounds_figure(found["a"][0], "texts/s").timed
