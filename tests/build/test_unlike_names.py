"""No two topics of an atlas have one name, whatever seeds and people called some of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.atlas import Atlas
from isogloss.topics.keywords import Keywords, topic_labels
from isogloss.topics.label_prompt import apart

SUBJECTS = {
    "moon": "moon rocket orbit crater lander".split(),
    "bread": "bread oven flour butter yeast".split(),
    "goal": "goal match referee league striker".split(),
}


@pytest.fixture(scope="module")
def texts():
    return [
        " ".join([*words[i % 5 :], *words[: i % 4]])
        for i in range(40)
        for words in SUBJECTS.values()
    ]


@pytest.fixture
def atlas(texts, tmp_path):
    return Atlas.build(texts, tmp_path / "a.atlas", encoder="lsa")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_seed_that_is_called_like_another_topic(atlas, texts, tmp_path, subject):
    plain = atlas.topics.labels
    assert len(plain) == 3
    for number, name in enumerate(plain):
        place = tmp_path / f"{number}.atlas"
        made = Atlas.build(texts, place, encoder="lsa", seeds={name: SUBJECTS[subject]})
        assert len(set(made.topics.labels)) == len(made.topics)
        (called,) = [topic for topic in made.topics if topic.label == name]
        assert subject in called.keywords


def test_a_name_that_is_taken_away_leaves_none_that_another_topic_was_given(atlas):
    plain = atlas.topics.labels[0]
    atlas = atlas.rename_topic(0, "mine").rename_topic(1, plain).rename_topic(0, "")
    assert atlas.topics.labels[1] == plain
    assert len(set(atlas.topics.labels)) == 3
    assert set(atlas.topics.labels[0].split(", ")) > set(plain.split(", "))  # a word more


def test_an_edit_gives_no_name_that_a_topic_has(atlas):
    plain = atlas.topics.labels
    for topic, name in ((0, "mine"), (1, plain[0])):
        atlas = atlas.rename_topic(topic, name)
    atlas = atlas.split_topic(0, into=2)
    assert len(set(atlas.topics.labels)) == len(atlas.topics)


@given(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=4, unique=True), min_size=1, max_size=7),
    st.sets(st.sampled_from(["a", "a, b", "a (2)", "(no words)", "(no words) (2)", "mine"])),
)
def test_labels_are_apart_and_names_stay(words, names):
    own = [*sorted(names), *[""] * len(words)][: len(words)]
    found = topic_labels([Keywords(one, [0.1] * len(one)) for one in words], words=2, names=own)
    assert len(set(found)) == len(words)
    assert [label for label, name in zip(found, own, strict=True) if name] == list(
        filter(None, own)
    )


def test_a_model_gives_no_name_that_a_person_gave():
    assert apart({1: "Games", 2: "Games"}, lambda topic: ["chess"], taken=["games"]) == {
        1: "Games (chess)", 2: "Games (2)",
    }  # fmt: skip
