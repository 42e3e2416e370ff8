"""Topics of an atlas merged, split and renamed: what stays, and what later rows get."""

import json

import numpy as np
import pytest
from crash import write_corpus

import isogloss as ig
from isogloss._core.errors import AtlasError, ParameterError
from isogloss.app.cli.main import main
from isogloss.build import edit, label


def topics_of(atlas):
    return np.concatenate([b.column("topic").to_numpy() for b in atlas.passages(["topic"])])


def check(atlas):
    """Sizes count the rows, rows agree with the saved model, strengths have the path's length."""
    labels = topics_of(atlas)
    sizes = np.bincount(labels[labels >= 0], minlength=len(atlas.topics))
    for topic in atlas.topics.leaves:
        assert topic.size == sizes[topic.id]
        assert topic.keywords
        assert topic.label
    assert len({topic.label for topic in atlas.topics}) == len(atlas.topics)
    assert atlas.manifest.topics == len(atlas.topics.leaves)
    for batch in atlas.passages(["topic", "memberships", "membership"]):
        for row in batch.to_pylist()[::17]:
            assert len(row["memberships"]) == len(atlas.topics.path(row["topic"]))
            assert row["memberships"][-1:] == [row["membership"]][: len(row["memberships"])]
    return labels


def test_merged_topics_stay_merged_when_rows_are_added(edited_source, atlas):
    before = topics_of(atlas)
    leaves = [topic.id for topic in atlas.topics.leaves]
    merged = atlas.merge_topics([leaves[:2]])
    labels = check(merged)
    assert np.array_equal(labels == leaves[0], np.isin(before, leaves[:2]))
    assert np.array_equal(topics_of(atlas), before)  # who has it open sees it as it was
    kept = {topic.label for topic in atlas.topics.leaves[2:]}
    assert kept <= {topic.label for topic in merged.topics}
    write_corpus(edited_source / "b.parquet", 430)
    grown = ig.Atlas.build(edited_source / "b.parquet", merged.path, text="text", id="id")
    assert len(grown) == 430
    assert check(grown)[:400].tolist() == labels.tolist()
    assert [t.label for t in grown.topics] == [t.label for t in merged.topics]
    assert grown.search("rocket orbit", k=3).hits


def test_split_and_renamed_topics_stay(edited_source, atlas):
    named = atlas.rename_topic(1, "my own")
    assert named.topics[1].label == "my own"
    split = named.split_topic(0, into=2)
    labels = check(split)
    assert split.topics[0].label == atlas.topics[0].label
    assert split.topics[0].keywords == atlas.topics[0].keywords
    parts = [topic.id for topic in split.topics[0].children]
    assert parts == sorted(parts, key=lambda t: -split.topics[t].size)
    assert np.array_equal(np.isin(labels, parts), topics_of(atlas) == 0)
    write_corpus(edited_source / "c.parquet", 420)
    grown = ig.Atlas.build(edited_source / "c.parquet", split.path, text="text", id="id")
    assert check(grown)[:400].tolist() == labels.tolist()
    assert grown.topics[1].label == "my own"
    again = grown.merge_topics([[1, parts[0]]])
    assert "my own" in {topic.label for topic in again.topics}
    assert again.evaluate_topics(labels="label")["topics"] == len(again.topics.leaves)
    mine = next(topic.id for topic in again.topics if topic.label == "my own")
    assert again.rename_topic(mine, "").topics[mine].label != "my own"


def test_a_topic_above_others_gets_the_name_back_that_a_build_gives(atlas):
    split = atlas.split_topic(0, into=2)
    plain = split.rename_topic(0, "mine").rename_topic(0, "")
    words = [set(topic.label.split(", ")[:3]) for topic in plain.topics]
    for part in plain.topics[0].children:
        assert words[0] != words[part.id]
        assert words[0] & words[part.id]
    with pytest.raises(ParameterError, match="no name of its own"):
        plain.rename_topic(0, "")
    # and such a name, with words of topics below, is nobody's
    words_of = label._words_below(plain.topics)
    assert not label._is_named(plain.topics[0].label, "", words_of[0], set())
    assert label._is_named("mine", "", words_of[0], set())


def test_a_merged_topic_is_named_by_all_its_parts(atlas):
    first, other, *_ = (topic for topic in atlas.topics.leaves)
    merged = atlas.merge_topics([[first.id, other.id]])
    name = merged.topics[first.id].label
    words = name.split(", ")
    for part in (first, other):
        assert set(words) & set(part.keywords)
        assert sum(word in part.label.split(", ") for word in words) < len(words)
    assert list(merged.topics[first.id].keywords[:3]) == words
    assert len(merged.topics[first.id].keywords) == len(first.keywords)
    # the name is one of keywords, for those who name topics anew
    named = merged.rename_topic(first.id, "mine")
    assert named.rename_topic(first.id, "").topics[first.id].label == name
    again = ig.Atlas.open(atlas.path)
    again.label_topics("keywords")
    assert again.topics[first.id].label == name


