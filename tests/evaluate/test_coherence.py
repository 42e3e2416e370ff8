"""Coherence: worked sums, gensim as oracle on made and real text, diversity."""

import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from isogloss._core.errors import ParameterError
from isogloss.evaluate import cooccurrence
from isogloss.evaluate.coherence import coherence_score, cv, diversity_score, npmi, uci
from isogloss.evaluate.cooccurrence import count_documents, count_windows

WORDS = list("abcdef")
texts_of_letters = st.lists(
    st.lists(st.sampled_from([*WORDS, "x", "y", "z"]), max_size=25), min_size=1, max_size=12
)


def by_gensim(keywords, texts, measure, window):
    models = pytest.importorskip("gensim.models.coherencemodel")
    corpora = pytest.importorskip("gensim.corpora")
    dictionary = corpora.Dictionary([*texts, [w for words in keywords for w in words]])
    model = models.CoherenceModel(
        topics=keywords,
        texts=texts,
        dictionary=dictionary,
        coherence=measure,
        window_size=window,
        topn=10,
        processes=1,
    )
    return np.array(model.get_coherence_per_topic())


def slow_windows(keywords, texts, window):
    """Count in the plainest way."""
    seen = [
        set(text[start : start + window])
        for text in texts
        for start in range(max(1, len(text) - window + 1))
    ]
    words = [[sum(w in bag for bag in seen) for w in topic] for topic in keywords]
    pairs = [
        [[sum(u in bag and w in bag for bag in seen) for w in topic] for u in topic]
        for topic in keywords
    ]
    return len(seen), np.array(words), np.array(pairs)


def test_document_npmi_by_hand():
    # 4 documents; a in 2, b in 3, c in 1; ab in 2, ac in 0, bc in 1
    counts = csr_matrix([[1, 3, 0], [2, 1, 0], [0, 1, 1], [0, 0, 0]])
    pairs = count_documents([["a", "b", "c"]], counts, ["a", "b", "c"])
    ab = math.log(0.5 / (0.5 * 0.75)) / -math.log(0.5)
    bc = math.log(0.25 / (0.75 * 0.25)) / -math.log(0.25)
    assert npmi(pairs)[0] == pytest.approx((ab + bc - 1) / 3, abs=1e-12)
    epsilon = math.log(1e-12 / (0.5 * 0.25)) / -math.log(1e-12)
    assert npmi(pairs, never="epsilon")[0] == pytest.approx((ab + bc + epsilon) / 3, abs=1e-9)


def test_uci_by_hand():
    counts = csr_matrix([[1, 1], [1, 1], [0, 1], [0, 0]])
    pairs = count_documents([["a", "b"]], counts, ["a", "b"])
    assert uci(pairs)[0] == pytest.approx(math.log(0.5 / (0.5 * 0.75)), abs=1e-9)


def test_words_always_together_score_one_and_never_minus_one():
    together = csr_matrix([[1, 1], [0, 0], [1, 1]])
    apart = csr_matrix([[1, 0], [0, 1]])
    everywhere = csr_matrix([[1, 1], [1, 1]])
    for counts, value in ((together, 1.0), (apart, -1.0), (everywhere, 1.0)):
        assert npmi(count_documents([["a", "b"]], counts, ["a", "b"]))[0] == pytest.approx(value)


def test_batches_equal_the_whole():
    counts = csr_matrix(np.random.default_rng(0).integers(0, 2, (30, 6)))
    topics = [["a", "b", "c"], ["c", "f"]]
    whole = count_documents(topics, counts, WORDS)
    parts = count_documents(topics, (counts[i : i + 7] for i in range(0, 30, 7)), WORDS)
    assert whole.total == parts.total
    np.testing.assert_array_equal(whole.pairs, parts.pairs)
    np.testing.assert_array_equal(whole.words, parts.words)


def test_short_topics_and_unknown_words():
    counts = csr_matrix([[1, 1], [1, 1], [0, 0]])
    values = npmi(count_documents([["a", "b"], ["a"], [], ["a", "zzz"]], counts, ["a", "b"]))
    assert values[0] == 1.0
    assert np.isnan(values[1:3]).all()
    assert values[3] == -1.0
    score = coherence_score("npmi", values)
    assert score.value == 0.0
    assert "2 topics with fewer than two words" in score.notes


@settings(max_examples=80, deadline=None)
@given(texts_of_letters, st.integers(2, 12))
def test_windows_equal_plain_counting(texts, window):
    topics = [["a", "b", "c"], ["d", "e", "f"]]
    ours = count_windows(topics, texts, window=window)
    total, words, pairs = slow_windows(topics, texts, window)
    assert ours.total == total
    np.testing.assert_array_equal(ours.words, words)
    for topic in range(2):
        np.fill_diagonal(pairs[topic], 0)
    np.testing.assert_array_equal(ours.pairs, pairs)


