"""Keywords of texts without spaces: whole words, not the pairs by which they are counted."""

import random
import re
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
from isogloss.topics.word_ends import never_parted

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
    long = "".join(chr(0x4E10 + i) for i in range(40))
    assert len(WholeWords([long] * 3).grown(long[20:22])) == 12


def test_thai_letters_keep_their_marks():
    word = "ที่นี่"
    assert clusters_of(word) == ["ที่", "นี่"]
    assert WholeWords([f"{word}ดี", f"{word}สวย", f"{word}ไม่"] * 3).grown(word) == word


def grown_in(texts, pair):
    return WholeWords(texts).grown(pair)


@pytest.mark.parametrize(
    ("texts", "pair", "word"),
    [
        (["ตาม", "นาม", "ลาม", "กาม"], "าม", ""),  # Thai: before a vowel that hangs on a letter
        (["ກະດ", "ນະດ", "ມະດ", "ຮະດ"], "ະດ", ""),  # Lao
        (["ะวัน", "ะวัน"], "ะวั", "วัน"),  # a text that begins within a word
        (["งแม", "งแด", "นแบ", "งแก"], "งแ", ""),  # after a vowel written before its consonant
        (["เกว", "แกว", "โกว", "ไกว"], "กว", ""),
        (["เปลี่ยนชื่อ", "จะเปลี่ยน", "เปลี่ยน"], "ปลี่", "เปลี่ยน"),
        (["เปลี่ยน"], "ปลี่", "เปลี่"),  # once is enough for what is never parted
        (["อาร์ก", "อาร์ด", "ออร์ก", "ออร์ด", "ฮาร์ก"], "ร์ก", "อาร์ก"),  # a silent letter
        (["มตัก", "มตัด", "มตัน", "มตับ"], "มตั", ""),  # a vowel of closed syllables
        (["アーカイブ"], "カイ", "アーカイブ"),
        (["ドット", "セット", "ペット", "ロット", "ネット"], "ット", ""),
        (["インターネットサービスプロバイダー"], "ビス", "インターネットサービスプロバイダー"),
        (["ア" * 40], "アア", ""),  # no word, and no end to look for
        (["数が多い", "人が多い", "物が多い", "が多い"], "が多", "多い"),
        (["時々の雨", "少々の雨", "人々の雪", "国々の雪"], "々の", ""),
    ],
)
def test_words_are_cut_only_where_the_script_lets_them_end(texts, pair, word):
    assert WholeWords(texts).grown(pair) == word


def test_a_topic_without_a_word_gets_the_commonest_that_its_pairs_are_cut_out_of():
    words = WholeWords(["ドット", "セット", "ペット", "ペット", "ロット", "ネット"])
    assert words.keywords(Keywords(["ット"], [0.9]), n=3) == Keywords(["ペット"], [0.9])
    assert words.keywords(Keywords(["ット", "ロッ"], [0.9, 0.8]), n=3).words == ["ロット"]


def test_signs_below_keep_their_consonant():
    khmer = "ខ្មែរ"  # the sign in it writes the next consonant below
    assert clusters_of(khmer)[0][-1] == "\u17d2"
    texts = [f"{khmer}{letter}" for letter in "កងចញដណតថ"]
    assert never_parted(*clusters_of(khmer)[:2])
    assert not never_parted(*clusters_of(khmer)[1:])
    assert WholeWords(texts).grown("".join(clusters_of(khmer)[1:])) == khmer


def test_a_word_of_katakana_may_stand_in_a_longer_one():
    texts = ["ファイルを開く", "ファイルの名", "ファイルが", "ファイルシステム"]
    assert WholeWords(texts).grown("ァイ") == "ファイル"


def test_hiragana_alone_is_no_keyword_where_there_is_another():
    texts = [*SPORT, *TRAIN, "しています", "走っています", "泳いでいます"]
    words = WholeWords(texts)
    many = Keywords(["てい", "選手", "ます", "らー"], [0.9, 0.8, 0.7, 0.6])
    assert words.keywords(many, n=3).words == ["選手"]
    assert words.keywords(Keywords(["てい", "年"], [0.9, 0.8]), n=3).words == ["年"]
    assert words.keywords(Keywords(["てい"], [0.9]), n=3).words == ["ています"]


PLAIN_SHUT = "[\u0e40-\u0e44].|.[\u0e30-\u0e3a\u0e45-\u0e4e]|[\u30a1-\u30fa\u30fc]{2}"
LETTERS = "กมนาะเแ่ัアイッードのが東京"


def stands_uncut(word, text):
    places = (match.end() for match in re.finditer(f"(?={re.escape(word)})", text))
    return any(
        not re.fullmatch(PLAIN_SHUT, (text[at - 1] if at else " ") + word[0])
        and not re.fullmatch(PLAIN_SHUT, word[-1] + text[at + len(word) :][:1].ljust(1))
        for at in places
    )


@given(st.lists(st.text(LETTERS, min_size=1, max_size=14), min_size=1, max_size=8))
def test_every_word_stands_somewhere_where_the_script_lets_it(texts):
    words = WholeWords(texts)
    for token in {token for tokens in tokenize(texts) for token in tokens}:
        shown = words.keywords(Keywords([token], [1.0]), n=1).words
        for word in (words.grown(token), *shown):
            assert word == "" or any(stands_uncut(word, text) for text in texts)


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
        assert grown == "" or len(clusters_of(grown)) <= 24
        if grown and grown != token:
            assert any(set(tokenize([grown])[0]) <= set(tokens) for tokens in tokenize(texts))


def test_passages_that_hold_a_word_hold_all_its_pairs():
    counts = csr_matrix(np.array([[1, 1, 0], [1, 0, 3], [0, 0, 0]]))
    found = holding(counts, ["新幹", "幹線", "切符"], ["新幹線", "切符", "大阪"])
    assert found.toarray().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    sport = ["オリンピック", "選手", "東京", "金", "走る", "泳ぐ", "待つ"]
    train = ["新幹線", "切符", "京都駅", "席", "買う", "着いた", "乗る"]
    draw = random.Random(0)
    texts = ["の".join(draw.sample(words, 4)) for words in (sport, train) for _ in range(100)]
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
