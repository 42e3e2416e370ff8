"""Texts longer than a model's window: invariance, limits, SelfExtend, specs."""

import json

import numpy as np
import pytest

from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.context import split_context
from isogloss.encoders.spec import load_encoder, parse_spec

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from isogloss.encoders.stretch import find_kind, stretch  # noqa: E402

pytestmark = pytest.mark.models

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "pad_token_id": 0,
}
ROTARY = {"local_attention": 8, "global_attn_every_n_layers": 2}
WINDOW = 24
# Model type -> what its configuration needs beside `SMALL`, and its kind of positions.
MODELS = {
    "bert": ({}, "table"),
    "distilbert": (
        {"dim": 32, "hidden_dim": 48, "n_heads": 4, "n_layers": 2},
        "table",
    ),
    "roberta": ({"pad_token_id": 1, "max_position_embeddings": WINDOW + 2}, "table"),
    "mpnet": ({"pad_token_id": 1, "max_position_embeddings": WINDOW + 2}, "table"),
    "modernbert": ({**ROTARY, "cls_token_id": 2, "sep_token_id": 3}, "rotary"),
    "nomic_bert": ({}, "rotary"),
    "eurobert": ({"num_key_value_heads": 2}, "rotary"),
    "gte": ({}, "rotary"),
    "qwen3": ({"num_key_value_heads": 2, "head_dim": 8}, "rotary"),
}
TABLE = [name for name, (_, kind) in MODELS.items() if kind == "table"]
ROTARIES = [name for name, (_, kind) in MODELS.items() if kind == "rotary"]
TABLE_METHODS = ("grouped", "recurrent", "interpolate")
ROTARY_METHODS = ("grouped", "recurrent", "interpolate", "ntk", "self-extend")
CASES = [(name, method) for name in TABLE for method in TABLE_METHODS] + [
    (name, method) for name in ROTARIES for method in ROTARY_METHODS
]
SHORT = ["the cost of a rocket", "x", "soup and bread for the court"]
LONG = [
    "the cost of launch to orbit " * 8,
    "soup bread salt pepper cook " * 12,
    "judge and court in trial " * 5,
]


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory, tiny):
    """Give a function that writes a small random model of a type, read as 24 tokens."""
    made = {}

    def write(kind, **more):
        key = (kind, json.dumps(more, sort_keys=True))
        if key not in made:
            folder = tmp_path_factory.mktemp("positions") / kind
            made[key] = _write(folder, kind, tiny, more)
        return made[key]

    return write


def _write(folder, kind, tiny, more):
    words = len(json.loads((tiny / "tokenizer.json").read_text())["model"]["vocab"])
    options = {**SMALL, "vocab_size": words, "max_position_embeddings": WINDOW}
    config = transformers.AutoConfig.for_model(
        kind, **{**options, **MODELS.get(kind, ({},))[0], **more}
    )
    torch.manual_seed(1)
    model = transformers.AutoModel.from_config(config)
    with torch.no_grad():  # large enough weights that positions and attention matter
        for name, value in model.named_parameters():
            if value.ndim > 1:
                value.mul_(6.0 if "position" in name else 4.0)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).write_text((tiny / name).read_text())
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({**settings, "model_max_length": WINDOW})
    )
    st = "sentence_transformers.models."
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": f"{st}Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{st}Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


# Whole models.


@pytest.mark.parametrize("name", MODELS)
def test_the_kind_is_found_in_the_modules(folder_of, name):
    model = transformers.AutoModel.from_pretrained(folder_of(name))
    kind = find_kind(model, model.config)
    assert (kind.name, kind.trained) == (MODELS[name][1], WINDOW)


def test_distances_alone_need_no_new_positions():
    config = transformers.T5Config(
        d_model=16, d_ff=16, num_layers=1, num_heads=2, d_kv=8, vocab_size=30
    )
    model = transformers.T5EncoderModel(config)
    assert find_kind(model, config).name == "distances"


def test_a_model_of_distances_only_has_its_limits_lifted(folder_of):
    folder = folder_of("deberta-v2", relative_attention=True, position_biased_input=False)
    plain, longer = load_encoder(str(folder)), load_encoder(f"{folder}?context=96")
    assert longer.spec.endswith("?context=96&method=plain")
    assert np.abs(longer.encode(SHORT) - plain.encode(SHORT)).max() < 1e-5
    mixed = longer.encode([*SHORT, *LONG])
    assert np.abs(mixed[3:] - longer.encode(LONG)).max() < 1e-5
    assert np.abs(mixed[3:] - plain.encode(LONG)).max() > 1e-4
    assert longer.max_tokens == 96