@settings(max_examples=60, deadline=None)
@given(texts_of_letters, st.integers(2, 12))
def test_windows_equal_gensim(texts, window):
    topics = [["a", "b", "c"], ["d", "e", "f"]]
    # gensim divides by zero where a word never occurs, and turns a pair in every window to -1
    texts = [*texts, WORDS, ["x"]]
    ours = count_windows(topics, texts, window=window, as_gensim=True)
    theirs = by_gensim(topics, texts, "c_npmi", window)
    np.testing.assert_allclose(npmi(ours, never="epsilon"), theirs, atol=1e-6)
    np.testing.assert_allclose(uci(ours), by_gensim(topics, texts, "c_uci", window), atol=1e-6)


def test_small_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    texts = [list(rng.choice([*WORDS, "x"], rng.integers(0, 30))) for _ in range(50)]
    whole = count_windows([WORDS], texts, window=4)
    monkeypatch.setattr(cooccurrence, "_INCIDENCES", 40)
    parts = count_windows([WORDS], iter(texts), window=4)
    assert whole.total == parts.total
    np.testing.assert_array_equal(whole.pairs, parts.pairs)


@pytest.mark.data
def test_real_text_equals_gensim(data_dir):
    table = pq.read_table(data_dir / "bbc_news" / "data.parquet")
    texts = [text.lower().split()[:120] for text in table["text"].to_pylist()[::7]]
    topics = [
        ["the", "government", "minister", "labour", "election"],
        ["film", "best", "award", "actor", "music"],
        ["game", "win", "team", "players", "england"],
    ]
    exact = npmi(count_windows(topics, texts), never="epsilon")
    same = count_windows(topics, texts, as_gensim=True)
    theirs = by_gensim(topics, texts, "c_npmi", 10)
    np.testing.assert_allclose(npmi(same, never="epsilon"), theirs, atol=1e-6)
    np.testing.assert_allclose(uci(same), by_gensim(topics, texts, "c_uci", 10), atol=1e-6)
    # gensim's slip with repeated words is small on real text
    np.testing.assert_allclose(exact, theirs, atol=0.02)
    np.testing.assert_allclose(cv(topics, texts), by_gensim(topics, texts, "c_v", 110), atol=1e-6)


def test_cv_leaves_out_topics_it_cannot_score():
    pytest.importorskip("gensim")
    texts = [["a", "b", "c"], ["a", "b"], ["c", "d"], ["d", "c"]] * 5
    values = cv([["a", "b"], ["zzz", "a"], ["c", "d"]], texts)
    assert np.isnan(values).tolist() == [False, True, False]
    assert values[0] > 0.5


def test_diversity_by_hand():
    # 6 places, 4 words
    assert diversity_score([["a", "b", "c"], ["a", "b", "d"]]).value == pytest.approx(4 / 6)
    assert diversity_score([["a", "b"], ["c", "d"]]).value == 1.0
    # only the top words count
    assert diversity_score([["a", "x"], ["b", "x"]], top=1).value == 1.0
    assert math.isnan(diversity_score([]).value)


def test_diversity_interval_has_no_false_repeats():
    # a plain bootstrap over distinct topics would draw copies and say about .63
    apart = diversity_score([[f"w{t}-{i}" for i in range(10)] for t in range(20)])
    assert (apart.low, apart.high) == (1.0, 1.0)
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(120)]
    values, widths = [], []
    for trial in range(60):
        topics = [list(rng.choice(words, 10, replace=False)) for _ in range(12)]
        score = diversity_score(topics, seed=trial)
        assert score.low <= score.value <= score.high
        values.append(score.value)
        widths.append(score.high - score.low)
    # never narrower than fresh draws of topics spread; the jackknife errs upward, here where
    # all topics draw from one bag by its worst, the root of 2
    assert 1.0 < np.mean(widths) / (2 * 1.96 * np.std(values)) < 2.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: count_windows([["a", "b"]], ["a b c"]),
        lambda: count_windows([["a", "b"]], [["a"]], window=1),
        lambda: count_documents([["a", "b"]], csr_matrix([[1, 1, 1]]), ["a", "b"]),
        lambda: count_documents([["a", "b"]], csr_matrix([[1, 1]]), ["a", "b"], top=1),
    ],
)
def test_mistakes_are_named(call):
    with pytest.raises(ParameterError):
        call()
