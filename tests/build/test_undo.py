"""Undo and redo of topic edits: what is kept, what is refused, what a kill leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from crash import write_corpus
from edited import whole

import isogloss as ig
from isogloss._core.errors import AtlasError, StorageError
from isogloss.app.cli.main import main
from isogloss.build import edit, edit_record, undo
from isogloss.build.edit_rows import KeptRows, Rows, RowWriter, back_numbers, inverse
from isogloss.store import edits


def test_merge_split_and_name_are_taken_back_and_done_again(atlas):
    copies = [whole(atlas)]
    steps = [
        lambda a: a.merge_topics([[0, 1]]),
        lambda a: a.rename_topic(1, 'a "quoted" name'),
        lambda a: a.split_topic(0, into=2),
    ]
    now = atlas
    for step in steps:
        now = step(now)
        copies.append(whole(now))
    assert [edit.kind for edit in now.edits] == ["merge", "rename", "split"]
    assert now.edits[1].what.endswith('to "a "quoted" name"')
    assert now.edits[2].what == f'split "{now.topics[0].label}" into 2'
    for copy in reversed(copies[:-1]):
        now = now.undo()
        assert whole(now) == copy
    assert now.next_undo is None
    assert [edit.undone for edit in now.edits] == [True] * 3
    for copy in copies[1:]:
        now = now.redo()
        assert whole(now) == copy
    assert now.next_redo is None
    assert now.next_undo.kind == "split"
    assert now.search("rocket orbit", k=3).hits
    assert whole(atlas) == copies[0]  # who has it open sees it as it was
    now = now.undo().rename_topic(0, "other")
    assert now.next_redo is None  # a new edit forgets what was undone
    assert [edit.kind for edit in now.edits] == ["merge", "rename", "rename"]


def test_a_record_holds_changed_rows_only(atlas):
    sizes = atlas.topics.size
    rows = atlas.path / "edits"
    merged = atlas.merge_topics([[3, 4]])
    kept = KeptRows(rows / merged.next_undo.record / "rows.parquet")
    assert len(kept.passages) == sizes[3] + sizes[4]
    arrays = (rows / merged.next_undo.record / "model.safetensors").stat().st_size
    assert arrays < 2000  # no assigner is among them
    whole_model = merged.path / merged.manifest.state / "topics" / "model.safetensors"
    assert whole_model.stat().st_size > 5 * arrays
    split = merged.split_topic(0, into=2)
    assert len(KeptRows(rows / split.next_undo.record / "rows.parquet").passages) < sizes[0]
    files = (rows / split.next_undo.record).iterdir()
    assert split.next_undo.bytes == sum(path.stat().st_size for path in files)


def test_the_last_twenty_are_kept(atlas, monkeypatch):
    monkeypatch.setattr(edits, "MOST", 3)
    now = atlas
    for number in range(5):
        now = now.rename_topic(0, f"name {number}")
    assert [edit.what[-8:] for edit in now.edits] == ['"name 2"', '"name 3"', '"name 4"']
    assert len(list((now.path / "edits").iterdir())) == 3
    for _ in range(3):
        now = now.undo()
    assert now.topics[0].label == "name 1"
    with pytest.raises(AtlasError, match="no edit to undo: the last 3"):
        now.undo()


def test_nothing_to_undo_or_redo(atlas):
    assert atlas.edits == []
    with pytest.raises(AtlasError, match="no edit to undo"):
        atlas.undo()
    with pytest.raises(AtlasError, match="no edit to redo"):
        atlas.redo()
    version = ig.Atlas.open(atlas.path).manifest.version
    assert version == atlas.manifest.version


def test_a_handle_of_an_older_version_undoes_nothing(atlas):
    first = atlas.rename_topic(0, "one")
    first.rename_topic(0, "two")
    with pytest.raises(AtlasError, match="open it again"):
        first.undo()
    with pytest.raises(AtlasError, match="open it again"):
        undo.undo_atlas(atlas.path, expect=first.manifest.version)
    assert ig.Atlas.open(atlas.path).topics[0].label == "two"


def test_labels_of_a_model_or_of_keywords_are_taken_back(atlas):
    named = atlas.rename_topic(0, "mine")
    copy = whole(named)
    named.label_topics(overwrite=True)
    now = ig.Atlas.open(atlas.path)
    assert now.topics[0].label != "mine"
    assert now.next_undo.what == 'label 1 topic by "keywords"'
    other = now.rename_topic(1, "mine")  # the name is free again
    assert other.topics[1].label == "mine"
    merged = other.undo().merge_topics([[3, 4]])
    assert merged.topics[0].label == now.topics[0].label  # and does not come back by an edit
    back = merged.undo().undo()
    assert back.topics[0].label == "mine"
    assert whole(back) == copy


def test_rows_that_came_and_went_in_between(edited_source, atlas):
    write_corpus(edited_source / "b.parquet", 460)
    before = whole(atlas)
    merged = atlas.merge_topics([[0, 1], [2, 3]])
    gone = [f"doc{n}" for n in range(0, 400, 7)]
    merged.delete(ids=gone)
    rows = pq.read_table(edited_source / "b.parquet").slice(400).to_pylist()
    merged.add(rows[:30])
    changed = [{**row, "text": rows[50]["text"]} for row in
               pq.read_table(edited_source / "a.parquet").slice(1, 3).to_pylist()]  # fmt: skip
    merged.update(changed)
    grown = ig.Atlas.build(edited_source / "b.parquet", atlas.path, text="text", id="id")
    assert grown.next_undo.kind == "merge"
    after = whole(grown)
    back = grown.undo()
    found = whole(back)
    stay = [passage for passage in before.rows if passage in found.rows]
    assert len(stay) == 400 - len(gone) - 3
    assert all(found.rows[passage] == before.rows[passage] for passage in stay)
    assert found.model == before.model
    leaves = {topic.id for topic in back.topics.leaves}
    assert {row[0] for row in found.rows.values()} - {-1} <= leaves
    counts = [row[0] for row in found.rows.values()]
    assert all(topic.size == counts.count(topic.id) for topic in back.topics.leaves)
    assert [t.label for t in back.topics] == [t.label for t in atlas.topics]
    assert whole(back.redo()) == after


def test_a_fresh_build_forgets_edits_and_a_repeated_one_keeps_them(edited_source, atlas):
    now = atlas.rename_topic(0, "one")
    again = ig.Atlas.build(edited_source / "a.parquet", atlas.path, text="text", id="id")
    assert again.next_undo == now.next_undo
    fresh = ig.Atlas.build(
        edited_source / "a.parquet", atlas.path, text="text", id="id", encoder="lsa", fresh=True
    )
    assert fresh.edits == []
    assert not (atlas.path / "edits").exists()


def test_after_new_vectors_only_later_names_are_taken_back(atlas):
    from isogloss.build.migrate import migrate_atlas

    now = atlas.rename_topic(0, "early").merge_topics([[1, 2]]).rename_topic(0, "late")
    copy = now.edits
    migrate_atlas(now.path, "lexical", re_embed=True)
    moved = ig.Atlas.open(now.path)
    assert [edit.kind for edit in moved.edits] == ["rename"]
    assert moved.next_undo == copy[-1]
    back = moved.undo()
    assert back.topics[0].label == "early"
    assert back.next_undo is None
    assert len(list((back.path / "edits").iterdir())) == 1
    listed = {**now.manifest.edits}
    back.manifest.edits = listed  # as an atlas would be whose list was kept
    assert edits.History.from_json(listed, now.path).of_names().edits == [copy[-1]]


@pytest.mark.parametrize("damage", ["gone", "cut", "no json", "no rows", "no tree", "numbers"])
def test_a_damaged_record_changes_nothing(atlas, damage):
    merged = atlas.merge_topics([[0, 1]])
    record = atlas.path / "edits" / merged.next_undo.record
    if damage == "gone":
        shutil.rmtree(record)
    elif damage == "cut":
        (record / "rows.parquet").write_bytes((record / "rows.parquet").read_bytes()[:100])
    elif damage == "no json":
        (record / "record.json").write_text("{")
    elif damage == "no rows":
        (record / "rows.parquet").unlink()
    elif damage == "no tree":
        (record / "tree.json").unlink()
    else:
        about = json.loads((record / "record.json").read_text())
        (record / "record.json").write_text(json.dumps({**about, "number": [0, 99]}))
    before = whole(merged)
    with pytest.raises(AtlasError, match=r"missing|damaged") as failure:
        merged.undo()
    assert "\n" not in str(failure.value)
    assert whole(ig.Atlas.open(atlas.path)) == before
    assert ig.Atlas.open(atlas.path).rename_topic(0, "goes on").topics[0].label == "goes on"


@pytest.mark.parametrize(
    "listed",
    [
        {"format": 1},
        {"format": 1, "done": [{}], "undone": []},
        {"format": "x", "done": [], "undone": []},
        {"format": 1, "done": [{"kind": "merge", "what": "", "when": "", "record": "../..",
                                "bytes": 0}], "undone": []},
        {"format": 2, "done": [], "undone": []},
    ],
)  # fmt: skip
def test_a_damaged_list_is_refused_in_one_line(atlas, listed):
    manifest = json.loads((atlas.path / "manifest.json").read_text())
    (atlas.path / "manifest.json").write_text(json.dumps({**manifest, "edits": listed}))
    opened = ig.Atlas.open(atlas.path)
    with pytest.raises(AtlasError, match=r"damaged|upgrade"):
        _ = opened.edits
    with pytest.raises(AtlasError, match=r"damaged|upgrade"):
        opened.undo()
    assert opened.search("rocket", k=1).hits


@pytest.mark.parametrize("at", ["publish_record", "commit_topics", "write_passages"])
@pytest.mark.parametrize("after", [False, True])
def test_an_undo_that_breaks_off_leaves_old_or_new(atlas, monkeypatch, at, after):
    merged = atlas.merge_topics([[0, 1]])
    copies = [whole(atlas), whole(merged)]
    home = edits if at == "publish_record" else undo
    work = getattr(home, at)

    def broken(*given, **named):
        if after:
            work(*given, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(home, at, broken)
    with pytest.raises(KeyboardInterrupt):
        merged.undo()
    monkeypatch.undo()
    now = ig.Atlas.open(atlas.path)
    assert whole(now) == copies[0 if at == "commit_topics" and after else 1]
    back = now if now.next_undo is None else now.undo()
    assert whole(back) == copies[0]
    assert whole(back.redo()) == copies[1]
    names = {path.name for path in (atlas.path / "edits").iterdir()}
    assert names == {ig.Atlas.open(atlas.path).next_undo.record}
    assert not list(atlas.path.glob(".*.tmp"))


def test_an_edit_that_breaks_off_before_its_manifest_leaves_no_record(atlas, monkeypatch):
    for home, at in ((edit, "write_manifest"), (edit_record.edits, "publish_record")):
        monkeypatch.setattr(home, at, lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            atlas.merge_topics([[0, 1]])
        monkeypatch.undo()
        assert ig.Atlas.open(atlas.path).edits == []
    now = atlas.rename_topic(0, "one")
    assert {path.name for path in (atlas.path / "edits").iterdir()} == {now.next_undo.record}


RUN = """
import sys
import isogloss as ig
atlas = ig.Atlas.open(sys.argv[1])
print("ready", flush=True)
for _ in range(1000):
    atlas = atlas.undo() if atlas.next_redo is None else atlas.redo()
    print("done", flush=True)
