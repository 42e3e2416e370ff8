"""Small models with random weights, written without torch."""

import json
from pathlib import Path

import numpy as np
import pytest

WORDS = str.split(
    "the a of and to in is it on for launch cost rocket orbit moon soup bread salt pepper cook "
    "law court judge trial goal team match score card disk drive cable port print x"
)


def bert_tensors(hidden: int, inner: int, layers: int, words: int, positions: int, seed: int):
    rng = np.random.default_rng(seed)

    def normal(*shape, scale=0.2):
        return rng.normal(0, scale, shape).astype(np.float32)

    def norm(name):
        return {f"{name}.weight": 1 + normal(hidden), f"{name}.bias": normal(hidden)}

    tensors = {
        "embeddings.word_embeddings.weight": normal(words, hidden, scale=1),
        "embeddings.position_embeddings.weight": normal(positions, hidden),
        "embeddings.token_type_embeddings.weight": normal(2, hidden),
        **norm("embeddings.LayerNorm"),
    }
    for number in range(layers):
        at = f"encoder.layer.{number}."
        for name, rows, columns in (
            ("attention.self.query", hidden, hidden),
            ("attention.self.key", hidden, hidden),
            ("attention.self.value", hidden, hidden),
            ("attention.output.dense", hidden, hidden),
            ("intermediate.dense", inner, hidden),
            ("output.dense", hidden, inner),
        ):
            tensors[f"{at}{name}.weight"] = normal(rows, columns)
            tensors[f"{at}{name}.bias"] = normal(rows)
        tensors |= norm(f"{at}attention.output.LayerNorm") | norm(f"{at}output.LayerNorm")
    return tensors


def write_model(
    folder: Path, *, pooling: str = "mean", window: int = 16, prompts: dict | None = None, seed=0
) -> Path:
    """Write a sentence-transformers folder with a BERT of two layers."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = sorted(set("".join(WORDS) + "bcdefghijklmnopqrstuvwyz"))
    entries = [*specials, *WORDS, *letters, *(f"##{c}" for c in letters), ":", ",", "."]
    vocabulary = {word: row for row, word in enumerate(dict.fromkeys(entries))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    (folder / "1_Pooling").mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 40,
        "type_vocab_size": 2,
        "vocab_size": len(vocabulary),
        "pad_token_id": 0,
    }
    settings = {"prompts": prompts or {}, "default_prompt_name": None}
    st = "sentence_transformers.models."
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{st}Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{st}Pooling"},
    ]
    flags = {
        "word_embedding_dimension": 32,
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_max_tokens": pooling == "max",
    }
    for name, value in (
        ("config.json", config),
        ("modules.json", modules),
        ("1_Pooling/config.json", flags),
        ("config_sentence_transformers.json", settings),
        ("sentence_bert_config.json", {"max_seq_length": window, "do_lower_case": False}),
        (
            "tokenizer_config.json",
            {"tokenizer_class": "BertTokenizer", "model_max_length": 40, "do_lower_case": True},
        ),
    ):
        (folder / name).write_text(json.dumps(value))
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tensors = bert_tensors(32, 64, 2, len(vocabulary), 40, seed)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """Give the folder of a BERT with a window of 16 tokens; do not change it."""
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        patch.setenv("ISOGLOSS_OFFLINE", "1")
        yield


@pytest.fixture
def make_model(tmp_path):
    """Give a function that writes another small model, all with the same weights."""
    numbers = iter(range(100))

    def make(**options) -> Path:
        return write_model(tmp_path / f"model-{next(numbers)}", **options)

    return make
