"""Which encoder a build takes when it is told none."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import ParameterError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas

ENGLISH = [f"the satellite number {i} was put into a low orbit by a rocket" for i in range(30)]
GERMAN = [f"Zwetschgenkuchen und Kirschwasser gehören nämlich dazu {i}" for i in range(30)]


def encoder_of(atlas):
    return atlas.manifest.parameters["encoder"]


def test_english_is_read_by_lexical_and_other_languages_by_lsa(tmp_path):
    assert encoder_of(Atlas.build(ENGLISH, tmp_path / "en")) == "lexical"
    said = []
    german = Atlas.build(GERMAN, tmp_path / "de", on_event=lambda event: said.append(event.message))
    assert encoder_of(german) == "lsa"
    assert any("lsa, fitted on these texts" in (message or "") for message in said)


def test_an_atlas_keeps_its_encoder(tmp_path):
    Atlas.build(ENGLISH, tmp_path / "a", encoder="lsa")
    more = Atlas.build([*ENGLISH, "one more text about a rocket"], tmp_path / "a")
    assert encoder_of(more) == "lsa"
    assert len(more) == 31
    assert encoder_of(Atlas.build(ENGLISH, tmp_path / "a", fresh=True)) == "lexical"


def test_embed_chooses_as_build_does(tmp_path, capfd):
    for name, texts, encoder in (("en", ENGLISH, "lexical"), ("de", GERMAN, "lsa")):
        (tmp_path / f"{name}.txt").write_text("\n".join(texts))
        out = tmp_path / f"{name}.parquet"
        assert main(["embed", str(tmp_path / f"{name}.txt"), "-o", str(out), "--json"]) == 0
        assert json.loads(capfd.readouterr().out)["encoder"] == encoder


@pytest.mark.data
def test_marathi_headlines_are_read_by_lsa(data_dir, tmp_path):
    table = pq.read_table(data_dir / "marathi_news_headlines" / "data.parquet").slice(0, 400)
    assert encoder_of(Atlas.build(table, tmp_path / "a", text="text")) == "lsa"


def test_many_foreign_texts_among_english_ones_are_told(tmp_path):
    for name, few, told in (("a", 10, True), ("b", 2, False)):
        said = []
        texts = ENGLISH + GERMAN[:few]
        made = Atlas.build(texts, tmp_path / name, on_event=lambda one, to=said: to.append(one))
        assert encoder_of(made) == "lexical"
        warned = [one.message for one in said if one.level == "warning"]
        wanted = f"less than half of the words of {few} of the first {len(texts)} texts"
        assert any(wanted in message for message in warned) == told


def test_random_state_is_the_seed(tmp_path):
    made = Atlas.build(ENGLISH, tmp_path / "a", random_state=3)
    assert made.manifest.parameters["seed"] == 3
    with pytest.raises(ParameterError, match="seed is 1 and random_state 3: give one"):
        Atlas.build(ENGLISH, tmp_path / "b", seed=1, random_state=3)


BAD_NUMBERS = {
    "a word for a seed": ({"seed": "a"}, "seed is 'a'; it must be 0 or"),
    "a word for a random state": ({"random_state": "a"}, "seed is 'a'; it must be 0 or"),
    "a fraction": ({"seed": 1.5}, "seed is 1.5; it must be 0 or"),
    "a truth value": ({"seed": True}, "seed is True; it must be 0 or"),
    "below 0": ({"seed": -5}, "seed is -5; it must be 0 or"),
    "a word for a limit": ({"limit": "3"}, "limit is '3'; it must be a whole number"),
    "a fraction of a row": ({"limit": 2.5}, "limit is 2.5; it must be a whole number"),
    "no memory": ({"memory_mb": None}, "memory_mb is None; it must be a whole number"),
}


@pytest.mark.parametrize("name", BAD_NUMBERS)
def test_numbers_of_other_kinds_are_refused_before_anything_is_written(name, tmp_path):
    options, says = BAD_NUMBERS[name]
    with pytest.raises(ParameterError, match=says):
        Atlas.build(ENGLISH, tmp_path / "a", **options)
    assert not list(tmp_path.iterdir())


def test_a_seed_of_numpy_is_a_seed(tmp_path):
    made = Atlas.build(ENGLISH, tmp_path / "a", seed=np.int64(3))
    assert made.manifest.parameters["seed"] == 3