"""


def check_kills(atlas, tmp_path, kills, seed):
    rng = np.random.default_rng(seed)
    merged = atlas.merge_topics([[0, 1]])
    copies = [whole(atlas), whole(merged)]
    moments = set()
    for _ in range(kills):
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(atlas.path)],
            stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert process.stdout.readline() == b"ready\n"
        began = time.monotonic()
        steps = int(rng.integers(1, 4))  # the first loads the store, so the next ones tell more
        for _ in range(steps):
            assert process.stdout.readline() == b"done\n"
        time.sleep(float(rng.uniform(0, 1.2)) * (time.monotonic() - began) / steps)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        now = ig.Atlas.open(atlas.path)
        assert len(now.edits) == 1
        found = whole(now)
        assert found == copies[0 if now.next_undo is None else 1]
        moments.add(now.next_undo is None)
        assert now.search("rocket orbit", k=3).hits
    now = now.redo() if now.next_undo is None else now.undo()
    assert whole(now) in copies
    assert len(list((atlas.path / "edits").iterdir())) == 1
    assert not list(atlas.path.glob(".*.tmp"))
    # The newest, the one before, and the two which this test has open.
    assert len(list(atlas.path.glob("passages-*.lance"))) <= 4
    return moments


def test_killed_at_random_moments(atlas, tmp_path):
    check_kills(atlas, tmp_path, 2, seed=0)


@pytest.mark.slow
def test_killed_at_twenty_random_moments(atlas, tmp_path):
    assert check_kills(atlas, tmp_path, 20, seed=1) == {True, False}


def test_a_folder_that_may_only_be_read(atlas):
    if os.geteuid() == 0:
        user = 65534
        for path in [atlas.path, *atlas.path.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    now = atlas.rename_topic(0, "one")
    (now.path / ".lock").chmod(0o444)
    now.path.chmod(0o555)
    try:
        if os.geteuid() == 0:
            for above in now.path.parents:
                if above.stat().st_uid == os.geteuid() and above.is_relative_to("/tmp"):
                    above.chmod(above.stat().st_mode | 0o055)
            os.seteuid(user)
        assert ig.Atlas.open(now.path).next_undo.kind == "rename"
        with pytest.raises(StorageError, match="that you may write to"):
            ig.Atlas.open(now.path).undo()
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        now.path.chmod(0o755)


def test_command_line(atlas, capsys):
    path = str(atlas.path)
    assert main(["topics", path, "--edits"]) == 0
    assert capsys.readouterr().out == "no edits that could be undone or redone\n"
    assert main(["topics", path, "--undo"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "no edit to undo" in line
    assert main(["topics", path, "--rename", "0=one\u202e", "-q"]) == 2
    assert main(["topics", path, "--merge", "1,2", "-q"]) == 0
    assert main(["topics", path, "--rename", "0=one", "-q"]) == 0
    capsys.readouterr()
    assert main(["topics", path, "--undo"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("undone: rename ")
    assert "one" not in out.split()
    assert main(["topics", path, "--edits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("next --undo")
    assert lines[2].endswith("next --redo")
    assert main(["topics", path, "--edits", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["kind"] for one in told["edits"]] == ["merge", "rename"]
    assert [one["undone"] for one in told["edits"]] == [False, True]
    assert told["undo"].startswith('merge "')
    assert told["redo"].endswith('to "one"')
    assert main(["info", path]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("edits.")]
    assert [line.split()[0] for line in lines] == ["edits.format", "edits.done", "edits.undone"]
    assert " kind merge, what merge " in lines[1]
    assert main(["topics", path, "--redo", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["topics"][0]["label"] == "one"
    assert main(["topics", path, "--undo", "--redo"]) == 2
    assert main(["topics", path, "--undo", "--merge", "1,2"]) == 2
    assert main(["topics", "nowhere.atlas", "--undo"]) == 2
    assert not os.path.exists("nowhere.atlas")  # noqa: PTH110


# Rows of a record, by hand and by force


def rows_of(topics, strengths):
    lengths = np.array([len(one) for one in strengths], dtype=np.int64)
    flat = np.array([x for one in strengths for x in one], dtype=np.float32)
    return Rows(np.array(topics, dtype=np.int32), np.cumsum(lengths) - lengths, lengths, flat)


def test_only_rows_that_cannot_be_foreseen_are_written(tmp_path):
    # Topics 0 and 1 were merged into 0; 2 has become 1, below the same root (3, now 2).
    number = back_numbers(np.array([0, 0, 1, 2], dtype=np.int32), np.array([-1, 2, -1]))
    assert number.tolist() == [-1, 2, 3]
    now = rows_of([0, 0, 1, -1, 1], [[0.5], [0.7], [0.9, 0.8], [], [0.9, 0.6]])
    was = rows_of([0, 1, 2, -1, 2], [[0.4], [0.6], [0.9, 0.8], [], [0.9, np.nextafter(
        np.float32(0.6), np.float32(1))]])  # fmt: skip
    lengths = np.array([1, 1, 2, 1], dtype=np.int64)
    with RowWriter(tmp_path / "rows.parquet", number, lengths) as writer:
        writer.add(np.array([10, 11, 12, 13, 14]), now, was)
    kept = KeptRows(tmp_path / "rows.parquet")
    assert kept.passages.tolist() == [10, 11, 14]  # 14: its last bit differs
    here, found = kept.find(np.array([9, 14, 12, 10]))
    assert here.tolist() == [False, True, False, True]
    assert found.topic.tolist() == [2, 0]
    assert found.packed().strength.tolist() == pytest.approx([0.9, 0.6, 0.4])
    empty = tmp_path / "empty.parquet"
    with RowWriter(empty, number, lengths):
        pass
    assert not KeptRows(empty).find(np.array([1, 2]))[0].any()


def test_numbers_turned_around():
    assert inverse(np.array([1, -1, 0], dtype=np.int32), 3).tolist() == [2, 0, -1]
    # Topic 0 was split into 3 and 4, and 3 further into 5: all stand for 0.
    parts = back_numbers(np.arange(3, dtype=np.int32), np.array([-1, -1, -1, 0, 0, 3]))
    assert parts.tolist() == [0, 1, 2, 0, 0, 0]