def test_an_unknown_kind_is_refused():
    config = transformers.AutoConfig.for_model("bert", **SMALL, vocab_size=30)
    model = torch.nn.Linear(2, 2)
    from isogloss.encoders.context import Context

    with pytest.raises(EncoderError, match="cannot be stretched: use method=windows"):
        stretch(model, config, Context("grouped", 99), name="x", window=24)


@pytest.mark.parametrize(("name", "method"), CASES)
def test_short_texts_keep_their_vectors_and_the_batch_does_not_matter(folder_of, name, method):
    folder = folder_of(name)
    plain = load_encoder(str(folder), threads=1)
    longer = load_encoder(f"{folder}?context=96&method={method}", threads=1)
    window = plain.encode(SHORT)
    assert np.abs(longer.encode(SHORT) - window).max() < 1e-5
    mixed = longer.encode([*SHORT, *LONG])  # short beside long
    assert np.abs(mixed[: len(SHORT)] - window).max() < 1e-5
    alone = np.concatenate([longer.encode([text]) for text in LONG])
    assert np.abs(mixed[len(SHORT) :] - alone).max() < 1e-5
    assert np.abs(longer.encode(LONG[::-1])[::-1] - alone).max() < 1e-5
    assert longer.max_tokens == 96
    assert longer.fingerprint != plain.fingerprint
    # what is read beyond the window is seen
    changed = longer.encode([text + " rocket" * 4 for text in LONG])
    cut = load_encoder(str(folder), overflow="truncate", threads=1)
    assert (cut.encode([text + " rocket" * 4 for text in LONG]) == cut.encode(LONG)).all()
    assert np.abs(changed - alone).max() > 1e-4


@pytest.mark.parametrize("name", ["bert", "nomic_bert"])
def test_methods_differ_beyond_the_window(folder_of, name):
    methods = TABLE_METHODS if name in TABLE else ROTARY_METHODS
    found = [
        load_encoder(f"{folder_of(name)}?context=96&method={one}").encode(LONG) for one in methods
    ]
    for i, one in enumerate(found):
        for other in found[:i]:
            assert np.abs(one - other).max() > 1e-4


def test_limits_are_lifted_together_and_the_rest_is_counted(folder_of):
    encoder = load_encoder(f"{folder_of('bert')}?context=40&method=grouped", overflow="truncate")
    inner = encoder._model
    assert inner.max_seq_length == inner.tokenizer.model_max_length == 40
    assert inner.transformers_model.config.max_position_embeddings >= 40
    encoder.encode(["rocket " * 30, "rocket " * 50, "x"])
    seen = encoder.truncation
    assert (seen.window, seen.long_texts, seen.tokens_beyond, seen.stretched) == (40, 1, 12, 2)
    assert "2 of 3 texts were read with stretched positions" in seen.summary()
    assert "1 of 3 texts (33.3%) are longer than 40 tokens" in seen.summary()


