"""Buffers of texts: every layout of Arrow, lists and NumPy, and what is no text."""

import numpy as np
import pyarrow as pa
import pytest

from isogloss import _native
from isogloss._core.errors import ParameterError
from isogloss.text import text_buffers, tokenize

TEXTS = ["", "aa bb", "é", "東京", "", "last"]
LAYOUTS = {
    "list": lambda: TEXTS,
    "tuple": lambda: tuple(TEXTS),
    "numpy strings": lambda: np.array(TEXTS),
    "numpy objects": lambda: np.array(TEXTS, dtype=object),
    "string": lambda: pa.array(TEXTS),
    "large string": lambda: pa.array(TEXTS, pa.large_string()),
    "string view": lambda: pa.array(TEXTS, pa.string_view()),
    "slice": lambda: pa.array(["xx", *TEXTS, "yy"]).slice(1, 6),
    "large slice": lambda: pa.array(["xx", *TEXTS, "yy"], pa.large_string()).slice(1, 6),
    "chunks": lambda: pa.chunked_array([TEXTS[:2], [], TEXTS[2:]]),
    "slice of chunks": lambda: pa.chunked_array([["xx", *TEXTS[:2]], TEXTS[2:]]).slice(1),
    "slice of large chunks": lambda: pa.chunked_array(
        [["xx", *TEXTS[:2]], TEXTS[2:]], pa.large_string()
    ).slice(1),
    "dictionary": lambda: pa.array(TEXTS).dictionary_encode(),
    "slice of dictionary": lambda: pa.array(["xx", *TEXTS]).dictionary_encode().slice(1),
    "dictionary chunks": lambda: pa.chunked_array([TEXTS[:2], TEXTS[2:]]).dictionary_encode(),
    "filled nulls": lambda: pa.array([None, *TEXTS[1:4], None, "last"]).fill_null(""),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_buffers_hold_the_texts(layout):
    data, offsets = text_buffers(LAYOUTS[layout]())
    assert (data.dtype, offsets.dtype) == (np.uint8, np.int64)
    found = [bytes(data[offsets[i] : offsets[i + 1]]).decode() for i in range(len(offsets) - 1)]
    assert found == TEXTS
    assert tokenize(LAYOUTS[layout]()) == [[], ["aa", "bb"], [], ["東京"], [], ["last"]]


def test_large_strings_are_not_copied():
    array = pa.array(TEXTS, pa.large_string())
    data, offsets = text_buffers(array.slice(2))
    assert data.ctypes.data == array.buffers()[2].address
    assert offsets.ctypes.data == array.buffers()[1].address + 16


@pytest.mark.parametrize(
    "empty",
    [
        [], pa.array([]), pa.array([], pa.string()), pa.array([], pa.large_string()),
        pa.chunked_array([], pa.string()), pa.array(["a"]).slice(1),
        pa.array(["a"]).dictionary_encode().slice(1),
    ],
)  # fmt: skip
def test_no_texts(empty):
    _, offsets = text_buffers(empty)
    assert offsets.shape == (1,)
    assert tokenize(empty) == []


def test_empty_texts():
    assert tokenize(["", ""]) == [[], []]
    assert tokenize(pa.array(["", ""], pa.large_string())) == [[], []]


@pytest.mark.parametrize(
    "texts, message",
    [
        ("one text", "wrap it as"),
        (b"bytes", "wrap it as"),
        (["a", None], r"texts\[1\] is NoneType"),
        (["a", 3], r"texts\[1\] is int"),
        ([b"a"], r"texts\[0\] is bytes"),
        ([["a"]], r"texts\[0\] is list"),
        (np.array([1.0]), r"texts\[0\] is float64"),
        (pa.array(["a", None, "b"]), "hold 1 null"),
        (pa.chunked_array([["a", None], [None]]), "hold 2 nulls"),
        (pa.nulls(2), "hold 2 nulls"),
        (pa.array(["a", None]).dictionary_encode(), "hold 1 null"),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 1]), pa.array(["a", None])), "2 nulls"),
        (pa.array([1, 2]), "int64, not strings"),
        (pa.array([True]), "bool, not strings"),
        (pa.array([1.5]), "double, not strings"),
        (pa.array([0], pa.timestamp("s")), "timestamp"),
        (pa.array([["a"]]), "not strings"),
        (pa.array([1, 1]).dictionary_encode(), "not strings"),
        (pa.array([b"a"]), "binary, not strings"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_text_is_refused(texts, message):
    for call in (text_buffers, tokenize):
        with pytest.raises(ParameterError, match=message):
            call(texts)


@pytest.mark.parametrize(
    "offsets, message",
    [([], "at least one"), ([0, 5], "beyond"), ([0, 2, 1], "fall"), ([-1, 2], "fall")],
)
def test_native_offsets_are_checked(offsets, message):
    with pytest.raises(ValueError, match=message):
        _native.tokenize(np.zeros(3, np.uint8), np.array(offsets, np.int64))
