import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from isogloss import load_encoder
from isogloss._core.errors import EncoderError
from isogloss.encoders.onnx_int8 import quantise_weight, smoothing

pytestmark = pytest.mark.models

TEXTS = [
    "the cost of a rocket launch",
    "salt and pepper in the soup",
    "x",
    "the judge and the court on trial for it " * 6,
    "moon, orbit. moon",
]


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_float32_equals_torch(make_model, pooling):
    folder = make_model(pooling=pooling)
    torch = load_encoder(str(folder)).encode(TEXTS)
    onnx = load_encoder(f"onnx:{folder}").encode(TEXTS)
    np.testing.assert_allclose(onnx, torch, rtol=0, atol=3e-6)


def test_both_count_the_same_long_texts(tiny):
    encoders = [load_encoder(f"{prefix}{tiny}") for prefix in ("", "onnx:")]
    for encoder in encoders:
        encoder.encode(TEXTS)
    assert encoders[0].truncation == encoders[1].truncation
    assert encoders[0].truncation.long_texts == 1


@pytest.mark.parametrize("prefix", ["", "onnx:"])
def test_truncating_reads_the_first_window_and_pooling_more(tiny, prefix):
    words = str.split("the judge and the court on trial for it moon rocket soup salt bread")
    assert len(words) == 14  # the window of 16 without [CLS] and [SEP]
    first, more = " ".join(words), " ".join(words + ["goal"] * 6)
    cut = load_encoder(f"{prefix}{tiny}", overflow="truncate").encode([first, more])
    np.testing.assert_allclose(cut[0], cut[1], rtol=0, atol=1e-6)
    pooled = load_encoder(f"{prefix}{tiny}").encode([first, more, " ".join(["goal"] * 6)])
    wanted = 14 * pooled[0] + 6 * pooled[2]
    np.testing.assert_allclose(pooled[1], wanted / np.linalg.norm(wanted), rtol=0, atol=1e-5)
    with pytest.raises(EncoderError, match=r"texts\[1\] has 20 tokens"):
        load_encoder(f"{prefix}{tiny}", overflow="error").encode([first, more])


def test_prompts_go_before_queries_and_documents(make_model):
    folder = make_model(prompts={"query": "launch: ", "document": "cook: "})
    plain = make_model()
    for prefix in ("", "onnx:"):
        encoder, bare = load_encoder(f"{prefix}{folder}"), load_encoder(f"{prefix}{plain}")
        for method, prompt in (("encode_query", "launch: "), ("encode", "cook: ")):
            got = getattr(encoder, method)(["the moon", "soup"])
            wanted = bare.encode([f"{prompt}the moon", f"{prompt}soup"])
            np.testing.assert_allclose(got, wanted, rtol=0, atol=3e-6)
    assert encoder.fingerprint != bare.fingerprint


def test_a_prompt_may_be_left_out_of_the_pooling(make_model):
    folders = [make_model(prompts={"query": "launch cost: "}) for _ in range(2)]
    edit(folders[1] / "1_Pooling" / "config.json", include_prompt=False)
    with_prompt, without = (load_encoder(f"onnx:{folder}") for folder in folders)
    torch = load_encoder(str(folders[1]))
    for texts in (["the moon", "soup and salt"], TEXTS):
        found = without.encode_query(texts)
        np.testing.assert_allclose(found, torch.encode_query(texts), rtol=0, atol=3e-6)
        assert not np.allclose(found, with_prompt.encode_query(texts), atol=1e-3)


def test_int8_is_near_and_of_another_fingerprint(tiny):
    fine, coarse = load_encoder(f"onnx:{tiny}"), load_encoder(f"onnx-int8:{tiny}")
    assert fine.fingerprint != coarse.fingerprint
    cosines = (fine.encode(TEXTS) * coarse.encode(TEXTS)).sum(axis=1)
    assert 0.998 < cosines.min() < 0.9999999


@pytest.mark.parametrize("prefix", ["onnx:", "onnx-int8:"])
def test_the_vectors_of_minilm_hold(prefix):
    """Real weights: near the vectors of torch, and apart by meaning."""
    texts = ["A man is playing a guitar.", "Someone plays music.", "The stock market fell."] * 2
    texts[3] = "word " * 700
    name = "all-MiniLM-L6-v2"
    found = load_encoder(f"{prefix}{name}").encode(texts)
    torch = load_encoder(name).encode(texts)
    least = 0.999999 if prefix == "onnx:" else 0.995
    assert (found * torch).sum(axis=1).min() > least
    assert found[0] @ found[1] > 0.4 > 0.1 > found[0] @ found[2]


