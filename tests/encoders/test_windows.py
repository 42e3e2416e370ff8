import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.windows import Pieces, WindowedEncoder, blocks, check_overflow, cut, pool


class Letters(WindowedEncoder[str]):
    """Reads three letters and its prompt; the vector counts a, b and c."""

    def __init__(self, overflow="pool"):
        super().__init__(
            spec="letters", dim=3, fingerprint="", max_tokens=5, overflow=overflow,
            prompts={"query": "q"},
        )  # fmt: skip

    def _room(self, prompt):
        return 4 - len(prompt), 1 + len(prompt)

    def _tokenise(self, texts, prompt):
        return [(text, list(range(len(text)))) for text in texts]

    def _piece(self, text, tokens, start, stop):
        return tokens[start:stop]

    def _forward(self, pieces, batch_size):
        assert all(length <= 5 for length in pieces.lengths)
        return np.array([[item.count(c) for c in "abc"] for item in pieces.items], float)


@given(st.lists(st.integers(1, 9), max_size=30), st.integers(1, 12))
def test_windows_cover_a_text_and_cut_no_word_that_fits(sizes, limit):
    words = [number for number, size in enumerate(sizes) for _ in range(size)]
    spans = cut(words, limit)
    assert [i for start, stop in spans for i in range(start, stop)] == list(range(len(words)))
    assert all(0 < stop - start <= limit for start, stop in spans)
    for _, stop in spans[:-1]:
        word = words[stop]
        if words[stop - 1] == word:  # cut inside a word: it fills the window by itself
            assert sizes[word] > limit


def test_pooling_weighs_windows_by_their_tokens():
    # windows "aaaa" (unit vector a) and "b": 4 a + 1 b, length sqrt(17)
    vector = Letters().encode(["aaaab"])[0]
    np.testing.assert_allclose(vector, np.array([4, 1, 0]) / np.sqrt(17), rtol=1e-6)


def test_truncation_is_counted_and_said():
    encoder = Letters("truncate")
    vectors = encoder.encode(["aaaabb", "c", ""])
    assert vectors.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    count = encoder.truncation
    assert (count.texts, count.long_texts, count.tokens, count.tokens_beyond) == (3, 1, 7, 2)
    assert "cut off" in count.summary()


def test_error_names_the_text_and_the_cure():
    with pytest.raises(EncoderError, match=r"texts\[1\] has 5 tokens .* reads 4.*pool"):
        Letters("error").encode(["a", "abcab"])


def test_prompt_takes_room_from_the_window():
    encoder = Letters()
    encoder.encode_query(["aaab"])
    assert encoder.truncation.long_texts == 1


def test_unknown_overflow_and_batch_size_are_refused():
    with pytest.raises(ParameterError, match="did you mean 'pool'"):
        check_overflow("pol")
    with pytest.raises(ParameterError, match="batch_size=0"):
        Letters().encode(["a"], batch_size=0)


def test_pool_leaves_zeros_for_a_text_without_windows():
    out = pool(np.ones((1, 2)), Pieces(["a"], [1], [1], [1]), 3)
    np.testing.assert_allclose(out, [[0, 0], [0.5**0.5] * 2, [0, 0]], rtol=1e-6)


@given(st.lists(st.integers(0, 3_000_000), max_size=40))
def test_blocks_cover_all_texts_and_are_bounded(sizes):
    spans = list(blocks(sizes))
    assert [i for start, stop in spans for i in range(start, stop)] == list(range(len(sizes)))
    assert all(sum(sizes[start:stop]) <= 4_000_000 for start, stop in spans)
    assert list(blocks([0] * 5000)) == [(0, 2048), (2048, 4096), (4096, 5000)]
