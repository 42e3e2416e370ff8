"""The digest of what an atlas was made of: equal exactly where the input is."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.build import write
from isogloss.store.manifest import read_manifest

ROWS = [
    {"id": f"d{n}", "text": f"{noun} number {n} came by", "year": 1990 + n, "note": None}
    for n in range(12)
    for noun in ("a satellite", "an engine")[n % 2 : n % 2 + 1]
]


def build(rows, folder, **options):
    return Atlas.build(rows, folder, encoder="lsa", **options).manifest.input_digest


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digest") / "whole.atlas"
    return folder, build(ROWS, folder)


def test_the_same_documents_in_other_formats_and_folders(whole, tmp_path):
    digest = whole[1]
    assert len(digest) == 32
    lines = [json.dumps(row) for row in ROWS]
    (tmp_path / "a.jsonl").write_text("\n".join([lines[0], "{", "", *lines[1:]]))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "1.jsonl").write_text("\n".join(lines[:5]))
    (tmp_path / "parts" / "2.jsonl").write_text("\n".join(lines[5:]))
    for number, name in enumerate(("a.jsonl", "a.parquet", "parts")):
        assert build(tmp_path / name, tmp_path / f"{number}.atlas", seed=number) == digest


OTHERS = {
    "another order": [*ROWS[1:], ROWS[0]],
    "one less": ROWS[:-1],
    "another id": [{**ROWS[0], "id": "e"}, *ROWS[1:]],
    "another text": [{**ROWS[0], "text": "a satellite"}, *ROWS[1:]],
    "another value": [{**ROWS[0], "year": 7}, *ROWS[1:]],
    "no ids": [{key: row[key] for key in ("text", "year", "note")} for row in ROWS],
    "another name": [{("when" if k == "year" else k): v for k, v in r.items()} for r in ROWS],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_documents(whole, tmp_path, name):
    assert build(OTHERS[name], tmp_path / "a.atlas") not in ("", whole[1])


def test_additions_carry_on(whole, tmp_path):
    digest = whole[1]
    for number, step in enumerate((build, lambda rows, folder: Atlas.open(folder).add(rows))):
        folder = tmp_path / f"{number}.atlas"
        first = build(ROWS[:7], folder)
        assert first != digest
        step(ROWS if number == 0 else ROWS[7:], folder)
        assert read_manifest(folder).input_digest == digest
    Atlas.open(folder).delete(ids=["d3"])
    assert read_manifest(folder).input_digest == digest
    Atlas.open(folder).rename_topic(0, "a name")
    assert read_manifest(folder).input_digest == digest
    Atlas.open(folder).update([{**ROWS[0], "text": "another satellite"}])
    assert read_manifest(folder).input_digest not in ("", digest)


def test_a_build_that_was_stopped_comes_to_the_same(whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:

        def stop(*args, **options):
            raise KeyboardInterrupt

        patch.setattr(write, "_write_table", stop)
        with pytest.raises(KeyboardInterrupt):
            build(ROWS, tmp_path / "a.atlas")
    assert (tmp_path / "a.atlas" / "work").is_dir()
    assert build(ROWS, tmp_path / "a.atlas") == whole[1]


def test_an_atlas_that_has_none_stays_without(tmp_path, capsys):
    folder = tmp_path / "old.atlas"
    build(ROWS[:7], folder)
    old = json.loads((folder / "manifest.json").read_text())
    del old["input_digest"]
    (folder / "manifest.json").write_text(json.dumps(old))
    Atlas.open(folder).add(ROWS[7:])
    assert read_manifest(folder).input_digest == ""
    assert main(["info", str(folder)]) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["input_digest", "-"] in shown


def test_info_shows_it(whole, capsys):
    assert main(["info", str(whole[0]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["input_digest"] == whole[1]
    assert main(["info", str(whole[0])]) == 0
    assert whole[1] in capsys.readouterr().out
