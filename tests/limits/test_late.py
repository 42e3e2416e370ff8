"""Late interaction: against a slow sum, and with a real transformer."""

import numpy as np
import pytest

from isogloss._core.errors import EncoderError
from isogloss.encoders.spec import load_encoder
from isogloss.limits import late
from isogloss.limits.late import TokenVectors, gives_tokens, max_sim, token_vectors
from isogloss.limits.methods import late_run

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def some_tokens(rng, sizes):
    rows = rng.standard_normal((sum(sizes), 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return TokenVectors(rows, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))


def slow(queries, documents):
    found = np.zeros((len(queries.starts) - 1, len(documents.starts) - 1))
    for i in range(found.shape[0]):
        asked = queries.rows[queries.starts[i] : queries.starts[i + 1]]
        for j in range(found.shape[1]):
            held = documents.rows[documents.starts[j] : documents.starts[j + 1]]
            if len(asked) and len(held):
                found[i, j] = np.mean([max(float(a @ b) for b in held) for a in asked])
    return found


@pytest.mark.parametrize("block", [3, 2048])
def test_max_sim_is_the_slow_sum(monkeypatch, block):
    monkeypatch.setattr(late, "_TOKENS", block)
    rng = np.random.default_rng(0)
    queries, documents = some_tokens(rng, [2, 0, 3, 1, 5]), some_tokens(rng, [4, 0, 1, 6])
    found = max_sim(queries, documents)
    assert found.shape == (5, 4)
    assert np.allclose(found, slow(queries, documents), atol=1e-6)


def test_without_any_tokens():
    empty = TokenVectors(np.zeros((0, 4), np.float32), np.zeros(3, np.int64))
    assert max_sim(empty, empty).tolist() == [[0, 0], [0, 0]]


def test_a_lexical_encoder_has_no_tokens():
    with pytest.raises(EncoderError, match="no token vectors"):
        token_vectors(load_encoder("lexical"), ["a"])


@pytest.mark.models
@pytest.mark.parametrize("kind", ["", "onnx:"])
def test_tokens_of_a_transformer(kind):
    encoder = load_encoder(kind + MODEL)
    assert gives_tokens(encoder)
    texts = ["a cat sat", "", "dogs bark " * 300]
    found = token_vectors(encoder, texts)
    sizes = np.diff(found.starts)
    assert sizes[0] == 3 and sizes[1] == 0
    assert sizes[2] == 600  # beyond the window, and nothing is cut
    assert np.allclose(np.linalg.norm(found.rows, axis=1), 1, atol=1e-5)
    # The mean of its tokens is nearly what the encoder itself makes of the text.
    mean = found.rows[:3].mean(axis=0)
    assert mean / np.linalg.norm(mean) @ encoder.encode(texts[:1])[0] > 0.9
    alone = token_vectors(encoder, texts[:1])
    assert np.allclose(alone.rows, found.rows[:3], atol=1e-5)


@pytest.mark.models
def test_torch_and_onnx_read_alike():
    one, other = (
        token_vectors(load_encoder(kind + MODEL), ["a cat purrs"]) for kind in ("", "onnx:")
    )
    assert np.allclose(one.rows, other.rows, atol=1e-4)


@pytest.mark.models
def test_a_run_by_late_interaction():
    encoder = load_encoder("onnx:" + MODEL)
    queries = {"q": "a purring cat", "r": "stock market"}
    documents = [("a", "cats purr"), ("b", "dogs bark"), ("b", "shares and stocks fell"), ("c", "")]
    run = late_run(encoder, queries, documents, depth=2, total=4)
    assert next(iter(run["q"])) == "a" and next(iter(run["r"])) == "b"
    assert all(len(one) == 2 for one in run.values())
    some = late_run(encoder, queries, documents, depth=2, total=4, candidates={"q": ["b"], "r": []})
    assert list(some["q"]) == ["b"] and some["r"] == {}
