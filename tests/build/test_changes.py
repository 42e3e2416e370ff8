"""Documents come, go and are replaced: what is there afterwards, and what is refused."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from changed import ROOT, bench, documents, everything, rows_of

from isogloss._core.errors import (
    AtlasError,
    ColumnError,
    FilterError,
    ParameterError,
    SourceError,
)
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.build import upkeep
from isogloss.store.table import number_tests


@pytest.fixture
def atlas(changes_atlas):
    return changes_atlas


def test_rounds_equal_brute_force(changes_folder, tmp_path, monkeypatch):
    """Three rounds in which tables are copied and somebody reads an old version."""
    monkeypatch.setattr(upkeep, "MOST_FILES", 60)
    pool = documents(400)
    figures = bench.run_rounds(pool, tmp_path, documents=200, rounds=2, most=30, say=lambda _: None)
    assert figures[-1]["copies"] >= 1


def test_delete_by_filter_by_ids_and_of_all(atlas, changes_model, changes_vectors, tmp_path):
    hockey = [row["id"] for row in documents(200) if row["label"] == "hockey"]
    report = atlas.delete(where="label = 'hockey'")
    changes_model.delete(hockey)
    assert (report.deleted, report.status, report.missing) == (len(hockey), "deleted", [])
    bench.check_content(atlas, changes_model)
    left = sorted(changes_model.rows)
    report = atlas.delete(ids=[left[0], left[0], "nobody", hockey[0]])
    changes_model.delete([left[0]])
    assert (report.deleted, report.missing) == (1, ["nobody", hockey[0]])
    assert atlas.delete(ids=["nobody"]).status == "unchanged"
    assert atlas.delete(where="label = 'hockey'").deleted == 0
    bench.check_content(atlas, changes_model)
    bench.check_searches(atlas, changes_model, changes_vectors, tmp_path)
    topic = max((t for t in atlas.topics if t.is_leaf), key=lambda t: t.size)
    assert atlas.delete(where=f"topic = {topic.id}").deleted == topic.size
    assert atlas.topics[topic.id].size == 0
    assert atlas.topics[topic.id].exemplars == ()
    atlas.delete(where="id IS NOT NULL")
    assert len(atlas) == 0
    assert sum(topic.size for topic in atlas.topics) == atlas.manifest.unassigned == 0
    assert all(atlas.search("key", mode=m).hits == () for m in ("vector", "text", "hybrid"))
    atlas.add(documents(5))
    again = bench.Model(next_passage=200)
    again.add(documents(5))
    bench.check_content(atlas, again)
    bench.check_searches(atlas, again, changes_vectors, tmp_path)


def test_a_number_is_never_used_twice(atlas):
    atlas.delete(ids=[f"d{n}" for n in range(190, 200)])
    atlas.add(documents(3, start=300))
    assert [rows_of(atlas)[f"d{n}"][0] for n in (300, 301, 302)] == [200, 201, 202]
    atlas.delete(ids=["d302"])
    source = pa.Table.from_pylist(documents(2, start=400))
    grown = Atlas.build(source, atlas.path, text="text", id="id")
    assert rows_of(grown)["d400"][0] == 203
    assert grown.manifest.next_passage == 205


def test_update_replaces_text_attributes_vector_and_topic(
    atlas, changes_model, changes_vectors, tmp_path
):
    stranger = next(row for row in documents(200) if row["label"] == "crypto")
    changed = [{"id": "d7", "text": stranger["text"], "label": "new", "n": -1}, documents(200)[9]]
    report = atlas.update(changed)
    assert (report.updated, report.unchanged, report.added) == (1, 1, 0)
    changes_model.add(changed[:1])
    bench.check_content(atlas, changes_model)
    bench.check_searches(atlas, changes_model, changes_vectors, tmp_path)
    hit = atlas.search("key", k=1, where="label = 'new'", mode="vector").hits[0]
    like = atlas.search("key", k=1, where=f"id = '{stranger['id']}'", mode="vector").hits[0]
    assert (hit.id, hit.passage, hit.attributes["n"]) == ("d7", 200, -1)
    assert hit.topic == like.topic


def test_columns_of_another_format_fit_where_they_say_the_same(tmp_path):
    """Parquet with narrow types, updated from plain Python."""
    types = pa.schema([("id", pa.string()), ("text", pa.string()), ("year", pa.int16()),
                       ("x", pa.float32()), ("at", pa.timestamp("us"))])  # fmt: skip
    rows = [{"id": f"d{n}", "text": f"key cipher {n}", "year": n, "x": n / 2, "at": None}
            for n in range(20)]  # fmt: skip
    table = pa.Table.from_pylist(rows, types)
    atlas = Atlas.build(table, tmp_path / "a.atlas", encoder="lexical")
    new = {"id": "d1", "text": "lock and key", "year": 1993, "x": 3, "at": None}
    assert atlas.update([new]).updated == 1
    hit = atlas.search("lock", k=1, where="year = 1993 AND x = 3").hits[0]
    assert (hit.id, hit.attributes["year"], hit.attributes["x"]) == ("d1", 1993, 3.0)
    assert atlas.update([{**new, "year": None, "x": None}]).updated == 1
    for wrong, told in (
        ({**new, "year": 40_000}, "does not fit the int16"),
        ({**new, "year": "1994"}, "is string in the source and int16"),
        ({**new, "year": 1.5}, "is double in the source and int16"),
        ({**new, "at": 7}, "is int64 in the source and timestamp"),
        ({**new, "colour": "red"}, "has no attribute 'colour'"),
        ({"id": "d1", "text": "lock"}, "'year' of .* is missing in the source"),
    ):
        with pytest.raises(AtlasError, match=told):
            atlas.update([wrong])
        with pytest.raises(AtlasError, match=told):
            atlas.update([wrong], dry_run=True)
    assert Atlas.open(atlas.path).manifest.version == 3


def test_the_text_column_is_the_one_of_the_build(tmp_path):
    rows = [{"body": f"key cipher {n}", "title": f"a title that is prose {n}"} for n in range(20)]
    atlas = Atlas.build(rows, tmp_path / "a.atlas", text="body", encoder="lexical")
    for name in ("a", "b"):
        lines = [json.dumps({"title": f"a text of {name}", "text": "lock and key"})] * 2
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    with pytest.raises(ColumnError, match="'body'"):
        atlas.add([str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")])
    with pytest.raises(AtlasError, match=r"'title' of .* is missing"):
        atlas.add(["only a text"])
    plain = Atlas.build([row["body"] for row in rows], tmp_path / "b.atlas", encoder="lexical")
    assert plain.add(["lock and key"]).added == 1
    assert plain.add([{"text": "another lock"}]).added == 1
    with pytest.raises(ParameterError, match="numbers its documents"):
        plain.update([{"id": 99, "text": "x"}], add_new=True)


def test_update_refuses_new_ids_unless_asked(atlas):
    rows = [{**documents(200)[0], "text": "other words"}, *documents(5, start=500)]
    with pytest.raises(AtlasError, match=r"5 rows have ids .* \('d500', 'd501', 'd502', ...\)"):
        atlas.update(rows)
    with pytest.raises(AtlasError, match="'d0' stands earlier in the source"):
        atlas.update([rows[0], rows[0]])
    assert atlas.manifest.version == Atlas.open(atlas.path).manifest.version == 1
    report = atlas.update(rows, add_new=True)
    assert (report.updated, report.added, len(atlas)) == (1, 5, 205)


def test_a_dry_run_changes_nothing(atlas):
    before = everything(atlas.path)
    assert atlas.delete(where="n < 50", dry_run=True).deleted == 50
    assert atlas.delete(ids=["d3", "x"], dry_run=True).missing == ["x"]
    rows = [{**documents(1)[0], "text": "other words"}]
    assert atlas.update(rows, dry_run=True).updated == 1
    report = atlas.add(documents(4, start=198), dry_run=True)
    assert (report.added, report.unchanged) == (2, 2)
    assert "would add 2 documents" in report.summary()
    assert everything(atlas.path) == before


def test_what_was_deleted_stays_out_of_builds(changes_folder, atlas, tmp_path):
    source = changes_folder / "source.parquet"
    atlas.delete(ids=["d0", "d1"])
    atlas.update([{**documents(200)[2], "text": "quite other words"}])
    kept = rows_of(atlas)
    again = Atlas.build(source, atlas.path)  # the very same file
    assert rows_of(again) == kept
    grown = tmp_path / "grown.parquet"
    pq.write_table(pa.Table.from_pylist(documents(203)), grown)
    told = []
    again = Atlas.build(grown, atlas.path, on_event=lambda event: told.append(event.message))
    assert any("2 documents of this source were deleted from the atlas and stay out" in t
               for t in told)  # fmt: skip
    assert set(rows_of(again)) - set(kept) == {"d200", "d201", "d202"}
    assert rows_of(again)["d2"] == kept["d2"], "the source's old text came back"
    # a document whose id was deleted stays out whatever it says; another change is an error
    rows = documents(203)
    rows[0]["text"] = "changed in the source"
    assert "d0" not in rows_of(Atlas.build(pa.Table.from_pylist(rows), atlas.path, id="id"))
    rows[2]["text"] = "changed in the source"
    with pytest.raises(AtlasError, match=r"'d2' .* isogloss update takes changed documents"):
        Atlas.build(pa.Table.from_pylist(rows), atlas.path, id="id")
    # asked for, they come back, and then they are documents like all others
    again = Atlas.open(atlas.path)
    again.add(documents(1))
    assert "d0" in rows_of(again)
    again.update(documents(2)[1:], add_new=True)
    assert rows_of(Atlas.build(grown, atlas.path))["d1"][0] == 205
    fresh = Atlas.build(source, atlas.path, fresh=True)
    assert {one: text for one, (_, text) in rows_of(fresh).items()} == {
        row["id"]: row["text"] for row in documents(200)
    }


def test_documents_without_ids(changes_folder, tmp_path):
    """They are known by their number when they go, and by their contents afterwards."""
    shutil.copytree(changes_folder / "numbered.atlas", tmp_path / "n.atlas")
    atlas = Atlas.open(tmp_path / "n.atlas")
    rows = [{"text": row["text"], "n": row["n"]} for row in documents(40)]
    assert atlas.delete(ids=[0, np.int64(5), 99]).missing == [99]  # 40 says what 0 said
    assert len(Atlas.build([*rows, *rows[:3]], atlas.path)) == 41
    with pytest.raises(ColumnError, match="no id column 'id'"):
        Atlas.open(atlas.path).update(rows[:1])
    atlas = Atlas.open(atlas.path)
    atlas.update([{"id": 7, "text": "quite other words", "n": 7}])
    assert rows_of(atlas)[7] == (43, "quite other words")
    built_again = Atlas.build([*rows, *rows[:3]], atlas.path)
    assert rows_of(built_again) == rows_of(atlas), "the old text came back"
    built_again.add([rows[5], rows[6]])
    assert rows_of(built_again)[44] == (44, rows[5]["text"])
    assert len(built_again) == 42
    with pytest.raises(ColumnError, match="numbers its documents"):
        built_again.add(documents(1))


def test_refusals(atlas):
    for wrong in ({}, {"where": "n = 1", "ids": ["d1"]}):
        with pytest.raises(ParameterError, match="either where"):
            atlas.delete(**wrong)
    for wrong in ([1], [None], [b"d1"], "d1", {"d1"}, 7, [["d1"]], [1.5]):
        with pytest.raises(ParameterError):
            atlas.delete(ids=wrong)
    for wrong in ("", "n = 'x'", "vector IS NULL", "content_hash = 1", "passage = 1", "1 = 1"):
        with pytest.raises(FilterError):
            atlas.delete(where=wrong)
    assert atlas.delete(ids=[]).deleted == 0
    assert atlas.delete(ids=["\ud800", "d1'--"]).missing == ["\ud800", "d1'--"]
    for wrong, error in (
        ([], SourceError),
        ([{**documents(2)[1], "text": ""}], SourceError),
        ([{"id": "d1", "text": "no attributes"}], AtlasError),
        ([{"id": 1, "text": "other ids", "label": "x", "n": 1}], ColumnError),
        ([{"id": "d1", "text": "x", "label": "x", "n": "many"}], AtlasError),
        (Path("nowhere.parquet"), SourceError),
        (None, Exception),
    ):
        with pytest.raises(error):
            atlas.update(wrong)
        with pytest.raises(error):
            atlas.add(wrong)
    with pytest.raises(AtlasError, match="has changed"):
        atlas.add([{**documents(1)[0], "text": "other words"}])
    assert atlas.manifest.version == Atlas.open(atlas.path).manifest.version == 1
    assert sorted(p.name for p in atlas.path.iterdir() if not p.name.startswith("vectors-")) == [
        ".lock", "manifest.json", "passages-0001.lance", "state-0001",
    ]  # fmt: skip


def test_copies_are_made_when_a_table_is_worn(atlas):
    """A tenth may be deleted: 20 of 200."""
    first = atlas.manifest.table
    atlas.delete(ids=[f"d{n}" for n in range(15)])
    assert not atlas.delete(ids=[f"d{n}" for n in range(15, 20)]).compacted
    assert atlas.manifest.table == first
    assert atlas.delete(ids=["d20"]).compacted
    assert atlas.manifest.table != first


def test_numbers_are_written_as_bounded_tests():
    rng = np.random.default_rng(0)
    for _ in range(50):
        numbers = np.flatnonzero(rng.random(3000) < rng.random()).astype(np.int64)
        seen = np.zeros(3000, int)
        for test in number_tests(numbers):
            if "IN" in test:
                seen[[int(n) for n in test.partition("(")[2].rstrip(")").split(",")]] += 1
            else:
                low, high = (int(word) for word in test.split() if word.isdigit())
                seen[low : high + 1] += 1
        assert np.array_equal(np.flatnonzero(seen), numbers)
        assert seen.max(initial=0) <= 1
    assert list(number_tests(np.empty(0, np.int64))) == []
    assert max(len(test) for test in number_tests(np.arange(0, 10**6, 2))) < 50_000


def test_command_line(atlas, tmp_path, capsys):
    folder = str(atlas.path)
    assert main(["delete", folder, "--where", "n < 3", "--dry-run", "-q"]) == 0
    assert "would delete 3 documents" in capsys.readouterr().out
    assert main(["delete", folder, "--where", "n < 3", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["deleted"] == 3
    ids = tmp_path / "ids.txt"
    ids.write_text("d10\r\n\nd11\nd0\n")
    assert main(["delete", folder, "--ids", str(ids), "-q"]) == 0
    out = capsys.readouterr().out
    assert "deleted 2 documents" in out
    assert "1 id not in the atlas: 'd0'" in out
    source = tmp_path / "changes.jsonl"
    rows = [{**documents(200)[20], "text": "other words"}, documents(1, start=700)[0]]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["update", folder, str(source), "-q"]) == 2
    assert "--add-new" in capsys.readouterr().err
    assert main(["update", folder, str(source), "--add-new", "--json", "-q"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["updated"], told["added"], told["documents"]) == (1, 1, 196)
    for wrong in (
        ["delete", folder], ["delete", folder, "--where", "n ="],
        ["delete", folder, "--ids", "nowhere.txt"], ["delete", "nowhere", "--where", "n = 1"],
        ["update", folder], ["update", folder, "nowhere.jsonl"],
    ):  # fmt: skip
        assert main([*wrong, "-q"]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_example_of_the_page_runs():
    page = ROOT / "docs" / "changing-passages.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    exec(compile(blocks[0], str(page), "exec"), {})
