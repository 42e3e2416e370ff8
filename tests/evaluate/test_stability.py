"""Stability: by hand, against scikit-learn and all matchings, and that it moves with the noise."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ParameterError
from isogloss.evaluate.diversity import inverted_rbo_score, rank_biased_overlap
from isogloss.evaluate.stability import (
    Run,
    compare_runs,
    matched,
    passage_overlap,
    resample_stability,
    seed_stability,
    word_overlap,
)

WORDS = [["cat", "dog"], ["moon", "sun"], ["goalie", "puck"]]


def blurred(noise):
    """A model that mislabels a share of the passages, another share of them with each seed."""

    def fit(seed, rows):
        rng = np.random.default_rng(seed)
        labels = rows % 3
        wrong = rng.random(len(rows)) < noise
        labels[wrong] = rng.integers(3, size=int(wrong.sum()))
        return labels, WORDS

    return fit


def test_what_never_changes_is_fully_stable():
    for found in (seed_stability(blurred(0), 90), resample_stability(blurred(0), 90)):
        for name in ("ari", "words", "passages"):
            score = found[name]
            assert (score.value, score.low, score.high) == (1.0, 1.0, 1.0)
        assert found.topics == (3,) * 5
        assert len(found.pairs["ari"]) == 10


def test_more_noise_is_less_stable():
    values = [seed_stability(blurred(noise), 300)["ari"].value for noise in (0.1, 0.3, 0.6)]
    assert values == sorted(values, reverse=True)
    score = seed_stability(blurred(0.3), 300)["ari"]
    assert score.low < score.value < score.high
    assert "5 seeds" in score.notes


def test_numbers_of_topics_do_not_matter():
    def fit(seed, rows):
        turned = (rows + seed) % 3
        return turned, [WORDS[(topic - seed) % 3] for topic in range(3)]

    found = seed_stability(fit, 60, seeds=(0, 1, 2))
    assert [found[name].value for name in ("ari", "words", "passages")] == [1.0, 1.0, 1.0]


def test_pairs_by_hand():
    rows = np.arange(6)
    one = Run(rows, np.array([0, 0, 0, 1, 1, 1]), [["a", "b"], ["c", "d"]])
    two = Run(rows, np.array([0, 0, 1, 1, 1, -1]), [["a", "b"], ["c", "x"], ["y", "z"]])
    found = compare_runs([one, two])
    assert found["words"].value == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert found["passages"].value == pytest.approx((2 / 3 + 2 / 4) / 2)  # a topic without passages
    metrics = pytest.importorskip("sklearn.metrics")
    expected = metrics.adjusted_rand_score(one.labels, two.labels)
    assert found["ari"].value == pytest.approx(expected)
    assert found["ari"].low <= found["ari"].value <= found["ari"].high


def test_only_shared_passages_count():
    one = Run(np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1]), WORDS)
    two = Run(np.array([2, 3, 4, 5]), np.array([1, 1, 0, 0]), WORDS)
    assert compare_runs([one, two]).pairs["ari"][0].n == 2
    with pytest.raises(ParameterError, match="share no passage"):
        compare_runs([one, Run(np.array([8]), np.array([0]), WORDS)])


def test_resamples_hold_about_two_thirds_and_the_seed_decides():
    sizes = []

    def fit(seed, rows):
        assert seed == 7
        assert len(np.unique(rows)) == len(rows)
        sizes.append(len(rows))
        return blurred(0.2)(len(rows), rows)

    first = resample_stability(fit, 1000, runs=3, seed=7)
    assert all(580 < size < 690 for size in sizes)
    assert len(set(sizes)) > 1
    assert resample_stability(fit, 1000, runs=3, seed=7)["ari"] == first["ari"]


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        (lambda seed, rows: (rows[1:], WORDS), "for 9 rows"),
        (lambda seed, rows: (rows / 2, WORDS), "one integer"),
        (lambda seed, rows: (rows, WORDS), "words for 3 topics"),
    ],
)
def test_fits_that_give_something_else_are_refused(fit, words):
    with pytest.raises(ParameterError, match=words):
        seed_stability(fit, 9)
    with pytest.raises(ParameterError, match="1 run"):
        compare_runs([Run(np.arange(2), np.zeros(2, int), WORDS)])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=4),
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=4),
)
def test_matching_is_the_best_of_all(one, two):
    overlap = word_overlap(one, two)
    for row, left in enumerate(one):
        for column, right in enumerate(two):
            union = set(left) | set(right)
            expected = len(set(left) & set(right)) / len(union) if union else 0
            assert overlap[row, column] == pytest.approx(expected)
    wide = overlap if len(one) <= len(two) else overlap.T
    best = max(
        sum(wide[row, column] for row, column in enumerate(order))
        for order in permutations(range(wide.shape[1]), wide.shape[0])
    )
    assert matched(overlap).sum() == pytest.approx(best)
    assert len(matched(overlap)) == max(len(one), len(two))


def test_passages_of_no_topic_count_in_no_topic():
    overlap = passage_overlap(np.array([0, 0, -1, 2]), np.array([1, -1, 1, 3]))
    assert overlap.round(3).tolist() == [[0.333, 0.0], [0.0, 1.0]]


# --- rank-biased overlap --------------------------------------------------------------------------


def slow_rbo(one, two, p):
    """Webber, Moffat & Zobel 2010, equation 32."""
    short, long = sorted((one, two), key=len)
    s, n = len(short), len(long)

    def shared(depth):
        return len(set(short[:depth]) & set(long[:depth]))

    total = sum(shared(d) / d * p**d for d in range(1, n + 1))
    total += sum(shared(s) * (d - s) / (s * d) * p**d for d in range(s + 1, n + 1))
    return (1 - p) / p * total + ((shared(n) - shared(s)) / n + shared(s) / s) * p**n


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1, max_size=6),
        min_size=2,
        max_size=4,
    ),
    st.floats(0.1, 0.95),
)
def test_rbo_is_that_of_the_paper(lists, weight):
    found = rank_biased_overlap(lists, weight=weight, top=6)
    for row, one in enumerate(lists):
        for column, two in enumerate(lists):
            assert found[row, column] == pytest.approx(slow_rbo(one, two, weight), abs=1e-9)


def test_inverted_rbo_of_same_and_of_distinct_lists():
    assert inverted_rbo_score([["a", "b"]] * 3).value == 0.0
    apart = inverted_rbo_score([["a", "b"], ["c", "d"], ["e"], []])
    assert (apart.value, apart.n) == (1.0, 3)
    assert "1 topic without words" in apart.notes
    # a word shared in front weighs more than one shared at the end
    front = inverted_rbo_score([["a", "b", "c"], ["a", "x", "y"]]).value
    end = inverted_rbo_score([["b", "c", "a"], ["x", "y", "a"]]).value
    assert front < end
    assert np.isnan(inverted_rbo_score([["a"]]).value)
