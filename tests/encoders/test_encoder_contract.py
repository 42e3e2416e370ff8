"""What every encoder must hold, whatever it is made of."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from isogloss import load_encoder
from isogloss._core.errors import ParameterError
from isogloss.encoders.base import Encoder

TEXTS = [
    "the cost of a rocket launch",
    "salt and pepper in the soup",
    "x",
    "",
    " \t\n",
    "\U0001f680",
    "the judge and the court " * 40,
    "goal",
    "drive port print cable",
    "moon, orbit. moon",
    "the cost of a rocket launch",
    "a disk drive",
    "bread\r\nand salt",
    "n\u0303 e\u0301 \u4f60\u597d \u0645",
] * 5
EXACT = {"onnx", "onnx-int8", "words"}  # others: rounding may depend on the rest of a batch
CONTENT = [bool(text.strip()) for text in TEXTS]


@pytest.fixture(scope="module", params=["model", "onnx", "onnx-int8", "words"])
def named(request, tiny):
    if request.param == "words":
        path = tiny.parent / "contract.vec"
        vocabulary = sorted({word for text in TEXTS for word in text.split()} | {"\U0001f680"})
        rng = np.random.default_rng(0)
        rows = [f"{w} {' '.join(f'{x:.4f}' for x in rng.normal(size=8))}" for w in vocabulary]
        path.write_text(f"{len(rows)} 8\n" + "\n".join(rows) + "\n", encoding="utf-8")
        return "words", load_encoder(f"words:{path}")
    prefix = "" if request.param == "model" else f"{request.param}:"
    return request.param, load_encoder(f"{prefix}{tiny}", threads=2)


pytestmark = [pytest.mark.models]


def close(kind, one, two):
    if kind in EXACT:
        np.testing.assert_array_equal(one, two)
    else:
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-5)


def test_it_is_an_encoder_that_describes_itself(named):
    kind, encoder = named
    assert isinstance(encoder, Encoder)
    assert encoder.spec.startswith(f"{kind}:") or kind == "model"
    assert len(encoder.fingerprint) == 64
    assert encoder.dim == encoder.encode(["x"]).shape[1]


def test_rows_are_units_in_order_and_empty_text_is_zero(named):
    kind, encoder = named
    vectors = encoder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.dim)
    norms = np.linalg.norm(vectors, axis=1)
    known = np.array(CONTENT)
    if kind == "words":
        known &= norms > 0  # words without a vector
    np.testing.assert_allclose(norms, known.astype(float), atol=1e-6)
    assert norms[0] > 0
    close(kind, vectors[0], vectors[10])
    assert vectors[0] @ vectors[1] < 0.999


def test_batches_change_nothing(named):
    kind, encoder = named
    whole = encoder.encode(TEXTS, batch_size=64)
    close(kind, whole, encoder.encode(TEXTS, batch_size=1))
    close(kind, whole, np.vstack([encoder.encode([text]) for text in TEXTS]))


def test_order_changes_nothing(named):
    kind, encoder = named
    order = np.random.default_rng(0).permutation(len(TEXTS))
    shuffled = encoder.encode([TEXTS[i] for i in order])
    close(kind, encoder.encode(TEXTS)[order], shuffled)


def test_the_same_call_gives_the_same_bytes(named):
    _, encoder = named
    np.testing.assert_array_equal(encoder.encode(TEXTS), encoder.encode(TEXTS))


def test_reading_from_several_threads_gives_the_same(named):
    kind, encoder = named
    whole = encoder.encode(TEXTS)
    with ThreadPoolExecutor(4) as workers:
        for vectors in workers.map(lambda _: encoder.encode(TEXTS), range(8)):
            close(kind, whole, vectors)


def test_no_texts_give_no_rows(named):
    _, encoder = named
    assert encoder.encode([]).shape == (0, encoder.dim)
    assert encoder.encode_document([]).shape == (0, encoder.dim)
    assert encoder.encode_query([]).shape == (0, encoder.dim)


def test_wrong_input_is_refused_and_input_is_not_changed(named):
    _, encoder = named
    with pytest.raises(ParameterError, match="one string"):
        encoder.encode("the moon")
    with pytest.raises(ParameterError, match=r"texts\[1\] is NoneType"):
        encoder.encode(["the moon", None])
    texts = copy.copy(TEXTS)
    encoder.encode(texts)
    assert texts == TEXTS


def test_texts_are_counted(named):
    kind, encoder = named
    before = encoder.truncation.texts
    encoder.encode(TEXTS)
    assert encoder.truncation.texts - before == len(TEXTS)
    if kind != "words":
        assert "are longer than 16 tokens" in encoder.truncation.summary()


@pytest.mark.parametrize("prefix", ["", "onnx:", "onnx-int8:"])
def test_the_number_of_threads_changes_no_byte(tiny, prefix):
    one = load_encoder(f"{prefix}{tiny}", threads=1, batch_size=8).encode(TEXTS)
    three = load_encoder(f"{prefix}{tiny}", threads=3, batch_size=8).encode(TEXTS)
    np.testing.assert_array_equal(one, three)


def test_torch_keeps_its_own_number_of_threads(tiny):
    import torch

    before = torch.get_num_threads()
    encoder = load_encoder(str(tiny))
    try:
        torch.set_num_threads(3)
        with ThreadPoolExecutor(4) as workers:
            list(workers.map(lambda _: encoder.encode(TEXTS), range(12)))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
