"""Fusions: sums worked out by hand, laws, and weights that are learned."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss._core.errors import NotFitted, ParameterError
from isogloss.search.fusion import Convex, Ranking, ReciprocalRank, fuse, scaled
from isogloss.search.learned_fusion import LearnedFusion, collect
from isogloss.search.results import Hit, SearchResult

BOTH = {"vector": Ranking([1, 2, 3], [0.9, 0.7, 0.1]), "text": Ranking([3, 4], [12.0, 3.0])}


@st.composite
def rankings(draw):
    found = {}
    for name in ("vector", "text"):
        passages = draw(st.lists(st.integers(0, 12), unique=True, max_size=8))
        scores = st.floats(-5, 5, allow_subnormal=False)
        values = draw(st.lists(scores, min_size=len(passages), max_size=len(passages)))
        found[name] = Ranking(passages, sorted(values, reverse=True))
    return found


def test_convex_by_hand():
    # Cosines are 1, 7/9 and 1/9 of the best, BM25 1 and 1/4. Words are the shorter ranking, so
    # what they lack scores 0; what the vectors lack counts as their last.
    expected = {1: 0.4, 2: 0.4 * 7 / 9, 3: 0.4 / 9 + 0.6, 4: 0.4 / 9 + 0.6 / 4}
    assert dict(Convex(0.4).fuse(BOTH)) == pytest.approx(expected)
    assert [p for p, _ in Convex(0.4).fuse(BOTH)] == [3, 1, 2, 4]
    # of equal length, neither is known to end: 2 counts as the last word, 1/4
    both = {"vector": Ranking([1, 2], [0.9, 0.7]), "text": BOTH["text"]}
    assert dict(Convex(0.4).fuse(both))[2] == pytest.approx(0.4 * 7 / 9 + 0.6 / 4)


def test_convex_by_hand_on_other_scales():
    # Cosines scale to 1, 0.75, 0; BM25 to 1, 0; what a ranking lacks counts as its lowest, 0.
    narrow = Convex(0.4, scale="min-max")
    assert dict(narrow.fuse(BOTH)) == pytest.approx({1: 0.4, 2: 0.3, 3: 0.6, 4: 0.0})
    assert [p for p, _ in narrow.fuse(BOTH)] == [3, 1, 2, 4]
    # z-scores: cosines of mean .5667 and deviation .3399; BM25 of 7.5 and 4.5
    found = dict(Convex(0.5, scale="z-score").fuse(BOTH))
    assert found[1] == pytest.approx(0.5 * 0.333333 / 0.339935 - 0.5, abs=1e-5)
    assert found[3] == pytest.approx(0.5 * -0.466667 / 0.339935 + 0.5, abs=1e-5)


def test_a_single_hit_stands_above_what_was_not_found():
    lists = {"vector": Ranking([1, 2], [0.9, 0.1]), "text": Ranking([2], [5.0])}
    for scale in ("max", "min-max", "z-score"):
        found = dict(Convex(0.2, scale=scale).fuse(lists))
        assert found[2] > found[1]


@given(rankings())
def test_the_ends_of_the_weight_are_the_parents(lists):
    for weight, name in ((1.0, "vector"), (0.0, "text")):
        fused = [p for p, _ in Convex(weight).fuse(lists)]
        held = list(lists[name].passages)
        scores = dict(zip(held, lists[name].scores, strict=True))
        place = {passage: i for i, passage in enumerate(fused)}
        for a, b in pairwise(held):
            if scores[a] > scores[b] + 1e-6:
                assert place[a] < place[b]


@given(rankings(), st.floats(0, 1), st.sampled_from(["max", "min-max", "z-score"]))
def test_every_candidate_once_and_ties_by_passage(lists, weight, scale):
    known = {p for one in lists.values() for p in one.passages}
    for fusion in (Convex(weight, scale=scale), ReciprocalRank(), ReciprocalRank(0)):
        fused = fusion.fuse(lists)
        assert sorted(p for p, _ in fused) == sorted(known)
        assert fused == sorted(fused, key=lambda pair: (-pair[1], pair[0]))


def test_reciprocal_ranks_are_the_function():
    expected = fuse([[1, 2, 3], [3, 4]], damping=7)
    assert ReciprocalRank(7).fuse(BOTH) == expected


def test_scales_do_not_change_under_shift_and_stretch():
    scores = [3.0, 2.5, -1.0]
    for scale in ("min-max", "z-score"):
        moved = scaled([10 * value + 4 for value in scores], scale)
        np.testing.assert_allclose(moved, scaled(scores, scale), atol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Convex(1.5),
        lambda: Convex(float("nan")),
        lambda: Convex("0.5"),
        lambda: Convex(0.5, scale="z"),
        lambda: ReciprocalRank(-1),
        lambda: ReciprocalRank(1.5),
        lambda: Convex(0.5).fuse({"other": Ranking([1], [1.0])}),
    ],
)
def test_bad_parameters_are_refused(make):
    with pytest.raises(ParameterError):
        make()


def made_up(queries, seed):
    """Vectors that rank at random, words that tend to be right."""
    rng = np.random.default_rng(seed)
    lists, judged = [], []
    for _ in range(queries):
        right = int(rng.integers(20))
        words = rng.random(20)
        words[right] += 0.6
        by_word, by_vector = np.argsort(-words), rng.permutation(20)
        lists.append(
            {
                "vector": Ranking(by_vector.tolist(), np.linspace(1, 0, 20).tolist()),
                "text": Ranking(by_word.tolist(), (10 * words[by_word]).tolist()),
            }
        )
        judged.append({right: 1.0})
    return lists, judged


def reciprocal(fusion, lists, judged):
    places = []
    for one, grades in zip(lists, judged, strict=True):
        order = [p for p, _ in fusion.fuse(one)]
        places.append(1 / (1 + min(order.index(p) for p in grades)))
    return np.mean(places)


def test_learned_weights_beat_equal_ones_on_queries_not_seen():
    learned = LearnedFusion().fit(*made_up(120, 1))
    unseen = made_up(120, 2)
    assert reciprocal(learned, *unseen) > reciprocal(ReciprocalRank(), *unseen) + 0.1
    vector, text = learned.weights_[1:4], learned.weights_[4:7]
    assert np.abs(text).sum() > 3 * np.abs(vector).sum()


def test_the_facts_that_weights_are_learned_for():
    from isogloss.search.learned_fusion import _facts

    # constant; score, reciprocal rank and found by vector; the same by words
    passages, rows = _facts(BOTH)
    assert passages == [1, 2, 3, 4]
    expected = [
        [1, 1, 1, 1, 0, 0, 0],
        [1, 0.75, 61 / 62, 1, 0, 0, 0],
        [1, 0, 61 / 63, 1, 1, 1, 1],
        [1, 0, 0, 0, 0, 61 / 62, 1],
    ]
    np.testing.assert_allclose(rows, expected)


def test_learned_weights_are_the_minimum_of_the_loss():
    from scipy.optimize import minimize

    from isogloss.search.learned_fusion import _facts

    lists, judged = made_up(40, 3)
    learned = LearnedFusion().fit(lists, judged)
    X, y = [], []
    for one, grades in zip(lists, judged, strict=True):
        passages, rows = _facts(one)
        X.append(rows)
        y += [p in grades for p in passages]
    X, y = np.concatenate(X), np.array(y)

    def loss(w):
        sums = X @ w
        penalty = learned.ridge_ * (w[1:] ** 2).sum() / 2 + 1e-6 * w[0] ** 2 / 2
        return np.logaddexp(0, np.where(y, -sums, sums)).sum() + penalty

    assert loss(learned.weights_) <= minimize(loss, np.zeros(7)).fun + 1e-6


def test_learned_weights_come_back_from_json(tmp_path):
    learned = LearnedFusion().fit(*made_up(30, 4))
    learned.save(tmp_path / "weights.json")
    again = LearnedFusion.load(tmp_path / "weights.json")
    lists = made_up(1, 5)[0][0]
    assert again.fuse(lists) == learned.fuse(lists)
    kept = json.loads((tmp_path / "weights.json").read_text())["weights"]
    assert next(iter(kept)) == "constant"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "isogloss learned fusion", "version": 2, "weights": {}}',
        '{"format": "isogloss learned fusion", "version": 1, "weights": {"constant": 1}}',
    ],
)
def test_other_files_are_refused_in_one_line(text, tmp_path):
    path = tmp_path / "weights.json"
    path.write_text(text)
    with pytest.raises(ParameterError) as error:
        LearnedFusion.load(path)
    assert "\n" not in str(error.value)


def test_what_cannot_be_learned_is_refused():
    lists, judged = made_up(10, 6)
    with pytest.raises(ParameterError, match="give one for each"):
        LearnedFusion().fit(lists, judged[:3])
    with pytest.raises(ParameterError, match="0 queries have a relevant candidate"):
        LearnedFusion().fit(lists, [{}] * 10)
    with pytest.raises(ParameterError, match="folds"):
        LearnedFusion(folds=1).fit(lists, judged)
    everything = [dict.fromkeys(range(20), 1.0)] * 10
    with pytest.raises(ParameterError, match="nothing to learn"):
        LearnedFusion().fit(lists, everything)
    with pytest.raises(NotFitted):
        LearnedFusion().fuse(lists[0])


def test_candidates_of_judged_queries_are_gathered():
    def search(query, *, k, mode):
        hits = [Hit(f"d{i}", i, 1.0 / (1 + i), query, {}, -1) for i in range(3)]
        return SearchResult(tuple(hits if mode == "text" else hits[::-1])[:k], mode, 0.0)

    lists, judged = collect(search, {"a": "x", "b": "y"}, {"b": {"d2": 2.0}}, depth=2)
    assert lists == [{"vector": Ranking([2, 1], [1 / 3, 0.5]), "text": Ranking([0, 1], [1.0, 0.5])}]
    assert judged == [{2: 2.0, 1: 0.0, 0: 0.0}]
