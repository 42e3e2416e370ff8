"""Folders of the lexical encoder: kept, old, damaged."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from lexical_plain import (
    TEXTS,
    make,
    weighed,
)

from isogloss import load_encoder
from isogloss._core.errors import EncoderError
from isogloss._core.tensors import load_tensors
from isogloss.encoders.lexical import LexicalEncoder

# File, vectors and fingerprint of make(5), as the code before the second weighing gave them.
OLD = ("03a7402f047982ca", "51adafbc02d9752a", "8a226eb8d9a267ab")


@pytest.mark.parametrize("again", [False, True])
def test_saved_and_loaded_it_gives_the_same(tmp_path, again):
    encoder = LexicalEncoder(weighed(make()) if again else make())
    encoder.save(tmp_path / "model")
    about = json.loads((tmp_path / "model" / "isogloss.json").read_text())
    assert about["format"] == (3 if again else 2)
    assert ("weigh" in load_tensors(tmp_path / "model" / "lexical.safetensors")) == again
    again = load_encoder(f"lexical:{tmp_path / 'model'}")
    assert again.fingerprint == encoder.fingerprint
    assert (again.encode(TEXTS) == encoder.encode(TEXTS)).all()
    short = LexicalEncoder.load(tmp_path / "model", dim=4)
    head = encoder.encode(TEXTS)[:, :4]
    length = np.linalg.norm(head, axis=1, keepdims=True)
    assert np.allclose(short.encode(TEXTS), head / np.where(length, length, 1), atol=1e-5)
    assert short.fingerprint != encoder.fingerprint


@pytest.mark.parametrize("width", [5, 6])
def test_a_table_of_4_bits_is_kept_in_half_the_room(tmp_path, width):
    rng = np.random.default_rng(0)
    plain = make()
    table = rng.integers(-7, 8, (len(plain.idf), width)).astype(np.int8)
    network = {
        "skip": rng.normal(size=(width, 4)), "inner": rng.normal(size=(width, 3)),
        "bias": np.zeros(3), "outer": rng.normal(size=(3, 4)),
    }  # fmt: skip
    small = replace(plain, table=table, **{k: v.astype(np.float32) for k, v in network.items()})
    encoder = LexicalEncoder(small)
    encoder.save(tmp_path / "model")
    kept = load_tensors(tmp_path / "model" / "lexical.safetensors")
    assert kept["table4"].shape == (len(table), 3)
    again = load_encoder(f"lexical:{tmp_path / 'model'}")
    assert again.weights.table.tolist() == table.tolist()
    assert again.fingerprint == encoder.fingerprint
    texts = ["a cat and a dog", "zebra", ""]
    assert again.encode(texts).tobytes() == encoder.encode(texts).tobytes()


def test_the_fingerprint_knows_the_second_weighing():
    made = [make(), weighed(make()), weighed(make(), 1), weighed(make(), bias=0.2)]
    assert len({LexicalEncoder(weights).fingerprint for weights in made}) == 4


def test_folders_and_vectors_from_before_the_second_weighing_are_kept(tmp_path):
    encoder = LexicalEncoder(make(5))
    encoder.save(tmp_path)
    found = (
        hashlib.sha256((tmp_path / "lexical.safetensors").read_bytes()).hexdigest()[:16],
        hashlib.sha256(encoder.encode(TEXTS).tobytes()).hexdigest()[:16],
        encoder.fingerprint[:16],
    )
    assert found == OLD


def test_a_folder_of_the_first_format_still_opens(tmp_path):
    encoder = LexicalEncoder(make())
    encoder.save(tmp_path)
    about = tmp_path / "isogloss.json"
    about.write_text(about.read_text().replace('"format": 2', '"format": 1'))
    assert "table" in load_tensors(tmp_path / "lexical.safetensors")
    assert LexicalEncoder.load(tmp_path).fingerprint == encoder.fingerprint


@pytest.mark.parametrize("harm", ["missing", "no json", "other", "newer", "short", "cut"])
def test_a_damaged_folder_is_one_clear_error(tmp_path, harm):
    folder = tmp_path / "model"
    LexicalEncoder(make()).save(folder)
    about = folder / "isogloss.json"
    tensors = folder / "lexical.safetensors"
    if harm == "missing":
        tensors.unlink()
    elif harm == "no json":
        about.write_text("{")
    elif harm == "other":
        about.write_text('{"class": "LsaEncoder", "format": 1}')
    elif harm == "newer":
        about.write_text(about.read_text().replace('"format": 2', '"format": 99'))
    elif harm == "short":
        about.write_text(about.read_text().replace('"buckets": 37', '"buckets": 36'))
    else:
        tensors.write_bytes(tensors.read_bytes()[:-100])
    with pytest.raises(EncoderError, match=r"lexical encoder|newer format"):
        load_encoder(f"lexical:{folder}")


@pytest.mark.parametrize("kind", ["lexical", "lsa"])
@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "there is no folder"),
        ("file", "is a file: give the folder"),
        ("", "isogloss.json is missing"),
        ('{"a": 1}\n{', "isogloss.json is damaged, so .* make it again"),
        ("[1]", "isogloss.json is damaged: it holds no JSON object"),
    ],
)
def test_a_folder_that_says_nothing_is_told_as_it_is(tmp_path, kind, held, said):
    folder = tmp_path / "model"
    if held == "file":
        folder.write_text("")
    elif held is not None:
        folder.mkdir()
        if held:
            (folder / "isogloss.json").write_text(held)
    with pytest.raises(EncoderError, match=said):
        load_encoder(f"{kind}:{folder}")
