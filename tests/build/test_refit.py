"""Other topics over the vectors of a finished atlas: as a build finds them, whole or not at all."""

import gc
import json
import shutil

import numpy as np
import pytest
from changed import documents
from crash import outcome, write_corpus
from killed import killed_in

from isogloss._core.errors import AtlasError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.build import reembed, refit, stages
from isogloss.build.topics import Topics
from isogloss.evaluate.atlas import atlas_fit
from isogloss.remote.push import describe
from isogloss.store.manifest import read_manifest
from isogloss.store.workspace import Workspace
from isogloss.topics import TopicModel
from isogloss.topics.asked import DEFAULTS, NAMES

DOCUMENTS, MORE = 600, 100
ASKED = {"n_topics": 4, "seeds": {"Flight": ["rocket", "orbit"]}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """`old`, and what builds find by other settings: of the same documents, and of more."""
    folder = tmp_path_factory.mktemp("refit")
    write_corpus(folder / "all.parquet", DOCUMENTS)
    write_corpus(folder / "more.parquet", MORE, start=DOCUMENTS)
    Atlas.build(folder / "all.parquet", folder / "old" / "a.atlas", encoder="lsa")
    Atlas.build(folder / "all.parquet", folder / "new" / "a.atlas", encoder="lsa", **ASKED)
    return folder


@pytest.fixture
def atlas(folder, tmp_path):
    shutil.copytree(folder / "old" / "a.atlas", tmp_path / "a.atlas")
    return tmp_path / "a.atlas"


def settings_of(path):
    parameters = read_manifest(path).parameters
    return {name: parameters[name] for name in NAMES}


def lasting(path):
    """The manifest, but for times."""
    found = json.loads((path / "manifest.json").read_text())
    return {name: value for name, value in found.items()
            if name not in ("created", "updated", "seconds", "peak_rss_mb")}  # fmt: skip


def test_it_finds_what_a_build_finds_and_encodes_nothing(folder, atlas, tmp_path, monkeypatch):
    reader = Atlas.open(atlas)
    before = outcome(atlas, tmp_path)
    monkeypatch.setattr(stages, "encode_shards", None)  # not to be called
    monkeypatch.setattr(reembed, "SHARD_ROWS", 170)  # where the cuts fall does not matter
    made = Atlas.build(folder / "all.parquet", atlas, **ASKED)
    assert outcome(atlas, tmp_path) == outcome(folder / "new" / "a.atlas", tmp_path)
    straight = Atlas.open(folder / "new" / "a.atlas")
    assert np.array_equal(made.map.coordinates, straight.map.coordinates)
    for name in ("vocabulary/vocabulary.json", "model.json", "model.safetensors"):
        one, other = (a.path / a.manifest.state / "topics" / name for a in (made, straight))
        assert one.read_bytes() == other.read_bytes()
    assert made.manifest.version == 2
    for name in ("documents", "passages", "topics", "unassigned", "encoder", "sources"):
        assert getattr(made.manifest, name) == getattr(straight.manifest, name)
    hits = [[(hit.id, hit.score) for hit in a.search("rocket orbit", k=9).hits]
            for a in (made, straight)]  # fmt: skip
    assert hits[0] == hits[1]
    assert not (atlas / "work").exists()
    assert reader.topics.to_json() != made.topics.to_json()  # who had it open, has it still
    assert len(reader.search("rocket", k=3).hits) == 3
    back = Atlas.build(folder / "all.parquet", atlas, n_topics="auto", seeds={})
    assert outcome(atlas, tmp_path) == before
    assert settings_of(back.path) == DEFAULTS


def test_the_same_settings_or_none_change_nothing(folder, atlas, capfd, monkeypatch):
    Atlas.build(folder / "all.parquet", atlas, n_topics=4)
    monkeypatch.setattr(refit, "refit_atlas", None)  # not to be called
    for more in ({}, {"n_topics": 4}, {"n_topics": 4, "min_topic_size": 10, "seeds": {}}):
        assert Atlas.build(folder / "all.parquet", atlas, **more).manifest.version == 2
    assert settings_of(atlas)["n_topics"] == 4
    assert main(["build", str(folder / "all.parquet"), "-o", str(atlas), "-q"]) == 0
    assert "is up to date: nothing to do" in capfd.readouterr().out


def test_added_rows_obey_the_topics_that_are_there(folder, atlas):
    made = Atlas.build(folder / "all.parquet", atlas, **ASKED)
    kept = {topic.id: topic.label for topic in made.topics}
    grown = Atlas.build(folder / "more.parquet", atlas)
    assert len(grown) == DOCUMENTS + MORE
    assert {topic.id: topic.label for topic in grown.topics} == kept
    assert settings_of(atlas) == {**DEFAULTS, **ASKED, "seeds": {"Flight": ["orbit", "rocket"]}}
    grown = grown.add([{"id": "x", "text": "rocket orbit moon", "label": "space", "n": 1}]) or grown
    grown = Atlas.open(atlas)
    topics = Topics.load(atlas / grown.manifest.state / "topics")
    for batch in grown.passages(["text", "vector", "topic"]):
        vectors = batch.column("vector").flatten().to_numpy().reshape(batch.num_rows, -1)
        counts = topics.vocabulary.counts(batch.column("text").to_pylist())
        found = topics.model.predict(vectors, counts)
        assert np.array_equal(found, batch.column("topic").to_numpy())
    assert settings_of(atlas)["n_topics"] == 4


def test_more_rows_and_other_topics_come_in_one_command(folder, atlas, tmp_path, capfd):
    steps = tmp_path / "steps" / "a.atlas"
    shutil.copytree(atlas, steps)
    Atlas.build(folder / "more.parquet", steps)
    Atlas.build(folder / "more.parquet", steps, **ASKED)
    (tmp_path / "seeds.json").write_text(json.dumps(ASKED["seeds"]))
    command = ["build", str(folder / "more.parquet"), "-o", str(atlas), "-q", "--n-topics", "4"]
    assert main([*command, "--topic-seeds", str(tmp_path / "seeds.json")]) == 0
    said = capfd.readouterr().out
    assert f"added {MORE} documents to {atlas} and found its topics anew" in said
    assert f"{DOCUMENTS + MORE:,} documents, 4 topics" in said
    assert outcome(atlas, tmp_path) == outcome(steps, tmp_path)
    assert lasting(atlas) == lasting(steps)


def test_an_atlas_of_before_opens_and_goes_on(folder, atlas, tmp_path):
    about = json.loads((atlas / "manifest.json").read_text())
    for name in NAMES:
        del about["parameters"][name]
    (atlas / "manifest.json").write_text(json.dumps(about))
    assert Atlas.build(folder / "all.parquet", atlas, **DEFAULTS).manifest.version == 1
    assert atlas_fit(Atlas.open(atlas), _vocabulary(atlas), 0)[1] == DOCUMENTS
    grown = Atlas.build(folder / "more.parquet", atlas)
    assert len(grown) == DOCUMENTS + MORE
    assert settings_of(atlas) == DEFAULTS
    assert len(Atlas.build(folder / "more.parquet", atlas, n_topics=3).topics.leaves) == 3


def _vocabulary(path):
    return Topics.load(path / read_manifest(path).state / "topics").vocabulary


def test_passages_keep_their_numbers_where_others_are_gone(tmp_path):
    rows = documents(400)
    atlas = Atlas.build(rows, tmp_path / "a", encoder="lexical")
    atlas.delete(ids=[f"d{n}" for n in range(0, 90, 3)])
    atlas.update([{**rows[100], "text": rows[101]["text"]}])
    left = [row for batch in atlas.passages(["passage", "id", "text", "label", "n"])
            for row in batch.to_pylist()]  # fmt: skip
    made = Atlas.build(rows, tmp_path / "a", n_topics=3)
    assert len(made) == len(left) == 370
    plain = [{name: row[name] for name in ("id", "text", "label", "n")} for row in left]
    straight = Atlas.build(plain, tmp_path / "b", encoder="lexical", n_topics=3)
    found = {}
    for name, one in (("made", made), ("straight", straight)):
        batches = one.passages(["passage", "document", "id", "topic", "memberships", "vector"])
        found[name] = [row for batch in batches for row in batch.to_pylist()]
    for row, other, was in zip(found["made"], found["straight"], left, strict=True):
        assert row["passage"] == row["document"] == was["passage"]
        assert {**row, "passage": 0, "document": 0} == {**other, "passage": 0, "document": 0}
    ids = {row["passage"]: row["id"] for row in found["made"]}
    for topic, other in zip(made.topics, straight.topics, strict=True):
        assert topic.label == other.label
        shown = [found["straight"][number]["id"] for number in other.exemplars]
        assert [ids[number] for number in topic.exemplars] == shown
    assert len(Atlas.build(rows, tmp_path / "a")) == 370  # what was deleted stays out
    assert made.delete(ids=["d1"]).deleted == 1


def test_edits_are_not_lost(folder, atlas, capfd):
    edited = Atlas.open(atlas).merge_topics([[0, 1]]).rename_topic(0, "mine")
    before = lasting(atlas)
    command = ["build", str(folder / "all.parquet"), "-o", str(atlas), "-q", "--n-topics", "3"]
    assert main(command) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1
    assert "has edits that they would undo (rename " in err
    assert "and 1 more): take these back with isogloss topics --undo, or give --fresh" in err
    assert lasting(atlas) == before
    edited.undo().undo()
    assert main(command) == 0
    made = Atlas.open(atlas)
    assert len(made.topics.leaves) == 3
    assert (made.edits, made.next_redo) == ([], None)
    assert not (atlas / "edits").exists()
    again = made.merge_topics([[0, 1]])
    assert settings_of(atlas)["n_topics"] == 3  # edits keep the settings
    again.undo()
    assert settings_of(atlas)["n_topics"] == 3
    assert outcome(atlas, folder)["topics"] == json.dumps(made.topics.to_json(), sort_keys=True)


def test_another_encoder_keeps_the_settings(folder, atlas, tmp_path):
    from isogloss.build.migrate import migrate_atlas

    Atlas.build(folder / "all.parquet", atlas, n_topics=4)
    migrate_atlas(atlas, "lexical", re_embed=True)
    assert settings_of(atlas)["n_topics"] == 4
    made = Atlas.build(folder / "all.parquet", atlas, n_topics=3)
    assert (len(made.topics.leaves), made.encoder.spec) == (3, "lexical")
    straight = tmp_path / "b" / "a.atlas"
    Atlas.build(folder / "all.parquet", straight, encoder="lexical", n_topics=3)
    assert outcome(atlas, tmp_path) == outcome(straight, tmp_path)


def test_stability_is_that_of_topics_of_the_same_settings(folder):
    opened = Atlas.open(folder / "new" / "a.atlas")
    fit, total = atlas_fit(opened, _vocabulary(opened.path), 0)
    labels, words = fit(3, np.arange(total))
    assert (len(words), set(labels.tolist()) - {-1}) == (4, {0, 1, 2, 3})


def test_a_server_takes_it_for_the_same_atlas(folder, atlas):
    before = describe(Atlas.open(atlas))
    after = describe(Atlas.build(folder / "all.parquet", atlas, n_topics=3))
    assert before.lineage == after.lineage
    assert before.source != after.source


def test_an_unfinished_addition_comes_first(folder, atlas, capfd):
    Workspace(atlas).begin({"base": 1, "encoder": "lsa"})
    command = ["build", str(folder / "all.parquet"), "-o", str(atlas), "-q", "--n-topics", "3"]
    assert main(command) == 2
    assert "has an unfinished build: run the same isogloss build again" in capfd.readouterr().err
    assert (atlas / "work").exists()


def test_an_atlas_without_passages_has_no_topics_to_find(tmp_path):
    rows = documents(4)
    Atlas.build(rows, tmp_path / "a", encoder="lexical").delete(where="n >= 0")
    with pytest.raises(AtlasError, match="holds no passages: there are no topics to find"):
        Atlas.build(rows, tmp_path / "a", min_topic_size=2)


POINTS = {
    "first shard": ("isogloss.store.workspace.Workspace.put_arrays", "after", 1),
    "fit": ("isogloss.build.write.assign_shards", "before", 1),
    "table": ("isogloss.store.table.create_table", "before", 1),
    "text index": ("isogloss.search.text_index.create_text_index", "before", 1),
    "state": ("isogloss.store.state.publish_state", "before", 1),
    "manifest": ("isogloss.build.refit.write_manifest", "before", 1),
    "cleaning": ("isogloss.build.refit.write_manifest", "after", 1),
}
QUICK = ("fit", "manifest", "cleaning")
CODE = """
import json
from isogloss.atlas import Atlas
Atlas.build(argv[0], argv[1], **json.loads(argv[2]))
"""


@pytest.mark.parametrize(
    "point", [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in POINTS]
)
def test_killed_at_any_step_it_ends_equal(folder, atlas, tmp_path, point):
    source = folder / "all.parquet"
    code, err = killed_in(CODE, *POINTS[point], source, atlas, json.dumps(ASKED))
    assert code == -9, err
    committed = point == "cleaning"
    left = folder / ("new" if committed else "old") / "a.atlas"
    assert outcome(atlas, tmp_path) == outcome(left, tmp_path)
    assert (atlas / "work").is_dir()
    Atlas.build(source, atlas, **ASKED)
    assert outcome(atlas, tmp_path) == outcome(folder / "new" / "a.atlas", tmp_path)
    assert lasting(atlas) == {**lasting(folder / "new" / "a.atlas"), "version": 2,
                              "table": "passages-0002", "state": "state-0002"}  # fmt: skip
    gc.collect()
    assert not (atlas / "work").exists()
    assert not list(atlas.glob(".*.tmp"))
    assert len(list(atlas.glob("passages-*"))) <= 2


def test_a_fit_that_was_finished_is_taken(folder, atlas, monkeypatch):
    code, err = killed_in(CODE, *POINTS["table"], folder / "all.parquet", atlas, json.dumps(ASKED))
    assert code == -9, err
    with pytest.raises(AtlasError, match="unfinished build"):
        Atlas.open(atlas).merge_topics([[0, 1]])
    with monkeypatch.context() as patch:
        patch.setattr(TopicModel, "fit", None)  # not to be called
        assert len(Atlas.build(folder / "all.parquet", atlas, **ASKED).topics.leaves) == 4


def test_what_was_begun_is_given_up_where_nobody_asks_for_it(folder, atlas, tmp_path):
    code, err = killed_in(CODE, *POINTS["fit"], folder / "all.parquet", atlas, json.dumps(ASKED))
    assert code == -9, err
    said = []
    kept = Atlas.build(folder / "all.parquet", atlas, on_event=said.append)
    assert [one.message for one in said if "is given up" in one.message]
    assert not (atlas / "work").exists()
    assert outcome(atlas, tmp_path) == outcome(folder / "old" / "a.atlas", tmp_path)
    kept.merge_topics([[0, 1]])


@pytest.mark.slow
def test_killed_between_more_rows_and_other_topics(folder, atlas, tmp_path):
    whole = tmp_path / "whole" / "a.atlas"
    shutil.copytree(atlas, whole)
    Atlas.build(folder / "more.parquet", whole, **ASKED)
    between = ("isogloss.build.refit.refit_atlas", "before", 1)
    for place in (POINTS["fit"], between, POINTS["manifest"]):
        copy = tmp_path / place[0] / "a.atlas"
        shutil.copytree(atlas, copy)
        code, err = killed_in(CODE, *place, folder / "more.parquet", copy, json.dumps(ASKED))
        assert code == -9, err
        Atlas.build(folder / "more.parquet", copy, **ASKED)
        assert outcome(copy, tmp_path) == outcome(whole, tmp_path)
        assert lasting(copy) == lasting(whole)
