"""Which encoder reads texts when none is named, and what is said of it."""

import pytest

import isogloss as ig
from isogloss._core.errors import ParameterError
from isogloss.store.manifest import read_manifest

ENGLISH = [f"The {one} sat near the {two} and watched the river flow."
           for one in ("cat", "dog", "bird", "horse", "farmer") for two in ("door", "tree", "wall",
           "bridge", "road", "boat")]  # fmt: skip
MARATHI = [f"धक्कादायक ठाण्यात झाडाची फांदी पडून {n} जण जखमी झाले" for n in range(30)]


def told(texts, place, **rest):
    events = []
    ig.Atlas.build(texts, place, on_event=events.append, **rest)
    said = [event.message for event in events if event.level in ("warning", "info")]
    return read_manifest(place).encoder, " ".join(said)


def test_english_is_read_by_lexical_without_a_word(tmp_path):
    encoder, said = told(ENGLISH, tmp_path / "a")
    assert encoder["spec"] == "lexical"
    assert "is for English" not in said


def test_another_language_is_read_by_lsa(tmp_path):
    encoder, said = told(MARATHI, tmp_path / "a")
    assert encoder["spec"].startswith("lsa")
    assert "lsa, fitted on these texts (lexical, which is for English" in said


def test_many_foreign_texts_among_english_ones_are_told(tmp_path):
    encoder, said = told(ENGLISH + MARATHI[:10], tmp_path / "a")
    assert encoder["spec"] == "lexical"
    assert "less than half of the words of 10 of the first 40 texts" in said
    _, said = told(ENGLISH + MARATHI[:2], tmp_path / "b")
    assert "is for English" not in said


def test_random_state_is_the_seed(tmp_path):
    ig.Atlas.build(ENGLISH, tmp_path / "a", random_state=3)
    assert read_manifest(tmp_path / "a").parameters["seed"] == 3
    with pytest.raises(ParameterError, match="seed is 1 and random_state 3: give one"):
        ig.Atlas.build(ENGLISH, tmp_path / "b", seed=1, random_state=3)
