"""Search in steps over a real table: each step by hand or by a plain reference, then together."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss._core.errors import EncoderError, IsoglossError, ParameterError
from isogloss.search.diversity import Mmr
from isogloss.search.feedback import Rm3, Rocchio, kept
from isogloss.search.passages import search_passages
from isogloss.search.rerank import CrossEncoder, EncoderSimilarity
from isogloss.search.results import Hit, SearchResult
from isogloss.search.second_stage import passage_vectors, search_in_steps
from isogloss.search.steps import SPECS, Steps, read_step
from isogloss.search.text_index import create_text_index

TEXTS = [
    "wing flutter at high speed",
    "wing flutter and panel divergence",
    "panel divergence of heated plates",
    "heated plates in a wind tunnel",
    "cats sleep in the sun",
    "the sun heats the sea",
    "",
    "wing wing wing",
]
ROWS = np.random.default_rng(0).standard_normal((len(TEXTS), 6)).astype(np.float32)
ROWS[:4] += 3 * ROWS[0]
ROWS /= np.linalg.norm(ROWS, axis=1, keepdims=True)
ROWS[6] = 0


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    import lancedb

    n = len(TEXTS)
    data = pa.table(
        {
            "passage": pa.array(range(n), pa.int64()),
            "id": [f"d{i}" for i in range(n)],
            "text": TEXTS,
            "topic": pa.array([0] * n, pa.int32()),
            "content_hash": pa.array(range(n), pa.int64()),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(ROWS.ravel()), 6),
        }
    ).take(pa.array(np.random.default_rng(1).permutation(n)))
    made = lancedb.connect(tmp_path_factory.mktemp("steps")).create_table("passages", data)
    create_text_index(made)
    return made


def search(table, query="wing flutter", *, mode="hybrid", k=10, depth=None, where=None, **steps):
    read = {name: read_step(name, value) for name, value in steps.items()}

    def first(*, k, vector, terms):
        return search_passages(
            table,
            query_text=query,
            query_vector=vector,
            k=k,
            mode=mode,
            where=where,
            schema=table.schema,
            attributes=[],
            fusion=read.get("fusion"),
            terms=terms,
        )

    return search_in_steps(
        first,
        query,
        vector=None if mode == "text" else ROWS[0].copy(),
        vectors_of=lambda passages: passage_vectors(table, passages),
        mode=mode,
        k=k,
        steps=Steps(**read),
        depth=depth,
    )


def numbers(result):
    return [hit.passage for hit in result.hits]


class Backwards:
    """A reranker that likes short texts."""

    name = "shortness"

    def __init__(self):
        self.seen = []

    def score(self, query, texts):
        self.seen.append((query, list(texts)))
        return np.array([-len(text) for text in texts])


def test_without_steps_it_is_the_plain_search(table):
    plain = search_passages(
        table,
        query_text="wing flutter",
        query_vector=ROWS[0],
        schema=table.schema,
        attributes=[],
    )
    found = search(table)
    assert (found.hits, found.strategy) == (plain.hits, plain.strategy)
    assert found.strategy == (
        "hybrid: exact cosine + BM25, convex combination (0.6 of the vectors, max) of the best "
        "100 of each (8 and 3 found)"
    )


def test_vectors_come_in_the_order_asked(table):
    asked = [5, 0, 7, 6]
    np.testing.assert_array_equal(passage_vectors(table, asked), ROWS[asked])
    assert passage_vectors(table, []).shape == (0, 6)


def test_a_reranker_sees_the_candidates_and_its_order_stands(table):
    reranker = Backwards()
    found = search(table, mode="vector", k=2, depth=3, rerank=reranker)
    first = numbers(search(table, mode="vector", k=3))
    assert reranker.seen == [("wing flutter", [TEXTS[i] for i in first])]
    assert numbers(found) == sorted(first, key=lambda i: (len(TEXTS[i]), i))[:2]
    assert [hit.score for hit in found.hits] == [-len(TEXTS[i]) for i in numbers(found)]
    assert "3 candidates reranked by shortness" in found.strategy


@pytest.mark.parametrize("mode", ["hybrid", "vector"])
@pytest.mark.parametrize("k", [1, 3, 8, 50])
def test_never_fewer_than_k(table, mode, k):
    found = search(table, mode=mode, k=k, depth=2, feedback="rocchio", rerank=Backwards(),
                   diversify="mmr")  # fmt: skip
    assert len(found.hits) == min(k, len(TEXTS))
    assert len(set(numbers(found))) == len(found.hits)


def test_equal_scores_of_a_reranker_come_by_passage(table):
    class Same(Backwards):
        def score(self, query, texts):
            return np.zeros(len(texts))

    assert numbers(search(table, mode="vector", rerank=Same())) == list(range(len(TEXTS)))


def test_a_reranker_that_fails_is_named(table):
    class Short(Backwards):
        def score(self, query, texts):
            return np.zeros(1)

    class Nothing(Backwards):
        def score(self, query, texts):
            return np.full(len(texts), np.nan)

    for broken in (Short(), Nothing()):
        with pytest.raises(ParameterError, match="one number a text"):
            search(table, rerank=broken)


def test_rocchio_by_hand():
    q = np.array([1.0, 0.0, 0.0])
    hits = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    free = Rocchio(2, bottom=1, alpha=1, beta=0.5, gamma=0.25, least_cosine=-1)
    expected = np.array([1.0, 0.5, -0.25])
    np.testing.assert_allclose(free.move(q, hits), expected / np.linalg.norm(expected))
    # with two hits only, the last one is among the first and does not count against itself
    alone = np.array([1.0, 0.5, 0.0])
    np.testing.assert_allclose(free.move(q, hits[:2]), alone / np.linalg.norm(alone))


@given(st.integers(0, 1000), st.floats(-1, 1), st.floats(0, 5), st.integers(0, 4))
def test_rocchio_never_turns_further_than_its_bound(seed, least, beta, bottom):
    rng = np.random.default_rng(seed)
    q, hits = rng.standard_normal(8), rng.standard_normal((6, 8))
    hits /= np.linalg.norm(hits, axis=1, keepdims=True)
    moved = Rocchio(3, bottom=bottom, beta=beta, gamma=0.5, least_cosine=least).move(q, hits)
    assert np.linalg.norm(moved) == pytest.approx(1)
    assert moved @ q / np.linalg.norm(q) >= least - 1e-9


def test_rocchio_without_hits_or_query_changes_nothing():
    q = np.array([0.6, 0.8])
    np.testing.assert_array_equal(Rocchio().move(q, np.zeros((0, 2))), q)
    np.testing.assert_array_equal(Rocchio().move(np.zeros(2), np.eye(2)), np.zeros(2))
    opposite = Rocchio(1, beta=1.0, least_cosine=-1).move(q, -q[None])
    np.testing.assert_allclose(opposite, q)  # q + beta * -q is nothing: the query stays


def test_feedback_searches_by_the_moved_query(table):
    moved = Rocchio(2, beta=2.0, least_cosine=-1, least_kept=0)
    found = search(table, mode="vector", feedback=moved)
    first = numbers(search(table, mode="vector"))
    target = moved.move(ROWS[0], ROWS[first])
    expected = [float(ROWS[i].astype(float) @ target) for i in numbers(found)]
    np.testing.assert_allclose([hit.score for hit in found.hits], expected, atol=1e-6)
    assert "Rocchio feedback from the first 2 (cosine with the query" in found.strategy


def test_a_query_without_a_vector_is_not_moved():
    def first(*, k, vector, terms):
        return SearchResult((Hit("d", 1, 1.0, "", {}, -1),), "x", 0.0)

    found = search_in_steps(
        first,
        "q",
        vector=np.zeros(2),
        vectors_of=lambda passages: np.eye(2)[:1],
        mode="hybrid",
        k=5,
        steps=Steps(feedback=Rocchio()),
    )
    assert found.strategy.endswith("no word of the query has a vector")


@pytest.mark.parametrize(("least", "refused"), [(0.4, True), (0.3, False), (0.0, False)])
def test_feedback_that_leaves_the_subject_is_refused(least, refused):
    # The moved query keeps 3 of the first 10 hits.
    def first(*, k, vector, terms):
        order = range(100) if vector[0] > 0 else [*range(50, 57), 0, 1, 2, *range(60, 150)]
        return SearchResult(tuple(Hit("d", p, 1.0, "", {}, -1) for p in [*order][:k]), "x", 0.0)

    class Away(Rocchio):
        def move(self, query, hits):
            return -query

    found = search_in_steps(
        first,
        "q",
        vector=np.array([1.0, 0.0]),
        vectors_of=lambda passages: np.eye(2)[np.zeros(len(passages), int)],
        mode="vector",
        k=5,
        steps=Steps(feedback=Away(1, least_kept=least)),
    )
    assert numbers(found) == ([0, 1, 2, 3, 4] if refused else [50, 51, 52, 53, 54])
    assert ("refused: of the first 10 hits 30% would stay" in found.strategy) == refused
    assert kept([1, 2], [3, 4]) == 0 and kept([], [1]) == 1


def test_rm3_adds_words_of_the_first_hits_and_keeps_the_scale(table):
    added = Rm3(2, terms=3, share=0.5).expand("flutter", TEXTS[:3], [3.0, 1.0, 0.5])
    # Too few texts to know their language: "at" counts as a word. Wing and flutter have
    # 3/4 * 1/5 + 1/4 * 1/5, and of the three with 3/4 * 1/5 "at" is first by letter.
    assert list(added.items()) == [("flutter", pytest.approx(0.2 / 0.55)),
                                   ("wing", pytest.approx(0.2 / 0.55)),
                                   ("at", pytest.approx(0.15 / 0.55))]  # fmt: skip
    assert sum(added.values()) == pytest.approx(1.0)  # share one half: as much as the one word
    three = Rm3(2, terms=3, share=0.75).expand("flutter of wings", TEXTS[:3], [3.0, 1.0, 0.5])
    assert sum(three.values()) == pytest.approx(3 * 0.25 / 0.75)
    plain = search(table, "flutter", mode="text")
    found = search(table, "flutter", mode="text", feedback=Rm3(2, terms=3, least_kept=0))
    assert set(numbers(plain)) < set(numbers(found))
    terms = Rm3(2, terms=3).expand("flutter", [hit.text for hit in plain.hits],
                                   [hit.score for hit in plain.hits])  # fmt: skip
    total = {}
    for word, weight in {"flutter": 1.0}.items() | terms.items():
        for hit in search(table, word, mode="text").hits:
            total[hit.passage] = total.get(hit.passage, 0.0) + weight * hit.score
    assert {hit.passage: hit.score for hit in found.hits} == pytest.approx(total, rel=1e-5)


def test_rm3_learns_nothing_from_nothing(table):
    assert Rm3().expand("cat", [], []) == {}
    assert Rm3().expand("cat", [""], [1.0]) == {}
    found = search(table, "zzz", mode="text", feedback="rm3")
    assert (found.hits, "no hits to learn from" in found.strategy) == ((), True)


def test_mmr_against_a_plain_reference():
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((30, 5))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    scores = np.sort(rng.random(30))[::-1]
    relevance = (scores - scores.min()) / (scores.max() - scores.min())
    for balance in (0.0, 0.3, 0.7, 1.0):
        chosen = []
        while len(chosen) < 12:
            values = {
                i: balance * relevance[i]
                - (1 - balance) * max((rows[i] @ rows[j] for j in chosen), default=0.0)
                for i in range(30)
                if i not in chosen
            }
            chosen.append(max(values, key=lambda i: (values[i], -i)))
        assert Mmr(balance).order(scores.tolist(), rows, k=12) == chosen


def test_mmr_of_one_keeps_the_order_and_copies_come_late():
    rows = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert Mmr(1.0).order([4.0, 3.0, 2.0, 1.0], rows, k=4) == [0, 1, 2, 3]
    assert Mmr(0.5).order([4.0, 3.9, 3.8, 1.0], rows, k=2) == [0, 3]
    assert Mmr().order([], np.zeros((0, 2)), k=3) == []


def test_all_steps_at_once_are_named_in_order(table):
    found = search(
        table, fusion="convex:0.6", feedback="rocchio:2", rerank=Backwards(), diversify="mmr:0.5",
        k=3, depth=5, where="topic = 0",
    )  # fmt: skip
    parts = ["convex combination (0.6 of the vectors, max) of the best 100 of each",
             "Rocchio feedback from the first 2", "5 candidates reranked by shortness",
             "5 candidates ordered by MMR (lambda 0.5), scores as before"]  # fmt: skip
    places = [found.strategy.find(part) for part in parts]
    assert places == sorted(places) and min(places) >= 0


def test_an_encoder_reranks_by_its_own_cosine():
    near = EncoderSimilarity("lexical")
    texts = ["a cat purrs", "stocks fell", ""]
    scores = near.score("cats", texts)
    expected = near.encoder.encode(texts) @ near.encoder.encode_query(["cats"])[0]
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    with pytest.raises(EncoderError, match="not fitted"):
        EncoderSimilarity("lsa")


@pytest.mark.parametrize(
    ("step", "value"),
    [
        ("fusion", "rff"),
        ("fusion", "rrf:"),
        ("fusion", "rrf:x"),
        ("fusion", "convex:2"),
        ("fusion", "convex:0.5:other"),
        ("fusion", "learned"),
        ("fusion", "learned:nowhere.json"),
        ("fusion", ""),
        ("fusion", 3),
        ("fusion", Backwards()),
        ("feedback", "rocchio:0"),
        ("feedback", "rm3:2.5"),
        ("feedback", Mmr()),
        ("rerank", "cross-encoder"),
        ("rerank", "cross-encoder:/nowhere/at/all"),
        ("rerank", "maxsim:lexical"),
        ("rerank", "encoder:lexicle"),
        ("rerank", Backwards),
        ("diversify", "mmr:1.5"),
        ("diversify", "mmr:nan"),
        ("diversify", 0.5),
    ],
)
def test_what_is_no_step_is_refused_in_one_line(step, value):
    with pytest.raises(IsoglossError) as error:
        read_step(step, value)
    assert "\n" not in str(error.value)


def test_steps_that_do_not_fit_the_mode_are_refused(table):
    with pytest.raises(ParameterError, match="mode 'text' has none"):
        search(table, mode="text", feedback="rocchio")
    with pytest.raises(ParameterError, match="no use for them"):
        search(table, mode="vector", feedback="rm3")
    for bad in ({"depth": 0}, {"depth": 2.5}, {"depth": True}, {"k": 0}, {"k": "3"}):
        with pytest.raises(ParameterError):
            search(table, rerank=Backwards(), **bad)


@pytest.mark.parametrize("bad", [{"alpha": 0}, {"beta": -1}, {"gamma": float("nan")},
                                 {"least_cosine": 2}, {"least_kept": -0.1}, {"top": 0},
                                 {"bottom": -1}, {"beta": "1"}])  # fmt: skip
def test_rocchio_refuses_bad_parameters(bad):
    with pytest.raises(ParameterError):
        Rocchio(**bad)


@pytest.mark.parametrize("bad", [{"terms": 0}, {"share": 0}, {"share": 1.1}, {"least_kept": 2}])
def test_rm3_refuses_bad_parameters(bad):
    with pytest.raises(ParameterError):
        Rm3(**bad)


def test_every_spec_string_has_a_maker():
    from isogloss.search.steps import _MAKERS

    assert sorted(_MAKERS) == sorted(name for names in SPECS.values() for name in names)


def test_a_plain_encoder_is_no_cross_encoder(tmp_path):
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
    with pytest.raises(EncoderError, match="BertModel"):
        CrossEncoder(str(tmp_path))
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(EncoderError, match="no cross-encoder"):
        CrossEncoder(str(tmp_path))
