"""What people ran into in use: each once more, so that it stays mended."""

import io
import json
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss import Atlas
from isogloss.app.cli.main import main

TEXTS = [f"{a} {b} and a {c}" for a in ("red", "green", "old") for b in ("boat", "house", "tree")
         for c in ("storm", "garden", "letter", "river")]  # fmt: skip


def test_a_reader_outlives_a_build_anew(tmp_path):
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": TEXTS}), source)
    Atlas.build(source, tmp_path / "a.atlas", encoder="lsa")
    before = Atlas.open(tmp_path / "a.atlas").search("boat", k=3).hits
    reader = Atlas.open(tmp_path / "a.atlas")
    pq.write_table(pa.table({"text": TEXTS[:20]}), source)
    Atlas.build(source, tmp_path / "a.atlas", encoder="lsa", fresh=True)
    assert reader.search("boat", k=3).hits == before
    assert Atlas.open(tmp_path / "a.atlas").manifest.documents == 20
    Atlas.build(source, tmp_path / "a.atlas", encoder="lsa", fresh=True)
    tables = list((tmp_path / "a.atlas").glob("passages-*.lance"))
    assert len(tables) == 3  # the newest, the one before, and the one that is open
    assert reader.search("boat", k=3).hits == before
    del reader
    Atlas.build(source, tmp_path / "a.atlas", encoder="lsa", fresh=True)
    assert len(list((tmp_path / "a.atlas").glob("passages-*.lance"))) == 2


def test_letters_that_a_terminal_lacks_are_question_marks(tmp_path, monkeypatch):
    Atlas.build([f"{text} … łódź" for text in TEXTS], tmp_path / "a.atlas", encoder="lsa")
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["search", str(tmp_path / "a.atlas"), "boat", "-k", "1", "-q"]) == 0
    sys.stdout.flush()
    assert b"???" in raw.getvalue() or b"? " in raw.getvalue()


def test_an_atlas_in_a_folder_of_texts_is_no_source(tmp_path, capfd):
    for number, text in enumerate(TEXTS):
        (tmp_path / f"{number}.txt").write_text(text)
    command = ["build", str(tmp_path), "-o", str(tmp_path / "in.atlas"), "--json", "-q"]
    assert main(command) == 0
    assert main(command) == 0
    built, again = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert built["documents"] == len(TEXTS)
    assert again["status"] == "unchanged"
    assert main(["build", str(tmp_path), "-o", str(tmp_path / "other.atlas"), "-q"]) == 0


def test_files_of_other_kinds_are_listed(tmp_path, capfd):
    folder = tmp_path / "texts"
    folder.mkdir()
    for number, text in enumerate(TEXTS):
        (folder / f"{number}.txt").write_text(text)
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / "LICENCE").write_text("free")
    atlas = tmp_path / "a.atlas"
    assert main(["build", str(folder), "-o", str(atlas), "--json", "-q"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert (report["documents"], report["skipped_total"]) == (len(TEXTS), 2)
    listed = [json.loads(line) for line in (atlas / "rejects.jsonl").read_text().splitlines()]
    assert {item["reason"] for item in listed} == {
        "a file of a kind that is not read (.png)",
        "a file of a kind that is not read (without suffix)",
    }


@pytest.mark.models
def test_a_teacher_that_has_learnt_nothing_is_refused(tmp_path, capfd):
    pytest.importorskip("torch")
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "texts.parquet")
    (tmp_path / "r.toml").write_text('teacher = "lsa"\n[[corpus]]\nfiles = ["texts.parquet"]')
    assert main(["train", str(tmp_path / "r.toml"), "-o", str(tmp_path / "m"), "-q"]) == 2
    assert "has learnt nothing yet" in capfd.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_may_not_be_written_to(tmp_path, capfd):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    (tmp_path / "a.csv").write_text("text\none two three\nfour five six\n")
    assert main(["build", str(tmp_path / "a.csv"), "-o", str(folder / "a.atlas")]) == 2
    assert "you may write to" in capfd.readouterr().err


def test_permission_denied_is_one_line_and_a_mistake_of_the_user(tmp_path, capfd, monkeypatch):
    kept = os.open

    def refuse(path, *args, **kwargs):
        if str(path).endswith(".lock"):
            raise PermissionError(13, "Permission denied", str(path))
        return kept(path, *args, **kwargs)

    monkeypatch.setattr("os.open", refuse)
    (tmp_path / "a.csv").write_text("text\none two three\nfour five six\n")
    assert main(["build", str(tmp_path / "a.csv"), "-o", str(tmp_path / "a.atlas")]) == 2
    err = capfd.readouterr().err.strip().splitlines()[-1]
    assert "Permission denied" in err
    assert ".lock" in err
    assert "you may write to" in err
