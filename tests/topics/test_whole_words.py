"""Keywords of texts without spaces: whole words, not the pairs by which they are counted."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from isogloss.atlas import Atlas
from isogloss.text.tokens import tokenize
from isogloss.topics.keywords import Keywords
from isogloss.topics.whole_words import WholeWords, clusters_of, holding, shown_keywords

SPORT = [
    "オリンピックの選手が東京で走る",
    "東京のオリンピックで選手が泳ぐ",
    "選手はオリンピックを待つ",
]
TRAIN = ["新幹線の切符を京都駅で買う", "京都駅に新幹線が着いた", "切符と新幹線の席"]


def test_pairs_grow_into_the_word_that_they_stand_in():
    words = WholeWords([*SPORT, *TRAIN])
    assert {words.grown(pair) for pair in ("オリ", "ンピ", "ック")} == {"オリンピック"}
    assert words.grown("幹線") == "新幹線"
    assert words.grown("東京") == "東京"
    assert words.grown("moon") == "moon"
    assert words.grown("無い") == "無い"  # stands nowhere in the texts


def test_nothing_grows_over_the_end_of_a_text_or_a_mark():
    words = WholeWords(["東京", "都会", "東京", "都会", "大阪。城下", "大阪。城下"])
    assert words.grown("東京") == "東京"
    assert words.grown("大阪") == "大阪"


def test_a_letter_that_goes_with_everything_is_no_part_of_a_word():
    nouns = [chr(0x4E10 + 2 * i) + chr(0x4E11 + 2 * i) for i in range(40)]
    texts = [f"{letter}{noun}{letter}" for noun in nouns for letter in "的了是在不有很也就都"] * 2
    words = WholeWords(texts)
    for noun in nouns:
        assert words.grown(noun) == noun
        assert words.grown("的" + noun[0]) == noun
        assert words.grown(noun[1] + "的") == noun
    pairs = permutations("的了是在不有很也就都", 2)
    loose = WholeWords([f"{one}{other}{noun}" for one, other in pairs for noun in nouns])
    assert loose.grown("的了") == ""


def test_a_word_has_twelve_letters_at_most():
    long = "".join(chr(0x30A1 + i) for i in range(40))
    assert len(WholeWords([long] * 3).grown(long[20:22])) == 12


def test_thai_letters_keep_their_marks():
    word = "ที่นี่"
    assert clusters_of(word) == ["ที่", "นี่"]
    assert WholeWords([f"{word}ดี", f"{word}สวย", f"{word}ไม่"] * 3).grown(word) == word


def test_words_stand_once_and_single_letters_behind_words():
    words = WholeWords([*SPORT, *TRAIN])
    found = words.keywords(
        Keywords(["ンピ", "年", "リン", "選手", "xp"], [0.9, 0.8, 0.7, 0.6, 0.5]), n=3
    )
    assert found == Keywords(["オリンピック", "選手", "xp"], [0.9, 0.6, 0.5])
    assert words.keywords(Keywords(["年"], [0.8]), n=3).words == ["年"]


def test_a_rule_is_asked_once_where_there_are_spaces():
    asked = []

    def rule(topics, *, n=10):
        asked.append(n)
        return [Keywords(["moon"], [1.0])]

    assert shown_keywords(rule, None, lambda: pytest.fail("texts"), n=2)[0].words == ["moon"]
    assert asked == [2]


@given(st.lists(st.text("東京都大阪のを。 ab\u3099ที่", max_size=12), max_size=6))
def test_any_texts_give_words_that_stand_in_them(texts):
    words = WholeWords(texts)
    for token in {token for tokens in tokenize(texts) for token in tokens}:
        grown = words.grown(token)
        assert grown == "" or len(clusters_of(grown)) <= 12
        if grown and grown != token:
            assert any(set(tokenize([grown])[0]) <= set(tokens) for tokens in tokenize(texts))


def test_passages_that_hold_a_word_hold_all_its_pairs():
    counts = csr_matrix(np.array([[1, 1, 0], [1, 0, 3], [0, 0, 0]]))
    found = holding(counts, ["新幹", "幹線", "切符"], ["新幹線", "切符", "大阪"])
    assert found.toarray().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    texts = [f"{one}。{other}" for part in (SPORT, TRAIN) for one in part for other in part * 6]
    return Atlas.build(texts, tmp_path_factory.mktemp("words") / "a.atlas", encoder="lsa")


def test_an_atlas_shows_whole_words_and_measures_them(atlas):
    shown = {word for topic in atlas.topics for word in topic.keywords}
    assert "オリンピック" in shown and "新幹線" in shown
    assert not shown & {"リン", "ンピ", "新幹", "幹線"}
    npmi = atlas.evaluate_topics()["npmi"]["value"]
    assert npmi > -0.5


def test_split_topics_get_whole_words_as_well(atlas):
    leaf = max(atlas.topics.leaves, key=lambda topic: topic.size)
    atlas.split_topic(leaf.id, into=2)
    shown = {word for topic in atlas.topics for word in topic.keywords}
    assert not shown & {"リン", "ンピ", "新幹", "幹線"}
