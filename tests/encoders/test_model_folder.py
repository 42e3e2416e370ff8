import json

import pytest

from isogloss._core.errors import EncoderError
from isogloss.encoders.folder import (
    digest,
    find_folder,
    fingerprint,
    hub_cache,
    is_offline,
    read_folder,
)


def plain(folder, **config):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", **config}))
    return folder


def test_the_hub_cache_is_read_without_a_client(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert hub_cache() == tmp_path / "hub"
    home = tmp_path / "hub" / "models--org--name"
    snapshot = plain(home / "snapshots" / "abc")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("abc")
    assert find_folder("org/name", offline=True) == snapshot


def test_a_folder_here_comes_before_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain(tmp_path / "org" / "name")
    assert find_folder("org/name", offline=True).resolve() == tmp_path / "org" / "name"


@pytest.mark.models
def test_weights_of_a_package_are_found_under_their_hub_id():
    for name in ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"):
        assert (find_folder(name, offline=True) / "model.safetensors").is_file()


def test_offline_is_asked_of_the_environment(monkeypatch):
    for name in ("ISOGLOSS_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    assert not is_offline()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert is_offline()
    assert not is_offline(False)


def test_code_in_a_model_folder_is_refused(tmp_path):
    plain(tmp_path, auto_map={"AutoModel": "own.Model"})
    with pytest.raises(EncoderError, match="no code is run"):
        read_folder(tmp_path)
    assert read_folder(tmp_path, trust_remote_code=True).config["auto_map"]


def test_foreign_modules_are_refused(tmp_path):
    plain(tmp_path)
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "own.Module", "path": ""}]))
    with pytest.raises(EncoderError, match=r"own\.Module"):
        read_folder(tmp_path)


def test_a_module_outside_the_folder_is_refused(tmp_path):
    plain(tmp_path)
    rows = [{"type": "sentence_transformers.models.Transformer", "path": "../other"}]
    (tmp_path / "modules.json").write_text(json.dumps(rows))
    with pytest.raises(EncoderError, match="outside itself"):
        read_folder(tmp_path)


def test_pickled_weights_are_refused_unless_safetensors_stand_beside_them(tmp_path):
    plain(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02")
    with pytest.raises(EncoderError, match="is a pickle"):
        read_folder(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    read_folder(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", '"a"', "\xff"])
def test_a_damaged_config_is_named(tmp_path, text):
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(EncoderError, match=r"config\.json"):
        read_folder(tmp_path)


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"path": ""}]'])
def test_a_damaged_list_of_modules_is_named(tmp_path, text):
    plain(tmp_path)
    (tmp_path / "modules.json").write_text(text)
    if text == "{}":
        assert read_folder(tmp_path).modules == []
    else:
        with pytest.raises(EncoderError, match=r"modules\.json"):
            read_folder(tmp_path)


def test_prompts_have_their_names(tmp_path):
    plain(tmp_path)
    settings = {"prompts": {"query": "Q: ", "passage": "P: "}, "default_prompt_name": None}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(settings))
    assert read_folder(tmp_path).prompts == {"query": "Q: ", "document": "P: "}


def test_fingerprints_follow_content_and_settings_not_the_folder(tmp_path):
    one, two = plain(tmp_path / "one"), plain(tmp_path / "two")
    assert fingerprint(one, {"a": 1}) == fingerprint(two, {"a": 1})
    assert fingerprint(one, {"a": 1}) != fingerprint(one, {"a": 2})
    (two / "tokenizer.json").write_text("{}")
    assert fingerprint(one, {}) != fingerprint(two, {})


def test_a_digest_notices_a_changed_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    before = digest(path)
    path.write_bytes(b"abcd")
    assert digest(path) != before
