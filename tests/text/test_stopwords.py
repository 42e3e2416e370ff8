"""Lists of stop words, and which languages a corpus is taken to speak."""

import unicodedata
from collections import Counter

import pyarrow.parquet as pq
import pytest

from isogloss.text import Vocabulary, tokenize
from isogloss.text.stopwords import STOP_WORDS, stop_words_for

ENGLISH = ["the", "of", "and", "is", "to"]


@pytest.mark.parametrize("language", STOP_WORDS)
def test_lists_are_words_as_the_tokeniser_writes_them(language):
    words = sorted(STOP_WORDS[language])
    assert len(words) >= 40
    assert all(unicodedata.normalize("NFC", word.lower()) == word for word in words)
    lost = [
        word
        for word, found in zip(words, tokenize(words), strict=True)
        if found != [word] and len(word) > 1
    ]
    # An 's falls off, and then the word is one of the list as well.
    assert all(word == "i.e" or word.removesuffix("'s") in words for word in lost)


def test_four_words_are_no_language_and_five_are():
    four = dict.fromkeys(ENGLISH[:4], 10)
    assert stop_words_for(four, 100) == frozenset()
    assert stop_words_for({**four, "to": 10}, 100) == STOP_WORDS["en"]


def test_a_word_counts_in_a_fiftieth_of_the_documents():
    assert stop_words_for(dict.fromkeys(ENGLISH, 20), 1000) == STOP_WORDS["en"]
    assert stop_words_for(dict.fromkeys(ENGLISH, 19), 1000) == frozenset()
    assert stop_words_for({**dict.fromkeys(ENGLISH, 20), "to": 19}, 1000) == frozenset()


def test_small_corpora_need_one_document():
    assert stop_words_for(dict.fromkeys(ENGLISH, 1), 3) == STOP_WORDS["en"]
    assert stop_words_for(dict.fromkeys(ENGLISH, 0), 3) == frozenset()
    assert stop_words_for({}, 0) == frozenset()


def test_languages_unite():
    german = dict.fromkeys(["der", "und", "nicht", "auch", "ein"], 5)
    both = stop_words_for({**german, **dict.fromkeys(ENGLISH, 5)}, 10)
    assert both == STOP_WORDS["de"] | STOP_WORDS["en"]


@pytest.mark.data
@pytest.mark.parametrize(
    "file, column, language",
    [
        ("bbc_news/data.parquet", "text", "en"),
        ("marathi_sentiment/data.parquet", "text", "mr"),
        ("bengali_hate/v1.parquet", "text", "bn"),
    ],
)
def test_the_language_of_a_corpus_is_found(data_dir, file, column, language):
    texts = pq.read_table(data_dir / file, columns=[column])[column].slice(0, 800)
    frequency = Counter(word for words in tokenize(texts) for word in set(words))
    found = stop_words_for(frequency, len(texts))
    assert STOP_WORDS[language] <= found
    assert "ru" not in [name for name, words in STOP_WORDS.items() if words <= found]
    vocabulary = Vocabulary.fit([texts], stop_words="auto")
    assert not STOP_WORDS[language] & set(vocabulary.words)