def test_positions_of_a_model_in_use_are_those_by_hand(folder_of):
    """The stretched BERT gives what the plain one gives for those position ids."""
    folder = folder_of("bert")
    longer = load_encoder(f"{folder}?context=96&method=grouped")
    plain = transformers.AutoModel.from_pretrained(folder).eval()
    tokens = torch.tensor([[2, *([5, 9, 13, 7] * 9), 3]])  # 38 tokens: 2 share a position
    with torch.inference_mode():
        wanted = plain(input_ids=tokens, position_ids=torch.arange(38)[None] // 2)[0].mean(1)
        mask = torch.ones_like(tokens)
        with longer._stretch.reading(mask):
            found = longer._model.transformers_model(input_ids=tokens, attention_mask=mask)[0]
    assert found.mean(1).numpy() == pytest.approx(wanted.numpy(), abs=1e-5)


def test_rotary_caches_follow_the_factor(folder_of):
    """A long text, a longer one, a short one: each as if it were the first."""
    spec = f"{folder_of('nomic_bert')}?context=96&method=ntk"
    used = load_encoder(spec)
    texts = ["rocket soup " * 40, "rocket soup " * 20, "rocket soup", "rocket soup " * 30]
    for text in texts:
        assert (used.encode([text]) == load_encoder(spec).encode([text])).all()


def test_raised_frequencies_are_transformers_own(folder_of):
    """One factor of our NTK gives the vectors of a model whose base is raised in its config."""
    folder = folder_of("nomic_bert")
    d = SMALL["hidden_size"] // SMALL["num_attention_heads"]
    config = transformers.AutoConfig.from_pretrained(folder)
    base = config.rope_parameters["rope_theta"] * 2.0 ** (d / (d - 2))
    config.rope_parameters = {**config.rope_parameters, "rope_theta": base}
    raised = transformers.AutoModel.from_pretrained(folder, config=config).eval()
    longer = load_encoder(f"{folder}?context=48&method=ntk")
    tokens = torch.tensor([[2, *([5, 9, 13, 7] * 9), 3]])
    mask = torch.ones_like(tokens)
    with torch.inference_mode(), longer._stretch.reading(mask):
        found = longer._model.transformers_model(input_ids=tokens, attention_mask=mask)[0]
    with torch.inference_mode():
        wanted = raised(input_ids=tokens, attention_mask=mask)[0]
    assert found.numpy() == pytest.approx(wanted.numpy(), abs=1e-4)


@pytest.mark.parametrize("name", ROTARIES)
def test_the_layout_of_a_model_is_found(folder_of, name):
    encoder = load_encoder(f"{folder_of(name)}?context=96&method=self-extend&near=4")
    assert encoder._stretch.far.layout == "halves"
    assert encoder.spec.endswith("?context=96&method=self-extend&trained=24&near=4")


# Specs and refusals.


def test_specs_load_again_to_the_same_encoder(folder_of):
    one = load_encoder(str(folder_of("bert")), context=96)
    again = load_encoder(one.spec)
    assert one.spec.endswith("?context=96&method=grouped&trained=24")
    assert (again.spec, again.fingerprint) == (one.spec, one.fingerprint)
    other = load_encoder(str(folder_of("bert")), context=96, method="recurrent")
    assert other.fingerprint != one.fingerprint


def test_keywords_and_the_spec_must_agree(folder_of):
    spec = f"{folder_of('bert')}?context=96"
    assert load_encoder(spec, method="grouped", context=96).max_tokens == 96
    with pytest.raises(ParameterError, match=r"context=48 is given, and the spec .* says 96"):
        load_encoder(spec, context=48)


def test_methods_without_a_context(folder_of):
    folder = str(folder_of("bert"))
    cut = load_encoder(f"{folder}?method=truncate")
    pooled = load_encoder(f"{folder}?method=windows")
    assert (cut.encode(LONG) == load_encoder(folder, overflow="truncate").encode(LONG)).all()
    assert (pooled.encode(LONG) == load_encoder(folder).encode(LONG)).all()
    assert cut.truncation.tokens_beyond > 0
    assert "cut off" in cut.truncation.summary()
    assert cut.fingerprint == load_encoder(folder, overflow="truncate").fingerprint
    with pytest.raises(ParameterError, match="differ"):
        load_encoder(f"{folder}?method=truncate", overflow="error")


@pytest.mark.parametrize(
    ("tail", "what"),
    [
        ("?contxt=9", "did you mean 'context'"),
        ("?context=", "has no value"),
        ("?context=two", "no whole number"),
        ("?context=-4", "no whole number"),
        ("?context=0", "1 or more"),
        ("?context=9&context=8", "stands there twice"),
        ("?context=96&method=group", "did you mean 'grouped'"),
        ("?method=grouped", "say how far"),
        ("?context=96&method=windows", "leave out context"),
        ("?context=24", "reads 24 tokens already"),
        ("?context=96&method=ntk", "not for"),
        ("?context=96&method=self-extend", "not for"),
        ("?context=96&near=3", "is SelfExtend's"),
        ("?context=96&trained=25", "has 24 positions"),
        ("?", "unknown option ''"),
    ],
)
def test_bad_options_are_one_line(folder_of, tail, what):
    with pytest.raises((EncoderError, ParameterError), match=what) as caught:
        load_encoder(f"{folder_of('bert')}{tail}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spec", ["lexical", "lsa", "onnx:all-MiniLM-L6-v2", "words:none"])
def test_other_encoders_refuse_the_options(spec):
    with pytest.raises(EncoderError, match="for a folder or a hub id"):
        load_encoder(spec, context=96)


def test_a_model_that_stretches_itself_is_left_alone(folder_of):
    theta = {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0}
    folder = folder_of("nomic_bert", rope_parameters=theta)
    with pytest.raises(EncoderError, match="stretches its own positions"):
        load_encoder(f"{folder}?context=96&method=ntk")


def test_near_must_be_below_the_trained_positions(folder_of):
    with pytest.raises(ParameterError, match="near=24 must be below"):
        load_encoder(f"{folder_of('nomic_bert')}?context=96&method=self-extend&near=24")


def test_a_folder_may_hold_a_question_mark(tmp_path):
    folder = tmp_path / "what?context=4"
    folder.mkdir()
    assert split_context(str(folder)) == (str(folder), {})
    assert parse_spec(str(folder)) == ("model", str(folder))
