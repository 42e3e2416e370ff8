"""What a training reads: texts, ready vectors, and the features chosen from them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import SourceError
from isogloss.encoders.lexical import LexicalWeights
from isogloss.train.extend import extend_features
from isogloss.train.features import choose_features, read_frequencies
from isogloss.train.texts import read_texts, read_with_vectors, sentences_of


def test_features_are_the_common_words_and_the_pairs_beyond_chance():
    texts = ["new york city hall", "new york has a hall", "a new city", "york new"] * 3
    made = choose_features(texts, words=4, pairs=1, buckets=3, least=3)
    assert made.words == ["city", "hall", "new", "york"]
    assert made.pairs.tolist() == [[2, 3]]
    documents = {"city": 6, "hall": 6, "new": 12, "york": 9}
    expected = [max(0.05, np.log(13 / (1 + n))) for n in documents.values()]
    assert np.allclose(made.idf[:4], expected, atol=1e-6)
    assert len(made.idf) == 4 + 1 + 3
    matrix = made.weigh(texts[:1])
    assert np.allclose(np.sqrt(matrix.multiply(matrix).sum()), 1.0)


def test_sentences_and_samples(tmp_path):
    assert list(sentences_of("One two. Three four five six! Seven eight nine ten?")) == [
        "Three four five six!", "Seven eight nine ten?"
    ]  # fmt: skip
    path = tmp_path / "a.jsonl"
    rows = [{"text": f"row number {i % 30} of them"} for i in range(60)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    every = read_texts([path], None, split="row", sample=None, seed=0)
    assert len(every) == 30
    some = read_texts([path], None, split="row", sample=7, seed=0)
    assert len(some) == 7
    assert some == sorted(some, key=every.index)
    assert some == read_texts([path], None, split="row", sample=7, seed=0)


def test_ready_vectors_belong_to_their_rows(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", "", "b", "a", "c", None]}), path)
    codes = np.array([[1, 0], [9, 9], [0, 2], [9, 9], [0, 0], [9, 9]], np.int8)
    np.save(tmp_path / "v.npy", codes)
    texts, vectors = read_with_vectors([path], [tmp_path / "v.npy"], None, sample=None, seed=0)
    assert texts == ["a", "b"]
    assert vectors.tolist() == [[1, 0], [0, 1]]
    np.save(tmp_path / "short.npy", codes[:2])
    with pytest.raises(SourceError, match="has 2 rows"):
        read_with_vectors([path], [tmp_path / "short.npy"], None, sample=None, seed=0)
    Path(tmp_path / "no.npy").write_bytes(b"nothing")
    with pytest.raises(SourceError, match="holds no vectors"):
        read_with_vectors([path], [tmp_path / "no.npy"], None, sample=None, seed=0)


def test_frequencies_of_the_language_count_as_half():
    texts = ["cat dog", "cat", "dog", "cat"] * 5
    frequencies = {"cat": 0.001, "heron": 0.01, "don't": 0.002, "New York": 0.5, "dog": 1e-7}
    made = choose_features(texts, words=3, pairs=0, buckets=1, frequencies=frequencies)
    assert made.words == ["cat", "dog", "heron"]
    shares = np.array([16 / 21 + 1 - np.exp(-0.04), 11 / 21 + 1 - np.exp(-4e-6), 1 - np.exp(-0.4)])
    assert np.allclose(made.idf[:3], -np.log(shares / 2), atol=1e-6)
    more = choose_features(texts, words=9, pairs=0, buckets=1, frequencies=frequencies)
    assert "New York" not in more.words
    assert "york" not in more.words


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"word": ["a"]}, "no columns"),
        ({"word": ["a", "b"], "frequency": [0.1, 0.0]}, "row 1: frequency 0.0"),
        ({"word": ["a", "b"], "frequency": [0.1, None]}, "row 1"),
        ({"word": ["a", "a"], "frequency": [0.1, 0.1]}, "each once"),
        ({"word": [1], "frequency": [0.1]}, "must be strings"),
    ],
)
def test_bad_frequencies_are_refused(tmp_path, columns, said):
    pq.write_table(pa.table(columns), tmp_path / "words.parquet")
    with pytest.raises(SourceError, match=said):
        read_frequencies(tmp_path / "words.parquet")
    with pytest.raises(SourceError, match="there is no file"):
        read_frequencies(tmp_path / "none.parquet")


def test_features_of_an_encoder_keep_their_rows():
    rng = np.random.default_rng(0)
    start = LexicalWeights(
        words=["bird", "cat", "dog"], pairs=np.array([[1, 2]], np.int32), buckets=2,
        idf=np.array([3, 2, 1, 4, 5, 5], np.float32),
        table=rng.integers(-127, 128, (6, 2)).astype(np.int8),
        scale=np.full(6, 0.01, np.float32), skip=np.eye(2, dtype=np.float32),
        inner=np.ones((2, 3), np.float32), bias=np.zeros(3, np.float32),
        outer=np.ones((3, 2), np.float32),
    )  # fmt: skip
    texts = ["cat dog ant", "ant cat dog", "ant ant"]
    features, known = extend_features(start, texts, words=1, pairs=9, least=2)
    assert features.words == ["ant", "bird", "cat", "dog"]
    assert features.pairs.tolist() == [[2, 3]]
    assert known.tolist() == [-1, 0, 1, 2, 3, 4, 5]
    cat = (np.exp(-2) + 3 / 4) / 2
    assert np.allclose(features.idf[[1, 2]], [3 + np.log(2), -np.log(cat)], atol=1e-6)
    assert np.allclose(features.idf[4:], [4, 5, 5])
