"""Phrases: worked sums, scipy as the oracle, planted phrases, and shuffled words that give none."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from isogloss._core.errors import ParameterError
from isogloss.text import Vocabulary
from isogloss.text.tokens import tokenize
from isogloss.topics import phrases as home
from isogloss.topics.phrases import Phrases, likelihood_ratio, phrase_npmi


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 60), st.integers(1, 500))
def test_the_likelihood_ratio_is_that_of_scipy(both, first, second, rest):
    total = both + first + second + rest
    expected = chi2_contingency(
        [[both, first], [second, rest]], lambda_="log-likelihood", correction=False
    )[0]
    value = float(likelihood_ratio(both, both + first, both + second, total))
    assert abs(value) == pytest.approx(expected, abs=1e-6)
    assert (value >= 0) == (both * total >= (both + first) * (both + second))


def test_npmi_by_hand():
    # 4 of 100 together, 5 and 8 alone: ln(.04 / .004) / -ln .04
    assert float(phrase_npmi(4, 5, 8, 100)) == pytest.approx(np.log(10) / -np.log(0.04))
    assert float(phrase_npmi(7, 7, 7, 7)) == 1.0


def corpus(seed=0, documents=300):
    """Random words in which two phrases are planted."""
    rng = np.random.default_rng(seed)
    words = [f"word{chr(97 + i)}{chr(97 + j)}" for i in range(8) for j in range(8)]
    texts = []
    for number in range(documents):
        text = rng.choice(words, 20).tolist()
        if number % 6 == 0:
            text.insert(int(rng.integers(20)), "space shuttle")
        if number % 9 == 0:
            text.insert(int(rng.integers(20)), "bill of rights")
        if number % 7 == 0:
            text.insert(int(rng.integers(20)), "new york city")
        texts.append(" ".join(text))
    return texts, [*words, "space", "shuttle", "bill", "rights", "new", "york", "city"]


def test_planted_phrases_are_found_and_no_others():
    texts, words = corpus()
    found = Phrases.fit([texts], words).phrases
    assert found == [
        "bill of rights", "new york", "new york city", "space shuttle", "york city",
    ]  # fmt: skip
    every = np.random.default_rng(1).permutation(" ".join(texts).split())
    shuffled = [" ".join(part) for part in np.array_split(every, 300)]
    assert Phrases.fit([shuffled], words).phrases == []


def test_three_words_must_hold_at_both_seams():
    words = corpus()[1]
    rng = np.random.default_rng(0)
    often = []  # "common" is everywhere, so it often follows a phrase by chance
    for text in corpus(1)[0] + corpus(2)[0] + corpus(3)[0]:
        phrases = text.replace("space shuttle", "space_shuttle").split()
        often.append(" ".join(w + " common" * int(rng.random() < 0.4) for w in phrases))
    often = [text.replace("_", " ") for text in often]
    assert sum("space shuttle common" in text for text in often) > 40
    found = Phrases.fit([often], [*words, "common"]).phrases
    assert "space shuttle" in found
    assert "space shuttle common" not in found


def test_batches_do_not_matter():
    texts, words = corpus(2)
    whole = Phrases.fit([texts], words).phrases
    assert whole == Phrases.fit([texts[i : i + 17] for i in range(0, 300, 17)], words).phrases
    assert whole == Phrases.fit([texts[::-1]], reversed(words)).phrases


def test_phrases_begin_and_end_with_allowed_words():
    texts, words = corpus()
    found = Phrases.fit([texts], [word for word in words if word != "rights"]).phrases
    assert "bill of rights" not in found
    assert not any(phrase.split()[-1] == "of" for phrase in found)


def test_counts_are_those_of_a_plain_search():
    texts, words = corpus(4)
    found = Phrases.fit([texts], words)
    table = found.counts([*texts, "", "New York, New York City!"]).toarray()
    assert table.shape == (302, len(found))
    streams = [" " + " ".join(tokens) + " " for tokens in tokenize(texts)]
    for column, phrase in enumerate(found.phrases):
        assert table[:300, column].tolist() == [s.count(f" {phrase} ") for s in streams]
    assert table[300].tolist() == [0] * len(found)
    last = dict(zip(found.phrases, table[301], strict=True))
    assert (last["new york"], last["new york city"], last["york city"]) == (2, 1, 1)


def test_rare_runs_are_forgotten_where_memory_ends(monkeypatch):
    texts, words = corpus()
    monkeypatch.setattr(home, "HELD_RUNS", 900)
    found = Phrases.fit([texts[i : i + 50] for i in range(0, 300, 50)], words).phrases
    assert {"space shuttle", "new york city"} <= set(found)


def test_nothing_comes_of_nothing():
    assert Phrases.fit([], ["a"]).phrases == []
    assert Phrases.fit([["", "one"]], ["one"]).phrases == []
    assert Phrases([]).counts(["new york"]).shape == (1, 0)
    for wrong in ({"min_count": 0}, {"least_npmi": 2}, {"most": 0}):
        with pytest.raises(ParameterError, match="give min_count"):
            Phrases.fit([["a b"]], ["a"], **wrong)
    with pytest.raises(ParameterError, match="two or three words"):
        Phrases(["one"])


@pytest.mark.data
def test_real_phrases(data_dir):
    table = pq.read_table(data_dir / "bbc_news" / "data.parquet").slice(0, 800)
    texts = table["text"].to_pylist()
    words = Vocabulary.fit([texts], stop_words="auto").words
    found = set(Phrases.fit([texts], words).phrases)
    assert {"interest rates", "chief executive", "stock market"} <= found
    assert not any(phrase.startswith(("the ", "of ")) for phrase in found)
