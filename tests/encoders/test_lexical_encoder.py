"""The lexical encoder against plain Python, and its laws."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lexical_plain import TEXTS, WORDS, check_plain, check_twice, make, plain_features, weighed

from isogloss import _native
from isogloss._core.errors import ParameterError
from isogloss.encoders.lexical import LexicalEncoder
from isogloss.text import text_buffers, tokens_of


def test_vectors_are_those_of_plain_python():
    check_plain(make(), TEXTS)


assigned = st.characters(
    exclude_categories=("Cs",), max_codepoint=0x2FFFF
).filter(lambda c: unicodedata.ucd_3_2_0.category(c) != "Cn")  # fmt: skip


pieces = st.one_of(
    st.text(assigned, max_size=6),
    st.sampled_from([*WORDS, " ", "'s", "-", "<b>", "&amp;", "@", "http://x.y ", "\0", "\u0301"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=12).map("".join))
def test_any_text_gives_the_plain_features_and_a_finite_unit_vector(text):
    weights = make()
    check_twice(weighed(weights), [text, text[::-1]])
    encoder = LexicalEncoder(weights)
    data, offsets = text_buffers([text])
    _, columns, values = encoder._features.weigh(data, offsets, weights.idf, 0, 1)
    plain = plain_features(weights, text)
    assert columns.tolist() == sorted(plain)
    assert np.allclose(values, [plain[f] for f in sorted(plain)], atol=1e-5)
    vector = encoder.encode([text])[0]
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1.0 if plain else 0.0, abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_a_finite_vector(raw, again):
    encoder = LexicalEncoder(weighed(make()) if again else make())
    out = np.empty((1, 12), np.float32)
    data = np.frombuffer(raw, np.uint8)
    made = encoder.weights
    offsets = np.array([0, len(raw)], np.int64)
    encoder._features.sums(
        data, offsets, made.idf, made.table, made.scale, 0, 1, out, encoder._weighing
    )
    assert np.isfinite(out).all()


@pytest.mark.parametrize("width, dim, hidden", [(64, 384, 130), (70, 65, 16), (192, 17, 300)])
def test_any_shape_of_the_layers_gives_the_plain_vectors(width, dim, hidden):
    weights = make(3, width, dim, hidden)
    texts = [*TEXTS, *(" ".join(WORDS[: i % 9 + 1] * (i % 70 + 1)) for i in range(230))]
    for encoder in (LexicalEncoder(weights), LexicalEncoder(weighed(weights))):
        vectors = encoder.encode(texts)
        alone = np.concatenate([encoder.encode([text]) for text in texts])
        assert (alone == vectors).all()
    check_plain(weights, [texts[i] for i in (0, 1, 2, 4, 5, 60, 100, 201, 239)])


def test_long_words_of_one_beginning_are_told_apart():
    stem = "abcdefgh" * 4
    words = sorted({stem[:n] + end for n in range(1, 33) for end in ("", "x", "é", "zz")})
    words = [word for word in words if tokens_of(word) == [word]]
    data, offsets = text_buffers(words)
    table = _native.LexicalTable(data, offsets, np.zeros((0, 2), np.int32), 0)
    _, numbers = table.sequences(data, offsets, 0, len(words))
    assert numbers.tolist() == list(range(len(words)))
    others = [word[:-1] + "q" for word in words if len(word) > 2]
    _, numbers = table.sequences(*text_buffers(others), 0, len(others))
    assert set(numbers.tolist()) == {-1}
    with pytest.raises(ValueError, match="twice"):
        _native.LexicalTable(*text_buffers(["one", "two", "one"]), np.zeros((0, 2), np.int32), 0)


@pytest.mark.parametrize("again", [False, True])
def test_vectors_do_not_depend_on_batch_threads_or_neighbours(monkeypatch, again):
    encoder = LexicalEncoder(weighed(make()) if again else make())
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice([*WORDS, "odd", "words"], 9)) for _ in range(1300)]
    whole = encoder.encode(texts)
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("ISOGLOSS_THREADS", threads)
        assert (encoder.encode(texts) == whole).all()
    assert (encoder.encode(texts, batch_size=7) == whole).all()
    alone = np.concatenate([encoder.encode([text]) for text in texts[:40]])
    assert (alone == whole[:40]).all()
    assert (encoder.encode(texts[::-1])[::-1] == whole).all()


def test_arguments_that_cannot_be_used():
    with pytest.raises(ParameterError, match="dim is 11"):
        LexicalEncoder(make(), dim=11)
    with pytest.raises(ParameterError, match="one string"):
        LexicalEncoder(make()).encode("cat")
    assert LexicalEncoder(make()).encode([]).shape == (0, 10)
