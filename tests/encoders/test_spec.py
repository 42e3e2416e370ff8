import subprocess
import sys

import pytest

from isogloss import load_encoder
from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.spec import parse_spec


@pytest.mark.parametrize(
    ("spec", "parsed"),
    [
        ("lsa", ("lsa", "")),
        (" lsa ", ("lsa", "")),
        ("lsa:some/folder", ("lsa", "some/folder")),
        ("onnx:org/name", ("onnx", "org/name")),
        ("onnx-int8:all-MiniLM-L6-v2", ("onnx-int8", "all-MiniLM-L6-v2")),
        ("words:/x/glove.6B.300d.txt", ("words", "/x/glove.6B.300d.txt")),
        ("openai:text-embedding-3-small", ("openai", "text-embedding-3-small")),
        ("openai:ft:model:org", ("openai", "ft:model:org")),
        ("org/name", ("model", "org/name")),
        ("all-MiniLM-L6-v2", ("model", "all-MiniLM-L6-v2")),
    ],
)
def test_specs(spec, parsed):
    assert parse_spec(spec) == parsed


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "is not a spec string"),
        ("lsaa", "did you mean 'lsa'"),
        ("onx:org/name", "did you mean 'onnx:'"),
        ("onnx", "needs a folder or a hub id"),
        ("words:", "names nothing: a file of word vectors follows"),
        ("lexical:folder", "there is no folder folder: give one of a lexical encoder"),
        ("./nowhere/at/all", "no folder './nowhere/at/all'"),
        ("org/name", "neither a folder nor in the hub cache .* the network is off"),
        ("onnx:org/name", "the network is off"),
        ("words:/nowhere/x.vec", "does not exist"),
        (7, "is not a spec string"),
    ],
)
def test_wrong_specs_are_answered_in_one_line(spec, message):
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder(spec, offline=True)
    assert "\n" not in str(caught.value)


def test_wrong_options_are_refused_before_the_spec_is_looked_at():
    with pytest.raises(ParameterError, match="overflow='cut'"):
        load_encoder("lsa", overflow="cut")
    with pytest.raises(ParameterError, match="threads=0"):
        load_encoder("lsa", threads=0)


def test_options_given_twice_must_agree():
    words = (
        r"context=1024 is given, and the spec 'org/model-a\?context=512' says 512: leave one out"
    )
    with pytest.raises(ParameterError, match=words):
        load_encoder("org/model-a?context=512", context=1024, offline=True)
    with pytest.raises(EncoderError):  # not there, but the options agree
        load_encoder("org/model-a?context=512", context=512, offline=True)
    with pytest.raises(ParameterError, match=r"trained=15: .*16 or more"):
        load_encoder("org/model-a?context=512&trained=15", offline=True)


def test_a_folder_that_is_no_model_says_what_is_missing(tmp_path):
    for spec in (str(tmp_path), f"onnx:{tmp_path}"):
        with pytest.raises(EncoderError, match=r"neither modules\.json .* nor config\.json"):
            load_encoder(spec)


def test_a_file_is_not_a_model(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(EncoderError, match="is a file"):
        load_encoder(str(tmp_path / "a.txt"))


def test_a_wrong_spec_loads_nothing_heavy_and_opens_no_socket():
    code = """
import socket, sys
def refuse(*a, **k): raise AssertionError("socket")
socket.socket = refuse
from isogloss import load_encoder
from isogloss._core.errors import EncoderError
for spec in ("onx:a/b", "org/name", "onnx:org/name"):
    try:
        load_encoder(spec, offline=True)
    except EncoderError:
        continue
    raise SystemExit("accepted " + spec)
heavy = {"torch", "transformers", "sentence_transformers", "onnx", "huggingface_hub", "scipy"}
print(sorted(heavy & set(sys.modules)))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    assert result.stdout.strip() == "[]"
