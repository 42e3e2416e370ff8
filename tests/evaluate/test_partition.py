"""Agreement with labels: worked sums, scikit-learn as oracle, laws, and honest intervals."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ParameterError
from isogloss.evaluate.contingency import Contingency, expected_mutual_information
from isogloss.evaluate.partition import factorize, partition_scores, share_score

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 6)), min_size=2, max_size=80)


def columns(rows):
    return np.array([a for a, _ in rows]), np.array([b for _, b in rows])


def value(name, labels, gold, **how):
    return partition_scores(np.asarray(labels), np.asarray(gold), resamples=5, **how)[name].value


def test_ari_by_hand():
    # cells [[2,1],[0,3]]: pairs 1+3=4; rows 3+3=6; columns 1+6=7; all 15
    # expected 6*7/15 = 2.8; (4-2.8)/(6.5-2.8)
    gold, labels = [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1]
    assert value("ari", labels, gold) == pytest.approx(1.2 / 3.7, abs=1e-12)


def test_nmi_by_hand():
    # gold 2+2, topics 1+3, cells (1,0),(1),(2): H(gold)=ln2; H(topic)=2ln2-.75ln3;
    # joint cells 1,1,2 of 4: 1.5 ln2; MI = ln2 + 2ln2 - .75ln3 - 1.5ln2
    gold, labels = [0, 0, 1, 1], [0, 1, 1, 1]
    ln2, ln3 = np.log(2), np.log(3)
    expected = (1.5 * ln2 - 0.75 * ln3) / ((3 * ln2 - 0.75 * ln3) / 2)
    assert value("nmi", labels, gold) == pytest.approx(expected, abs=1e-12)


def test_purity_by_hand():
    # topic 0: 2 of 3; topic 1: 1 of 1; unassigned (its own topic): 1 of 2
    labels, gold = [0, 0, 0, 1, -1, -1], [0, 0, 1, 1, 0, 1]
    assert value("purity", labels, gold) == pytest.approx(4 / 6)


def test_unassigned_in_three_ways_by_hand():
    labels, gold = [0, 0, 1, 1, -1, -1], [0, 0, 1, 1, 0, 1]
    scores = partition_scores(np.array(labels), np.array(gold), resamples=5)
    assert scores["nmi_assigned"].value == 1.0
    assert scores["ari_assigned"].value == 1.0
    assert scores["nmi_assigned"].n == 4
    assert scores["coverage"].value == pytest.approx(4 / 6)
    # as singletons: topics 2,2,1,1: pairs 2 of cells, gold 3+3, topics 1+1, all 15
    assert scores["ari_singletons"].value == pytest.approx((2 - 12 / 15) / (4 - 12 / 15))
    # as one class: cells 2,2,1,1, topics 1+1+1
    assert scores["ari"].value == pytest.approx((2 - 18 / 15) / (4.5 - 18 / 15))


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_equals_scikit_learn(rows):
    metrics = pytest.importorskip("sklearn.metrics")
    gold, labels = columns(rows)
    scores = partition_scores(labels, gold, resamples=2)
    alone = np.where(labels == -1, 100 + np.arange(labels.size), labels)
    for column, ending in ((labels, ""), (alone, "_singletons")):
        for name, oracle in (
            ("nmi", metrics.normalized_mutual_info_score),
            ("ari", metrics.adjusted_rand_score),
        ):
            assert scores[name + ending].value == pytest.approx(oracle(gold, column), abs=1e-6)
    assert scores["homogeneity"].value == pytest.approx(
        metrics.homogeneity_score(gold, labels), abs=1e-6
    )
    assert scores["completeness"].value == pytest.approx(
        metrics.completeness_score(gold, labels), abs=1e-6
    )


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_expected_information_equals_scikit_learn(rows):
    cluster = pytest.importorskip("sklearn.metrics.cluster")
    gold, labels = columns(rows)
    table = Contingency.of(gold, labels)
    ours = expected_mutual_information(
        np.bincount(table.gold, table.cells).astype(int),
        np.bincount(table.topic, table.cells).astype(int),
    )
    theirs = cluster.expected_mutual_information(
        cluster.contingency_matrix(gold, labels, sparse=True), gold.size
    )
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_ami_equals_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    for topics in (2, 7, 40):
        gold = rng.integers(0, 9, 400)
        labels = np.where(rng.random(400) < 0.4, gold, rng.integers(0, topics, 400))
        oracle = metrics.adjusted_mutual_info_score(gold, labels)
        assert value("ami", labels, gold) == pytest.approx(oracle, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(pairs, st.permutations(range(7)))
def test_names_of_topics_do_not_matter_and_bounds_hold(rows, names):
    gold, labels = columns(rows)
    renamed = np.where(labels == -1, -1, np.array(names)[labels])
    first = partition_scores(labels, gold, resamples=3)
    second = partition_scores(renamed, gold, resamples=3)
    for name, score in first.items():
        if np.isnan(score.value):  # nothing is assigned
            assert np.isnan(second[name].value)
            continue
        assert score.value == pytest.approx(second[name].value, abs=1e-9)
        assert -1 <= score.low <= score.high <= 1
        if not name.startswith(("ari", "ami")):
            assert score.low >= 0
            assert 0 <= score.value <= 1
    assert first["nmi"].value == pytest.approx(
        partition_scores(gold, labels + 1, resamples=2)["nmi"].value, abs=1e-9
    )


def test_perfect_is_one_and_independent_is_nothing():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 8, 4000)
    perfect = partition_scores(gold + 3, gold, resamples=20)
    for name in ("nmi", "ari", "ami", "purity", "homogeneity", "completeness"):
        assert perfect[name].value == pytest.approx(1.0)
        assert perfect[name].low == pytest.approx(1.0)
    chance = partition_scores(rng.integers(0, 8, 4000), gold, resamples=20)
    assert abs(chance["ari"].value) < 0.005
    assert abs(chance["ami"].value) < 0.005
    assert chance["nmi"].value < 0.02


def test_documents_without_a_label_are_left_out_and_counted():
    labels, gold = np.array([0, 0, 1, 1]), np.array([0, -1, 1, -1])
    scores = partition_scores(labels, gold, resamples=5)
    assert scores["nmi"].n == 2
    assert "2 documents without a label" in scores["nmi"].notes
    assert partition_scores(labels, np.full(4, -1)) == {}


def test_labels_of_any_type():
    day = datetime.date(2024, 1, 1)
    assert factorize([day, None, day]).tolist() == [0, -1, 0]
    assert factorize(np.array([2.5, np.nan, 2.5])).tolist() == [0, -1, 0]
    assert factorize([True, False, True]).tolist() == [0, 1, 0]
    pandas = pytest.importorskip("pandas")
    assert factorize(pandas.Series(["a", None, "a"], dtype="string")).tolist() == [0, -1, 0]
    assert factorize(pandas.Series([day, pandas.NaT])).tolist() == [0, -1]


@pytest.mark.parametrize("several", [["a"], ("a",), {"a": 1}, np.array(["a"])])
def test_several_labels_are_refused(several):
    with pytest.raises(ParameterError, match=r"labels\[1\].*one label"):
        factorize(["x", several])


def test_lengths_must_fit():
    with pytest.raises(ParameterError, match="one each a document"):
        Contingency.of([0, 1], [0])


@pytest.mark.parametrize("name", ["nmi", "ari", "purity"])
def test_interval_holds_the_value_of_the_whole(name):
    # 95% intervals from samples of one known population: nearly all must hold the population's
    # value for a sample of that size (the mean over samples), or the interval is no interval
    rng = np.random.default_rng(5)
    intervals, values = [], []
    for trial in range(60):
        gold = rng.integers(0, 5, 500)
        labels = np.where(rng.random(500) < 0.6, gold, rng.integers(0, 6, 500))
        score = partition_scores(labels, gold, resamples=200, seed=trial)[name]
        intervals.append((score.low, score.high))
        values.append(score.value)
    held = np.mean([low <= np.mean(values) <= high for low, high in intervals])
    assert held >= 0.85
    widths = np.array([high - low for low, high in intervals])
    assert widths.mean() == pytest.approx(2 * 1.96 * np.std(values), rel=0.35)


def test_same_seed_same_interval():
    rng = np.random.default_rng(1)
    labels, gold = rng.integers(-1, 4, 200), rng.integers(0, 4, 200)
    assert partition_scores(labels, gold, seed=4) == partition_scores(labels, gold, seed=4)
    assert partition_scores(labels, gold, seed=4) != partition_scores(labels, gold, seed=5)


def test_share_of_nothing_is_unknown():
    assert np.isnan(share_score("unassigned", np.array([], dtype=bool)).value)
