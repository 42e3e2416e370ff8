"""Late chunking against token vectors taken by hand."""

import numpy as np
import pytest

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.base import unit_rows
from isogloss.situate.base import Chunked
from isogloss.situate.late import LateChunking
from isogloss.situate.model import TokenModel

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def model(tiny):
    return TokenModel(str(tiny))


@pytest.fixture(scope="module")
def late(model):
    return LateChunking(model)


def tokens_by_hand(tiny, text):
    """Give the token vectors of a text that fits, with [CLS] and [SEP]."""
    import torch
    from transformers import AutoModel, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tiny / "tokenizer.json"))
    model = AutoModel.from_pretrained(tiny).eval()
    with torch.no_grad():
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        return model(input_ids=ids).last_hidden_state[0].numpy()


def test_chunks_are_pooled_from_their_own_tokens(tiny, late):
    vectors = tokens_by_hand(tiny, "ann lost the ring . she found it . then")
    #          [CLS] ann lost the ring .  she found it .  then [SEP]
    assert len(vectors) == 12
    by_hand = [vectors[0:6].mean(axis=0), vectors[6:10].mean(axis=0), vectors[10:12].mean(axis=0)]
    found = late.situate([["ann lost the ring.", "she found it.", "then"]])
    np.testing.assert_allclose(found, unit_rows(np.stack(by_hand)), atol=1e-5)


def test_a_text_alone_has_the_encoders_vector(tiny, late):
    from isogloss.encoders.spec import load_encoder

    encoder = load_encoder(str(tiny))
    texts = ["ann lost the ring.", "it was cold"]
    np.testing.assert_allclose(late.encode(texts), encoder.encode(texts), atol=1e-5)
    np.testing.assert_allclose(late.encode_query(texts), encoder.encode_query(texts), atol=1e-5)
    assert not late.encode_query([""]).any()


def test_neighbours_matter(late):
    one = late.situate([["ann lost it.", "she found it."]])
    two = late.situate([["bob lost it.", "she found it."]])
    assert abs(one[1] - two[1]).max() > 1e-3
    assert abs(one[1] - late.encode(["she found it."])[0]).max() > 1e-3


def test_windows_of_a_long_document(late):
    chunks = ["ann lost the ring .", "she found it .", "it was cold then", "", "bob hid the key .",
              "he lost it in the river .", "who found the map"]  # fmt: skip
    readings = late.readings(Chunked(tuple(chunks)))
    assert [one.empty for one in readings] == [not text for text in chunks]
    for place, reading in enumerate(readings):
        if reading.empty:
            continue
        (span,) = reading.spans
        tokens = late.model.tokens(chunks[place])[0]
        read = list(span.ids[span.start : span.stop])
        ends = place in (0, len(chunks) - 1)  # these have a special token too
        assert [one for one in read if one > 4] == tokens
        assert len(read) == len(tokens) + ends
        assert len(span.ids) <= late.model.window
        for other in reading.neighbours:
            assert any(one in span.ids for one in late.model.tokens(chunks[other])[0])
    assert 0 in readings[2].neighbours  # within the margin
    assert len({one.spans[0].ids for one in readings if one.spans}) > 1
    assert np.allclose(np.linalg.norm(late.situate([chunks]), axis=1)[[0, 6]], 1)


def test_a_chunk_beyond_the_window_is_read_in_pieces(late):
    long = " ".join(["ann lost the ring ."] * 9)
    readings = late.readings(Chunked(("it was cold", long)))
    spans = readings[1].spans
    assert len(spans) > 1
    read = [one for span in spans for one in span.ids[span.start : span.stop] if one > 4]
    assert read == late.model.tokens(long)[0]


def test_batches_and_order_change_rounding_only(late):
    documents = [["ann lost the ring .", "she found it ."], ["bob hid the key ."], ["it", "was"]]
    together = late.situate(documents)
    alone = np.concatenate([late.situate([one]) for one in documents])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_each_window_is_read_once(late, monkeypatch):
    seen = []
    plain = TokenModel.sums
    monkeypatch.setattr(TokenModel, "sums", lambda self, items: seen.extend(items) or
                        plain(self, items))  # fmt: skip
    late.situate([["ann lost it .", "she found it .", "then"]])
    assert len(seen) == 1


def test_what_cannot_be_read_is_refused(tiny, model, tmp_path):
    for window in (4, 41):
        with pytest.raises(ParameterError, match="window is"):
            TokenModel(str(tiny), window=window)
    for margin in (-1, 9):
        with pytest.raises(ParameterError, match="margin is"):
            LateChunking(model, margin=margin)
    import json
    import shutil

    other = tmp_path / "cls"
    shutil.copytree(tiny, other)
    (other / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    with pytest.raises(EncoderError, match="pools by mean"):
        TokenModel(str(other))
    with pytest.raises(EncoderError):
        TokenModel(str(tmp_path / "nowhere"))


def test_texts_that_are_hardly_any(late):
    found = late.situate([["a\ud800b", "👩\u200d🚀 went", "e\u0301"], [], ["\n", ""]])
    assert found.shape == (5, 32)
    assert np.isfinite(found).all()
    assert not found[3:].any()
    with pytest.raises(ParameterError, match="documents is"):
        late.situate(None)


def test_threads_change_nothing(tiny):
    documents = [[f"ann lost the {thing} .", "she found it ."] for thing in ("ring", "map")] * 30
    one, two = (
        LateChunking(TokenModel(str(tiny), threads=threads)).situate(documents)
        for threads in (1, 2)
    )
    np.testing.assert_array_equal(one, two)
