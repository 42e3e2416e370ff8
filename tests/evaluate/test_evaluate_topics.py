"""The report: its JSON shape, what it skips aloud, and what it refuses."""

import json

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from isogloss._core.errors import ParameterError
from isogloss.evaluate import evaluate_topics

VOCABULARY = ["cat", "dog", "moon", "sun"]
TOKENS = [["cat", "dog"], ["cat", "dog", "cat"], ["moon", "sun"], ["sun", "moon"], ["cat", "sun"]]
COUNTS = csr_matrix([[t.count(w) for w in VOCABULARY] for t in TOKENS])
LABELS = np.array([0, 0, 1, 1, -1])
KEYWORDS = [["cat", "dog"], ["moon", "sun"]]


def report(**changes):
    how = {
        "gold": ["p", "p", "s", "s", None],
        "counts": COUNTS,
        "vocabulary": VOCABULARY,
        "texts": TOKENS,
        "resamples": 50,
    }
    return evaluate_topics(LABELS, KEYWORDS, **(how | changes))


def test_json_has_the_shape_of_the_contract():
    shape = report().to_json()
    json.dumps(shape, allow_nan=False)
    assert shape["topics"] == 2
    assert shape["unassigned"] == 0.2
    for name in ("npmi", "npmi_window", "diversity", "nmi", "ari"):
        assert set(shape[name]) == {"value", "low", "high"}
    assert shape["nmi"]["value"] == 1.0
    assert shape["labelled"] == 4
    # cat 3, dog 2, both 2 of 5 documents; moon 2, sun 3, both 2
    expected = np.log(0.4 / (0.6 * 0.4)) / -np.log(0.4)
    assert shape["npmi"]["value"] == pytest.approx(expected, abs=1e-6)


def test_what_is_missing_is_said():
    bare = evaluate_topics(LABELS, KEYWORDS)
    assert set(bare.scores) == {"diversity", "inverted_rbo", "unassigned"}
    assert bare.skipped["nmi"] == "needs gold labels"
    assert bare.skipped["npmi"] == "needs word counts"
    assert report(gold=[None] * 5).skipped["ari"] == "every gold label is null"


def test_c_v_needs_gensim_and_texts():
    pytest.importorskip("gensim")
    assert report(with_cv=True, texts=iter(TOKENS))["c_v"].n == 2
    assert report(with_cv=True, texts=None).skipped["c_v"] == "needs texts"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gold": ["p"]}, "5 documents"),
        ({"gold": [["p"], "p", "s", "s", "s"]}, "one label"),
        ({"vocabulary": None}, "vocabulary"),
        ({"vocabulary": ["cat"]}, "4 columns"),
        ({"window": 2.5}, "window is 2.5: give a whole number of at least 2"),
        ({"window": 1}, "window is 1: give a whole number of at least 2"),
        ({"window": "3", "texts": None}, "window is '3'"),
        ({"texts": [None]}, r"texts\[0\] is None: give a list of words"),
        ({"texts": [["a"], "a cat"]}, r"texts\[1\] is 'a cat': give a list of words"),
        ({"texts": [["cat", None]]}, r"texts\[0\]\[1\] is None: give a string"),
        ({"texts": [[["cat"]]]}, r"texts\[0\]\[0\] is \['cat'\]"),
        ({"texts": "a cat"}, "texts is 'a cat': give a list of lists of words"),
        ({"cv_texts": [None]}, r"cv_texts\[0\] is None"),
        ({"seed": -1}, "seed is -1: give a whole number of at least 0"),
        ({"seed": None}, "seed is None"),
        ({"top": 2.5}, "top is 2.5"),
        ({"top": 1}, "at least 2 words a topic"),
        ({"resamples": 0}, "resamples is 0: give a whole number of at least 1"),
        ({"resamples": 2.5}, "resamples is 2.5"),
        ({"gold": 5}, "gold is 5: give one label a document"),
        ({"counts": 5}, "counts is 5: give a list of word counts"),
    ],
)
def test_mistakes_are_named(changes, words):
    with pytest.raises(ParameterError, match=words):
        report(**changes)


@pytest.mark.parametrize("keywords", [None, "cat", ["cat"], [None], [["cat", 3]]])
def test_keywords_are_lists_of_words(keywords):
    with pytest.raises(ParameterError, match="keywords"):
        evaluate_topics(LABELS, keywords, resamples=50)


def test_words_of_numpy_and_tuples_are_words():
    words = np.array(["cat", "dog"])
    found = evaluate_topics(LABELS, [words, ("moon", "sun")], texts=map(tuple, TOKENS))
    assert found["npmi_window"].value == report()["npmi_window"].value


def test_labels_are_integers():
    with pytest.raises(ParameterError, match="one integer a document"):
        evaluate_topics(np.array([0.5]), KEYWORDS)


def test_topics_of_one_word_have_no_pairs_and_no_coherence():
    counts = csr_matrix([[1.0, 0.0], [0.0, 2.0]])
    found = evaluate_topics(
        np.array([0, 1]), [["a"], ["b"]], counts=counts, vocabulary=["a", "b"]
    ).to_json()
    assert found.get("npmi", {"value": None})["value"] is None
    assert found["diversity"]["value"] == 1.0
