import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.word_files import read_word_file
from isogloss.encoders.words import WordsEncoder, first_component, split_words, zipf

ROWS = {"the": [1, 0, 0], "moon": [0, 2, 0], "Paris": [0, 0, 4], "zoo": [0.5, -1, 2]}


def text(header=True, rows=ROWS, end="\n"):
    lines = [f"{word} {' '.join(map(str, vector))}" for word, vector in rows.items()]
    head = [f"{len(rows)} 3"] if header else []
    return (end.join(head + lines) + end).encode()


def binary(rows=ROWS, newline=b"\n"):
    body = b"".join(
        word.encode() + b" " + np.array(vector, "<f4").tobytes() + newline
        for word, vector in rows.items()
    )
    return f"{len(rows)} 3\n".encode() + body


@pytest.mark.parametrize(
    "data",
    [
        text(),
        text(header=False),
        text(end=" \n"),
        text(end="\r\n"),
        text().replace(b" ", b"\t").replace(b"4\t3", b"4 3"),
        binary(),
        binary(newline=b""),
        gzip.compress(text()),
        gzip.compress(binary()),
    ],
    ids=["word2vec", "glove", "fasttext", "crlf", "tabs", "bin", "bin-bare", "gz", "bin-gz"],
)
def test_all_formats_give_the_same(tmp_path, data):
    path = tmp_path / "vectors"
    path.write_bytes(data)
    found = read_word_file(path)
    assert found.words == list(ROWS)
    np.testing.assert_array_equal(found.vectors, np.array(list(ROWS.values()), np.float32))
    assert (found.rows, found.duplicates, found.left_out) == (4, 0, 0)


def test_files_of_gensim_are_read(tmp_path):
    keyed = pytest.importorskip("gensim.models.keyedvectors")
    vectors = keyed.KeyedVectors(vector_size=3)
    vectors.add_vectors(list(ROWS), np.array(list(ROWS.values()), np.float32))
    for binary_format in (False, True):
        path = tmp_path / f"gensim-{binary_format}"
        vectors.save_word2vec_format(str(path), binary=binary_format)
        found = read_word_file(path)
        assert found.words == list(ROWS)
        np.testing.assert_array_equal(found.vectors, vectors.vectors)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "holds no word vectors"),
        (b"\n\n", "holds no word vectors"),
        (b"4 3\n", "vector 1: the file ends; its header promises 4"),
        (b"word\n", "vector 1: 0 numbers follow"),
        (text()[:-20], r"vector \d: \d numbers follow the word, not 3"),
        (text(rows={**ROWS, "bad": [1, 2]}), "vector 5: 2 numbers follow the word, not 3"),
        (text(rows={**ROWS, "bad": [1, 2, 3, 4]}), "vector 5: 4 numbers follow the word, not 3"),
        (text(rows={**ROWS, "bad": [1, "two", 3]}), "vector 5: something is no number"),
        (text(rows={**ROWS, "bad": [1, "nan", 3]}), "vector 5: the vector of 'bad' is not finite"),
        (text(rows={**ROWS, "bad": [1, "inf", 3]}), "vector 5: the vector of 'bad' is not finite"),
        (text(rows={**ROWS, "bad": [1, "1e99", 3]}), "vector 5: the vector of 'bad' is not finite"),
        (text().replace(b"4 3", b"9 3"), "vector 5: the file ends; its header promises 9"),
        (text().replace(b"4 3", b"4 999999"), "promises vectors of 999,999 numbers"),
        (text().replace(b"4 3", b"4 0"), "promises vectors of 0 numbers"),
        (binary()[:-3], "vector 4: the file ends within a vector"),
        (binary().replace(b"4 3", b"7 3"), "vector 5: the file ends"),
        (b"2 3\n" + bytes(range(128, 256)) * 20, "vector 1"),
        (gzip.compress(text())[:-12], "damaged gzip"),
        (b"\x1f\x8b" + b"\0" * 30, "damaged gzip"),
        ((793712314).to_bytes(4, "little") + b"\0" * 99, "use the .vec file"),
        (b"PK\x03\x04" + bytes(range(256)) * 20, "vector 1"),
    ],
)
def test_damaged_files_give_one_line_with_file_and_row(tmp_path, data, message):
    path = tmp_path / "broken.vec"
    path.write_bytes(data)
    with pytest.raises(EncoderError, match=message) as caught:
        read_word_file(path)
    assert "broken.vec" in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=80).map(lambda b: b"2 3\n" + b)))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.vec"
    path.write_bytes(data)
    try:
        found = read_word_file(path)
    except EncoderError:
        return
    assert len(found.words) == len(found.vectors) > 0
    assert np.isfinite(found.vectors).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 120), st.binary(min_size=1, max_size=4))
