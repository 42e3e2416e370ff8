"""Rankings: numbers worked out by hand, a plain reference, and what must not matter."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss._core.errors import ParameterError
from isogloss.evaluate import mrr, ndcg_at_k, recall_at_k
from isogloss.evaluate.retrieval import ranking

NAMES = [f"d{i}" for i in range(8)]
GRADES = st.dictionaries(st.sampled_from(NAMES), st.integers(-1, 4), min_size=1)
SCORES = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3))


def test_ndcg_by_hand():
    # Places 1 to 6 hold grades 3, 2, 3, 0, 1, 2; two more judged ones (3 and 2) are not found.
    # DCG@6 = 3 + 2/1.585 + 3/2 + 0 + 1/2.585 + 2/2.807 = 6.861127; the best order 3 3 3 2 2 2
    # has 3 + 3/1.585 + 3/2 + 2/2.322 + 2/2.585 + 2/2.807 = 8.740263.
    grades = {"a": 3, "b": 2, "c": 3, "d": 0, "e": 1, "f": 2, "g": 3, "h": 2}
    run = {"q": {name: -i for i, name in enumerate("abcdef")}}
    assert ndcg_at_k({"q": grades}, run, k=6).value == pytest.approx(6.861127 / 8.740263, abs=1e-6)


def test_ndcg_of_one_relevant_document_is_its_discount():
    for place in range(1, 11):
        scores = {f"x{i:02d}": 20.0 - i for i in range(1, 12)}
        scores[f"x{place:02d}"] = 20.0 - place
        found = ndcg_at_k({"q": {f"x{place:02d}": 1}}, {"q": scores}, k=10)
        assert found.value == pytest.approx(1 / math.log2(1 + place), abs=1e-6)
    assert ndcg_at_k({"q": {"x11": 1}}, {"q": scores}, k=10).value == 0


def test_means_over_queries_count_the_missing_and_leave_out_the_unjudged():
    qrels = {"q": {"a": 1}, "r": {"a": 1, "b": 1}, "s": {"a": 0, "b": -1}}
    run = {"q": {"b": 2, "a": 1}, "s": {"a": 1}}
    found = recall_at_k(qrels, run, k=2)
    assert (found.value, found.n) == (0.5, 2)
    assert found.notes == "1 query without a relevant document left out"
    assert mrr(qrels, run).value == 0.25
    assert mrr(qrels, run, k=1).value == 0


def test_equal_scores_stand_by_name_whatever_the_order_given():
    assert ranking({"b": 1, "a": 1}) == ranking({"a": 1, "b": 1}) == ["a", "b"]
    assert mrr({"q": {"b": 1}}, {"q": {"b": 1, "a": 1}}).value == 0.5


@given(GRADES, SCORES, st.integers(1, 9))
def test_agrees_with_a_plain_reference(grades, scores, k):
    if max(grades.values()) <= 0:
        with pytest.raises(ParameterError, match="no query has a relevant document"):
            ndcg_at_k({"q": grades}, {"q": scores}, k=k)
        return
    order = [name for _, name in sorted((-score, name) for name, score in scores.items())]
    gains = np.array([max(0, grades.get(name, 0)) for name in order[:k]], dtype=float)
    best = np.array(sorted((max(0, g) for g in grades.values()), reverse=True)[:k], dtype=float)
    discount = 1 / np.log2(np.arange(2, 12))
    for name, turn in (("linear", lambda x: x), ("exponential", lambda x: 2**x - 1)):
        wanted = (turn(gains) @ discount[: len(gains)]) / (turn(best) @ discount[: len(best)])
        found = ndcg_at_k({"q": grades}, {"q": scores}, k=k, gain=name, resamples=2)
        assert found.value == pytest.approx(wanted, abs=1e-6)
    places = [i for i, name in enumerate(order, 1) if grades.get(name, 0) > 0]
    wanted = 1 / places[0] if places else 0
    assert mrr({"q": grades}, {"q": scores}, resamples=2).value == pytest.approx(wanted, abs=1e-6)
    relevant = sum(grade > 0 for grade in grades.values())
    wanted = sum(place <= k for place in places) / relevant
    found = recall_at_k({"q": grades}, {"q": scores}, k=k, resamples=2)
    assert found.value == pytest.approx(wanted, abs=1e-6)


def test_interval_holds_the_value_and_repeats():
    rng = np.random.default_rng(0)
    qrels = {str(i): {"a": 1} for i in range(100)}
    run = {str(i): {"a": rng.random(), "b": rng.random()} for i in range(100)}
    found = ndcg_at_k(qrels, run)
    assert found.low < found.value < found.high
    assert found == ndcg_at_k(dict(reversed(qrels.items())), run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "k is 0: give 1 or more"),
        ({"gain": "log"}, "gain is 'log'"),
        ({"run": {"q": {"a": math.nan}}}, "document 'a' has the score nan"),
        ({"qrels": {"q": {"a": math.inf}}}, "query 'q': document 'a' has the grade inf"),
    ],
)
def test_refuses_what_has_no_meaning(change, message):
    given = {"qrels": {"q": {"a": 1}}, "run": {"q": {"a": 1}}, **change}
    with pytest.raises(ParameterError, match=message):
        ndcg_at_k(given.pop("qrels"), given.pop("run"), **given)
