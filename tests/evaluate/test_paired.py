"""The paired test: exact counts by hand, a plain reference, and its error under the null."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss._core.errors import ParameterError
from isogloss.evaluate.paired import holm, paired_ndcg, paired_test

SCORES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=9)


def test_by_hand():
    # Gaps 3, 1, -1: sums of the 8 assignments are +-5, +-3, +-3, +-1; the observed sum is 3,
    # and |sum| >= 3 for 6 of them.
    found = paired_test([0, 0, 1], [3, 1, 0])
    assert (found.p, found.exact) == (6 / 8, True)
    assert (found.wins, found.ties, found.losses) == (2, 0, 1)
    assert found.difference == pytest.approx(1)


@given(SCORES)
def test_exact_counts_agree_with_enumeration(pairs):
    first, second = (np.array(side, float) for side in zip(*pairs, strict=True))
    gaps = second - first
    sums = [abs(np.dot(signs, gaps)) for signs in product((-1, 1), repeat=len(gaps))]
    expected = np.mean([value >= abs(gaps.sum()) - 1e-9 for value in sums])
    assert paired_test(first, second).p == pytest.approx(expected)
    assert paired_test(second, first).p == pytest.approx(expected)


def test_drawn_assignments_come_near_the_exact_ones():
    rng = np.random.default_rng(1)
    first = rng.random(13)
    second = first + rng.normal(0.1, 0.3, 13)
    exact = paired_test(first, second, resamples=2**13)
    drawn = paired_test(first, second, resamples=8000)
    assert exact.exact and not drawn.exact
    assert drawn.p == pytest.approx(exact.p, abs=0.02)


def test_no_difference_and_a_plain_one():
    same = paired_test(np.ones(50), np.ones(50))
    assert (same.p, same.difference, same.ties) == (1.0, 0.0, 50)
    rng = np.random.default_rng(0)
    base = rng.random(100)
    far = paired_test(base, base + rng.normal(0.2, 0.1, 100))
    assert far.p == pytest.approx(1 / 10_001)
    assert far.low > 0


def test_false_alarms_are_as_rare_as_said():
    rng = np.random.default_rng(3)
    ps = [paired_test(rng.random(30), rng.random(30), resamples=500).p for _ in range(400)]
    share = np.mean(np.array(ps) <= 0.05)
    assert 0.02 <= share <= 0.09  # 0.05 with a standard error of 0.011


def test_the_seed_alone_decides():
    rng = np.random.default_rng(2)
    first, second = rng.random((2, 60))
    assert paired_test(first, second, seed=4) == paired_test(first, second, seed=4)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_lowers_and_keeps_the_order(values):
    adjusted = holm(values)
    assert all(after >= before for before, after in zip(values, adjusted, strict=True))
    assert all(0 <= value <= 1 for value in adjusted)
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    if values:
        assert min(adjusted) == min(1, len(values) * min(values))


@pytest.mark.parametrize(
    ("first", "second", "options"),
    [
        ([1.0], [1.0, 2.0], {}),
        ([], [], {}),
        ([float("nan")], [1.0], {}),
        ([1.0], [2.0], {"resamples": 0}),
        ([[1.0]], [[1.0]], {}),
    ],
)
def test_what_cannot_be_compared_is_refused(first, second, options):
    with pytest.raises(ParameterError):
        paired_test(first, second, **options)
    with pytest.raises(ParameterError):
        holm([0.5, 1.5])


def test_runs_are_compared_query_by_query():
    qrels = {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1}, "d": {"x": 0}}
    first = {"a": {"x": 2, "y": 1}, "b": {"y": 2, "x": 1}, "c": {"y": 1}}
    second = {"a": {"x": 2, "y": 1}, "b": {"x": 2, "y": 1}}
    found = paired_ndcg(qrels, first, second)
    assert (found.wins, found.ties, found.losses) == (1, 2, 0)
    assert found.difference == pytest.approx((1 - 1 / np.log2(3)) / 3)
    with pytest.raises(ParameterError):
        paired_ndcg({"d": {"x": 0}}, first, second)
    with pytest.raises(ParameterError):
        paired_ndcg(qrels, first, second, k=0)
