"""Smaller tasks, by hand and against slow or other people's code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ParameterError
from isogloss.mteb.data import RetrievalData
from isogloss.mteb.downsample import hard_negatives, select_tasks, spearman, v_measures
from isogloss.mteb.run import ndcg_of_run, trec_order


def small():
    return RetrievalData(
        {name: ("", name) for name in "abcdefg"},
        {"p": "?", "q": "?"},
        {"p": {"a": 1, "g": 0}, "q": {"b": 2}},
    )


def test_the_pool_is_the_best_of_each_retriever_and_all_judged():
    runs = {
        "words": {"p": {"c": 2.0, "a": 1.0, "d": 0.5}, "q": {"c": 1.0}},
        "vectors": {"p": {"e": 0.9, "d": 0.1}, "q": {"b": 0.3, "f": 0.2}},
    }
    cut = hard_negatives(small(), runs, depth=1)
    assert list(cut.data.documents) == ["a", "b", "c", "e", "g"]  # g is judged, though not found
    assert cut.pooled == {"words": 1, "vectors": 2} and cut.queries == 1.0
    assert cut.documents == pytest.approx(5 / 7)
    one = hard_negatives(small(), runs, depth=1, queries=1, seed=3)
    assert len(one.data.queries) == 1 and set(one.data.qrels) == set(one.data.queries)


def test_a_pool_of_one_or_with_gaps_is_refused():
    run = {"p": {"a": 1.0}, "q": {"a": 1.0}}
    with pytest.raises(ParameterError, match="one model's own"):
        hard_negatives(small(), {"words": run})
    with pytest.raises(ParameterError, match="lacks the query 'q'"):
        hard_negatives(small(), {"words": run, "vectors": {"p": {"a": 1.0}}})
    with pytest.raises(ParameterError, match="depth is 0"):
        hard_negatives(small(), {"words": run, "vectors": run}, depth=0)


def test_v_measure_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    cluster = pytest.importorskip("sklearn.cluster")
    import random

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 8)).astype(np.float32)
    labels = [f"c{n}" for n in rng.integers(5, size=300)]
    ours = v_measures(rows, labels, sample=200, bootstraps=3, most=250)
    draw = random.Random(42)
    picked = draw.sample(range(300), k=250)
    kept, names = rows[picked], np.array(labels)[picked]
    kmeans = cluster.MiniBatchKMeans(5, batch_size=512, n_init=1, random_state=42)
    for value in ours:
        drawn = draw.choices(range(250), k=200)
        assert value == pytest.approx(
            metrics.v_measure_score(names[drawn], kmeans.fit_predict(kept[drawn])), abs=1e-9
        )


def test_a_task_that_is_a_sum_of_others_goes_and_a_lone_one_stays():
    rng = np.random.default_rng(1)
    a, b, c = rng.random((3, 20))
    table = np.column_stack([a, b, (a + b) / 2, c])
    chosen = select_tasks(table, ["a", "b", "sum", "c"], least=0.9)
    assert len(chosen.removed) == 1 and chosen.removed[0][0] in ("a", "b", "sum")
    assert chosen.removed[0][1] > 0.99 and "c" in chosen.kept
    groups = [["en"], ["en"], ["mr"], ["en"]]
    kept = select_tasks(table, ["a", "b", "sum", "c"], groups, least=0.9).kept
    assert "sum" in kept and len(kept) == 3


def test_tables_that_cannot_be_judged_are_refused():
    with pytest.raises(ParameterError, match="3 models"):
        select_tasks(np.ones((3, 2)), ["a", "b"])
    with pytest.raises(ParameterError, match="not finite"):
        select_tasks(np.full((5, 2), np.nan), ["a", "b"])
    with pytest.raises(ParameterError, match="shape"):
        select_tasks(np.ones((5, 2)), ["a"])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=20))
@settings(max_examples=50, deadline=None)
def test_spearman_is_scipys(pairs):
    from scipy.stats import spearmanr

    one, other = np.array(pairs, dtype=float).T
    if one.std() == 0 or other.std() == 0:
        assert spearman(one, other) == 0.0
    else:
        assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic, abs=1e-9)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_ndcg_and_the_order_of_ties_are_trec_evals(data):
    pytrec_eval = pytest.importorskip("pytrec_eval")
    names = [f"d{n}" for n in range(12)]
    grades = data.draw(st.dictionaries(st.sampled_from(names), st.integers(0, 3), min_size=1))
    scores = data.draw(
        st.dictionaries(st.sampled_from(names), st.integers(0, 3).map(lambda n: n / 7), min_size=1)
    )
    if not any(grades.values()):
        return
    measured = pytrec_eval.RelevanceEvaluator({"q": grades}, {"ndcg_cut.10"})
    theirs = measured.evaluate({"q": scores})["q"]["ndcg_cut_10"]
    assert ndcg_of_run({"q": grades}, {"q": scores})["q"] == pytest.approx(theirs, abs=1e-9)


def test_scores_that_32_bits_cannot_tell_apart_are_ties():
    assert trec_order({"a": 0.1 + 1e-12, "b": 0.1}) == ["b", "a"]
