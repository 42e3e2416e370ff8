"""Models in files: where they are looked for, and what they are asked."""

import sys

import pytest

from isogloss._core.chat import ChatReply, load_chat
from isogloss._core.errors import MissingExtra, ModelError
from isogloss.topics.label_prompt import (
    SCHEMA,
)


def test_files_of_models_are_looked_for(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="there is no file"):
        load_chat(f"gguf:{tmp_path}/none.gguf")
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(MissingExtra, match=r"isogloss\[labels\]"):
        load_chat(f"gguf:{file}")
    with pytest.raises(ModelError, match="unknown model 'x'"):
        load_chat("x")


def test_a_gguf_model_is_held_to_the_schema(tmp_path, monkeypatch):
    """What we hand to llama.cpp, by a stand-in of its interface."""
    calls = []

    class Llama:
        def __init__(self, **how):
            calls.append(how)

        def reset(self):
            pass

        def create_chat_completion(self, **how):
            calls.append(how)
            return {
                "choices": [{"message": {"content": '{"label": "Space flight"}'}}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 3},
            }

    monkeypatch.setitem(sys.modules, "llama_cpp", type(sys)("llama_cpp"))
    sys.modules["llama_cpp"].Llama = Llama
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    model = load_chat(f"gguf:{file}", schema=SCHEMA)
    found = model.ask([{"role": "user", "content": "?"}], max_tokens=9)
    assert found == ChatReply('{"label": "Space flight"}', 7, 3)
    assert calls[1]["response_format"] == {"type": "json_object", "schema": SCHEMA}
    assert (calls[1]["temperature"], calls[1]["max_tokens"], calls[0]["seed"]) == (0.0, 9, 0)
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF2")
    assert load_chat(f"gguf:{other}").identity != model.identity