def test_names_that_people_gave_stay_when_topics_are_merged(atlas):
    one, two, three = (topic.id for topic in atlas.topics.leaves[:3])
    named = atlas.rename_topic(one, "cars").rename_topic(two, "bikes")
    both = named.merge_topics([[two, one]])
    assert both.topics[one].label == "bikes, cars"
    assert both.undo().merge_topics([[one, three]]).topics[one].label == "cars"


def test_what_cannot_be_done_leaves_the_atlas_alone(atlas, monkeypatch):
    state = json.loads((atlas.path / "manifest.json").read_text())
    with pytest.raises(ParameterError, match="no topic 99"):
        atlas.merge_topics([[0, 99]])
    with pytest.raises(ParameterError, match=r"is no leaf|no topic"):
        atlas.split_topic(77)
    with pytest.raises((AtlasError, ParameterError), match="is called"):
        atlas.rename_topic(0, atlas.topics[1].label)

    def killed(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(edit, "write_manifest", killed)
    with pytest.raises(KeyboardInterrupt):
        atlas.merge_topics([[0, 1]])
    monkeypatch.undo()
    assert json.loads((atlas.path / "manifest.json").read_text()) == state
    before = topics_of(ig.Atlas.open(atlas.path))
    assert np.array_equal(before, topics_of(atlas))
    check(atlas.merge_topics([[0, 1]]))  # and the same edit goes through afterwards


def test_an_atlas_that_was_edited_since_it_was_opened_is_not_edited(atlas):
    leaves = [topic.id for topic in atlas.topics.leaves]
    atlas.merge_topics([leaves[:2]])
    for change in (
        lambda: atlas.rename_topic(0, "new"),
        lambda: atlas.merge_topics([leaves[:2]]),
        lambda: atlas.split_topic(leaves[0]),
    ):
        with pytest.raises(AtlasError, match="open it again"):
            change()


def test_an_edit_that_changes_nothing_is_none(atlas, capsys):
    now = atlas.rename_topic(0, "mine").undo()
    redo, version = now.next_redo, now.manifest.version
    assert redo is not None
    split = next((t for t in now.topics if t.children), None)
    for change, told in [
        (lambda: now.rename_topic(0, ""), "no name of its own"),
        (lambda: now.rename_topic(0, "  "), "no name of its own"),
        (lambda: now.rename_topic(1, f" {now.topics[1].label} "), "already: nothing to rename"),
        (lambda: now.merge_topics([[0, 1, 0]]), "merged with itself"),
        (lambda: now.merge_topics([[0, 0]]), "one leaf"),
    ]:
        with pytest.raises(ParameterError, match=told):
            change()
    if split is not None:
        with pytest.raises(ParameterError, match="is part of topic"):
            now.merge_topics([[split.id, split.children[0].id]])
    path = str(now.path)
    assert main(["topics", path, "--rename", "0="]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    after = ig.Atlas.open(now.path)
    assert (after.next_redo, after.manifest.version) == (redo, version)
    assert after.redo().topics[0].label == "mine"


def test_a_topic_is_not_merged_with_one_above_it(atlas):
    parted = atlas.split_topic(0, into=2)
    part = parted.topics[0].children[0].id
    for group in ([0, part], [part, 0]):
        with pytest.raises(ParameterError, match=f"topic {part} is part of topic 0 already"):
            parted.merge_topics([group])
    assert parted.merge_topics([[0]]).topics[0].children == ()


def test_names_of_any_script(atlas):
    persian, family, hindi = "می\u200cخواهم", "\U0001f468\u200d\U0001f469", "क्\u200dष"
    now = atlas
    for name in (persian, family, hindi):
        now = now.rename_topic(0, name)
        assert ig.Atlas.open(now.path).topics[0].label == name
    for name in ("a\u202eb", "a\u2067b", "a\x85b", "a\u2028b", "\u200d", "a\ud800"):
        with pytest.raises(ParameterError, match="the name"):
            now.rename_topic(0, name)


@pytest.mark.parametrize("name", [5, None, "a\x1b[31m", "two\nlines", "x" * 201])
def test_a_name_that_is_none_is_refused(atlas, name):
    with pytest.raises(ParameterError, match="the name"):
        atlas.rename_topic(0, name)