def test_a_damaged_binary_file_is_read_or_refused(tmp_path_factory, at, noise):
    data = bytearray(binary())
    data[at : at + len(noise)] = noise
    path = tmp_path_factory.getbasetemp() / "fuzz.bin"
    path.write_bytes(data)
    try:
        read_word_file(path)
    except EncoderError as error:
        assert "fuzz.bin" in str(error)


def test_duplicates_count_once_and_the_first_stands(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(text(header=False) + b"the 9 9 9\nlast 7 7 7\n")
    found = read_word_file(path)
    assert (found.rows, found.duplicates) == (6, 1)
    assert found.words == [*ROWS, "last"]
    assert found.vectors[[0, 4]].tolist() == [[1, 0, 0], [7, 7, 7]]


def test_words_beyond_the_cap_are_counted(tmp_path):
    path = tmp_path / "a"
    for data, left_out in ((text(), 2), (binary(), 2), (text(header=False), None)):
        path.write_bytes(data)
        found = read_word_file(path, max_words=2)
        assert found.words == ["the", "moon"]
        assert found.left_out == left_out


def test_invalid_utf8_in_a_word_is_replaced(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(text().replace(b"zoo", b"z\xff"))
    assert read_word_file(path).words[-1] == "z\ufffd"


def test_glove_words_may_hold_spaces(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"the 1 0 0\n. . . 0 1 0\n")
    assert read_word_file(path).words == ["the", ". . ."]


@pytest.fixture
def encoder(tmp_path):
    path = tmp_path / "a.vec"
    path.write_bytes(text())
    return WordsEncoder(path)


def test_weights_follow_the_paper(encoder):
    # Zipf over 4 words: p = (12, 6, 4, 3) / 25; weights a / (a + p) with a = 0.001
    shares = np.array([12, 6, 4, 3]) / 25
    np.testing.assert_allclose(zipf(4), shares)
    the, moon = 0.001 / (0.001 + shares[:2])
    wanted = np.array([2 * the, 2 * moon, 0])  # "the" twice, "moon" (0, 2, 0) once
    vector = encoder.encode(["the moon the unseen"])[0]
    np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), rtol=1e-6)
    assert encoder.unknown_words == 1


def test_case_is_tried_as_written_then_lower(encoder):
    vectors = encoder.encode(["Paris", "paris", "MOON"])
    assert vectors.tolist() == [[0, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_the_component_is_taken_away_once_it_is_fitted(encoder):
    before = encoder.fingerprint
    texts = ["the moon", "the zoo", "Paris zoo", "the moon zoo"]
    component = encoder.fit_component(texts).component_
    assert encoder.fingerprint != before
    np.testing.assert_allclose(np.linalg.norm(component), 1, rtol=1e-6)
    np.testing.assert_allclose(encoder.encode(texts) @ component, 0, atol=1e-6)
    one = encoder.encode(["the zoo"])
    np.testing.assert_array_equal(one, encoder.encode(texts)[1:2])


def test_the_component_is_the_first_singular_vector():
    x = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32) * [1, 2, 5, 1, 1]
    _, _, vt = np.linalg.svd(x.astype(float))
    found = first_component(x.astype(np.float32))
    np.testing.assert_allclose(abs(found @ vt[0]), 1, rtol=1e-5)


def test_nothing_known_and_wrong_parameters_are_refused(encoder, tmp_path):
    with pytest.raises(EncoderError, match="knows no word of the 2"):
        encoder.fit_component(["unseen", ""])
    with pytest.raises(ParameterError, match="max_words=0"):
        WordsEncoder(tmp_path / "a.vec", max_words=0)


def test_words_are_split_with_inner_marks():
    assert split_words("it's a re-run: 3.5 ok") == ["it's", "a", "re-run", ":", "3", ".", "5", "ok"]
