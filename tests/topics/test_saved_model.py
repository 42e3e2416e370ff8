"""A topic model in one file."""

import json

import numpy as np
import pytest

from isogloss._core.errors import AtlasError, NotFitted, ParameterError
from isogloss._core.tensors import load_metadata, load_tensors, save_tensors
from isogloss.encoders.base import unit_rows
from isogloss.text import Vocabulary
from isogloss.topics import TopicModel

WORDS = ["cat purr", "stone granite", "river bank"]


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 16))
    which = np.arange(120) % 3
    vectors = unit_rows((centres[which] + 0.3 * rng.normal(size=(120, 16))).astype(np.float32))
    texts = [f"{WORDS[i]} {WORDS[i]}" for i in which]
    counts = Vocabulary.fit([texts]).counts(texts)
    model = TopicModel(neighbours=10, seeds={"cats": [0, 3]}, min_topic_size=5)
    return model.fit(vectors, counts), vectors, counts


def test_a_saved_model_predicts_the_same_bytes_and_can_be_edited(fitted, tmp_path):
    model, vectors, counts = fitted
    path = tmp_path / "new" / "topics.safetensors"
    model.save(path)
    again = TopicModel.load(str(path))
    assert again.get_params() == model.get_params()
    made, before = again.assign(vectors, counts), model.assign(vectors, counts)
    assert made.labels.tobytes() == before.labels.tobytes()
    assert made.membership.data.tobytes() == before.membership.data.tobytes()
    assert again.tree_.labels == model.tree_.labels
    assert again.unassigned_ == model.unassigned_
    merged = again.merge([[0, 1]])
    assert len(set(merged.predict(vectors, counts))) == len(set(before.labels)) - 1


def test_saving_twice_gives_the_same_file_and_leaves_nothing_beside_it(fitted, tmp_path):
    for name in ("a.safetensors", "b.safetensors"):
        fitted[0].save(tmp_path / name)
    first, second = sorted(tmp_path.iterdir())
    assert first.read_bytes() == second.read_bytes()


def test_a_model_without_a_fit_is_not_saved(tmp_path):
    with pytest.raises(NotFitted):
        TopicModel().save(tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_file_to_save_into(fitted, tmp_path):
    with pytest.raises(ParameterError, match=r"is a folder: .*topics\.safetensors"):
        fitted[0].save(tmp_path)
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file" / "a", tmp_path / "file" / "deep" / "a"):
        with pytest.raises(ParameterError, match="is no folder"):
            fitted[0].save(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_other_files_are_refused_by_name(fitted, tmp_path):
    with pytest.raises(AtlasError, match=r"none\.safetensors cannot be read"):
        TopicModel.load(tmp_path / "none.safetensors")
    other = tmp_path / "other.safetensors"
    save_tensors(other, {"x": np.zeros(3)})
    with pytest.raises(AtlasError, match="holds no topic model"):
        TopicModel.load(other)
    fitted[0].save(other)
    other.write_bytes(other.read_bytes()[:-40])
    with pytest.raises(AtlasError, match="damaged"):
        TopicModel.load(other)


def test_a_newer_format_is_refused(fitted, tmp_path):
    path = tmp_path / "a.safetensors"
    fitted[0].save(path)
    about = json.loads(load_metadata(path)["topic_model"]) | {"format": 99}
    save_tensors(path, dict(load_tensors(path)), {"topic_model": json.dumps(about)})
    with pytest.raises(AtlasError, match="format 99"):
        TopicModel.load(path)


def test_a_damaged_file_is_refused_and_never_crashes(fitted, tmp_path):
    path = tmp_path / "a.safetensors"
    fitted[0].save(path)
    # Without the digest: what the first files did not have.
    about = {"topic_model": load_metadata(path)["topic_model"]}
    whole = load_tensors(path)

    def refused(name, change):
        part = whole[name].copy()
        change(part)
        save_tensors(path, whole | {name: part}, about)
        with pytest.raises(AtlasError, match="damaged"):
            TopicModel.load(path)

    refused("word_start", lambda one: one.__setitem__(2, 1 << 40))
    refused("word_start", lambda one: one.__setitem__(-1, 1))
    refused("word_leaf", lambda one: one.__setitem__(0, 1 << 22))
    refused("word_leaf", lambda one: one.__setitem__(0, -1))
    refused("leaf_of", lambda one: one.__setitem__(0, 999))
    save_tensors(path, {name: one for name, one in whole.items() if name != "gate"}, about)
    with pytest.raises(AtlasError, match="damaged: KeyError"):
        TopicModel.load(path)
    save_tensors(path, whole, {"topic_model": "{"})
    with pytest.raises(AtlasError, match="not JSON"):
        TopicModel.load(path)
    params = json.loads(about["topic_model"]) | {"params": {"max_rgws": 3}}
    save_tensors(path, whole, {"topic_model": json.dumps(params)})
    with pytest.raises(AtlasError, match="max_rgws"):
        TopicModel.load(path)


def test_no_bit_of_a_file_turns_unseen(fitted, tmp_path):
    path = tmp_path / "a.safetensors"
    fitted[0].save(path)
    whole = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole), 40).tolist():
        turned = bytearray(whole)
        turned[place] ^= 4
        path.write_bytes(turned)
        with pytest.raises(AtlasError):
            TopicModel.load(path)
    path.write_bytes(whole)
    assert (TopicModel.load(path).predict(*fitted[1:3]) == fitted[0].labels_).all()
