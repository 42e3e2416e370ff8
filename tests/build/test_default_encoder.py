"""Which encoder a build takes when it is told none."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import ParameterError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.build.default import KNOWN_SHARE, is_foreign
from isogloss.encoders.spec import load_encoder

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


PLAIN = {
    "fr": "le chat {i} dort sur la table et les enfants sont dans la maison avec une tasse de lait",
    "es": "el gato {i} duerme en la mesa y los hijos del rey son de una casa con mucho sol",
    "de": "der Mann {i} hat mit seiner Mutter in dem Garten gelesen und war nicht alt",
    "nl": "de man {i} heeft met zijn moeder in het park gelezen en was niet oud",
    "pt": "o gato {i} dorme na mesa e os filhos do rei estão em uma casa com muito sol",
    "it": "il gatto {i} dorme sulla tavola e gli amici sono nella casa con una tazza di latte",
}


@pytest.mark.parametrize("language", PLAIN)
def test_plain_words_of_other_languages_are_read_by_lsa(tmp_path, language):
    texts = [PLAIN[language].format(i=i) for i in range(40)]
    known, words = load_encoder("lexical").known_words(texts)
    assert known >= KNOWN_SHARE * words or language in ("nl", "it", "pt")  # known, yet not read
    assert encoder_of(Atlas.build(texts, tmp_path / "a")) == "lsa"


def test_english_titles_with_foreign_words_stay_with_lexical(tmp_path):
    titles = ["Die hard", "La La Land", "Les Misérables in London", "El Niño and the weather",
              "Der Spiegel on the war", "moon landing", "Das Boot is on", "no country"]  # fmt: skip
    assert encoder_of(Atlas.build(titles * 5, tmp_path / "a")) == "lexical"


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "column"),
    [("newsgroups20", "body"), ("clinc150", "text"), ("shorttext_tweet", "text"),
     ("shorttext_searchsnippets", "text"), ("debian_packages", "text")],
)  # fmt: skip
def test_english_corpora_hold_next_to_no_foreign_texts(data_dir, name, column):
    texts = pq.read_table(data_dir / name / "data.parquet", columns=[column])[column]
    lexical = load_encoder("lexical")
    texts = [text for text in texts.slice(0, 400).to_pylist() if text]
    assert sum(is_foreign(lexical, text) for text in texts) <= 0.05 * len(texts)


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
        wanted = f"{few} of the first {len(texts)} texts are in another language"
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
