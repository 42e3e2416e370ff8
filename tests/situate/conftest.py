"""A tiny BERT with random weights, whose words are its tokens, and an encoder that counts."""

import json
from pathlib import Path

import numpy as np
import pytest

from isogloss.encoders.base import Truncation, check_texts, unit_rows

WORDS = str.split(
    "he she ann bob carl dora lost found hid the ring map key in garden attic river then it was "
    "cold who what . ,"
)


class CountingEncoder:
    """Hashes words into a few numbers, and remembers what it was asked to read."""

    spec, dim, fingerprint, max_tokens = "counting", 16, "f" * 64, None

    def __init__(self):
        self.truncation = Truncation()
        self.read = []

    def encode(self, texts, *, batch_size=None):
        items = check_texts(texts)
        self.read += items
        out = np.zeros((len(items), self.dim))
        for row, text in enumerate(items):
            for place, word in enumerate(text.lower().split()):
                out[row, sum(word.encode()) % self.dim] += 1 + 0.01 * place
        return unit_rows(out)

    def encode_query(self, texts):
        return self.encode(texts)


@pytest.fixture
def counting():
    return CountingEncoder()


@pytest.fixture(scope="session")
def make_encoder():
    return CountingEncoder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """Give a sentence-transformers folder: two layers, a window of 24 tokens, mean pooling."""
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )  # fmt: skip
    tokenizer.save(str(folder / "tokenizer.json"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(
            BertConfig(
                vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                intermediate_size=64, max_position_embeddings=40, pad_token_id=0,
                initializer_range=0.3,
            )
        )  # fmt: skip
    model.save_pretrained(folder)
    texts = {
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]",
            "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
            "mask_token": "[MASK]", "model_max_length": 24,
        },
        "sentence_bert_config.json": {"max_seq_length": 24, "do_lower_case": False},
        "modules.json": [
            {"idx": 0, "name": "0", "path": "",
             "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling",
             "type": "sentence_transformers.models.Pooling"},
        ],
    }  # fmt: skip
    for name, value in texts.items():
        (folder / name).write_text(json.dumps(value))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
    )
    return folder