def test_a_converted_model_is_kept_and_used_again(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    one = load_encoder(f"onnx:{tiny}")
    (kept,) = (tmp_path / "onnx").iterdir()
    changed = kept.stat().st_mtime_ns
    two = load_encoder(f"onnx:{tiny}")
    assert kept.stat().st_mtime_ns == changed
    assert one.fingerprint == two.fingerprint
    np.testing.assert_array_equal(one.encode(TEXTS), two.encode(TEXTS))


def test_a_cache_that_cannot_be_written_is_no_error(tiny, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("ISOGLOSS_CACHE", str(blocked))
    assert load_encoder(f"onnx:{tiny}").encode(["moon"]).any()


def test_a_damaged_file_in_the_cache_is_named(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    load_encoder(f"onnx:{tiny}")
    (kept,) = (tmp_path / "onnx").iterdir()
    kept.write_bytes(b"no model")
    with pytest.raises(EncoderError, match=r"cannot read .* delete that file"):
        load_encoder(f"onnx:{tiny}")


def test_a_model_of_another_kind_runs_from_its_own_file(tiny, tmp_path, monkeypatch):
    """The file's float32 graph is our own here; the folder says that it is of an unknown kind."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    wanted = load_encoder(f"onnx:{tiny}").encode(TEXTS)
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    edit(folder / "config.json", model_type="strange")
    with pytest.raises(EncoderError, match="'strange' model and brings no onnx/model"):
        load_encoder(f"onnx:{folder}")
    (kept,) = (tmp_path / "cache" / "onnx").iterdir()
    (folder / "onnx").mkdir()
    shutil.copy(kept, folder / "onnx" / "model.onnx")
    found = load_encoder(f"onnx:{folder}")
    np.testing.assert_array_equal(found.encode(TEXTS), wanted)
    with pytest.raises(EncoderError, match="use 'onnx:'"):
        load_encoder(f"onnx-int8:{folder}")


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"hidden_act": "swish"}, "hidden_act='swish'"),
        ("config.json", {"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ("config.json", {"num_hidden_layers": 3}, r"lack 'encoder\.layer\.2"),
        ("config.json", {"hidden_size": None}, "lacks a size"),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "mean and max"),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False}, "pools by nothing"),
    ],
)
def test_what_cannot_be_converted_is_said(tiny, tmp_path, file, changes, message):
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    edit(folder / file, **changes)
    with pytest.raises(EncoderError, match=message):
        load_encoder(f"onnx:{folder}")


@pytest.mark.parametrize("prefix", ["", "onnx:"])
@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_damaged_files_are_one_line(tiny, tmp_path, prefix, file):
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: len(data) // 2])
    with pytest.raises(EncoderError) as caught:
        load_encoder(f"{prefix}{folder}")
    assert "\n" not in str(caught.value)


def test_a_dense_layer_follows_the_pooling(tiny, tmp_path):
    from safetensors.numpy import save_file

    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(5, 32)), rng.normal(size=5)
    (folder / "2_Dense").mkdir()
    tensors = {"linear.weight": weight.astype("f4"), "linear.bias": bias.astype("f4")}
    save_file(tensors, folder / "2_Dense" / "model.safetensors")
    settings = {"in_features": 32, "out_features": 5, "bias": True}
    activation = {"activation_function": "torch.nn.modules.activation.Tanh"}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(settings | activation))
    modules = json.loads((folder / "modules.json").read_text())
    kind = "sentence_transformers.models.Dense"
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": kind})
    (folder / "modules.json").write_text(json.dumps(modules))
    torch, onnx = load_encoder(str(folder)), load_encoder(f"onnx:{folder}")
    assert torch.dim == onnx.dim == 5
    np.testing.assert_allclose(onnx.encode(TEXTS), torch.encode(TEXTS), rtol=0, atol=3e-6)


@pytest.mark.parametrize("kind", ["roberta", "distilbert"])
def test_other_families_equal_torch(tiny, tmp_path, kind):
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    words = json.loads((tiny / "config.json").read_text())["vocab_size"]
    if kind == "roberta":
        config = transformers.RobertaConfig(
            vocab_size=words, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=64, max_position_embeddings=42, pad_token_id=1, type_vocab_size=1,
            layer_norm_eps=1e-5,
        )  # fmt: skip
        model = transformers.RobertaModel(config)
    else:
        config = transformers.DistilBertConfig(
            vocab_size=words, dim=32, n_layers=2, n_heads=4, hidden_dim=64,
            max_position_embeddings=40,
        )  # fmt: skip
        model = transformers.DistilBertModel(config)
    for parameter in model.parameters():  # away from zero biases and unit gammas
        torch.nn.init.normal_(parameter, std=0.3)
    model.eval().save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny / name, tmp_path / name)
    ids = [2, 7, 9, 30, 3]
    with torch.inference_mode():
        rows = model(torch.tensor([ids]), attention_mask=torch.ones(1, 5, dtype=torch.int64))
    wanted = rows.last_hidden_state[0].numpy().mean(axis=0)
    encoder = load_encoder(f"onnx:{tmp_path}")
    text = encoder._tokenizer.decode(ids[1:-1])
    found = encoder.encode([text])[0]
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), rtol=0, atol=3e-6)


def test_weights_are_rounded_by_column():
    weight = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32) * np.arange(8)
    rounded, scale = quantise_weight(weight.astype(np.float32))
    error = np.abs(rounded * scale - weight).max(axis=0)
    assert (error <= scale / 2 + 1e-6).all()
    assert np.abs(rounded).max() == 127


def test_smoothing_shares_a_large_channel_out():
    largest = np.array([100, 1, 1], np.float32)
    factor = smoothing(largest, [np.ones((3, 2), np.float32)])
    np.testing.assert_allclose(factor / factor[1], [10, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(np.prod(factor), 1, rtol=1e-5)


def edit(path: Path, **changes) -> None:
    value = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(value))
