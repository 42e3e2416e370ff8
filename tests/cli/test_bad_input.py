"""Mistakes: each gives exit code 2 and one line on stderr, and never a traceback."""

import json
import subprocess
import sys

import pytest

from isogloss.app.cli.main import main

TEXTS = [
    "the rocket reached a low orbit after launch",
    "a satellite was put into orbit by the rocket",
    "the team won the hockey game in overtime",
    "the goalie saved the hockey game for the team",
    "a new engine for the old car and its brakes",
    "the car needs new brakes and an engine check",
]


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("atlas")
    source = folder / "six.jsonl"
    rows = [{"id": f"d{i}", "text": text, "year": 1990 + i} for i, text in enumerate(TEXTS)]
    source.write_text("\n".join(json.dumps(row) for row in rows))
    assert main(["build", str(source), "-o", str(folder / "six.atlas"), "--quiet"]) == 0
    return folder / "six.atlas"


@pytest.fixture
def place(tmp_path, atlas):
    """A folder full of things that are wrong."""
    (tmp_path / "good.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "empty.parquet").write_bytes(b"")
    (tmp_path / "header.csv").write_text("id,text\n")
    (tmp_path / "no.parquet").write_bytes(b"PAR1 this is no parquet file PAR1")
    (tmp_path / "no.jsonl.gz").write_bytes(b"not gzip at all")
    (tmp_path / "no.jsonl.zst").write_bytes(b"not zstd at all")
    (tmp_path / "broken.jsonl").write_text("{\nnot json\n[1, 2]\n")
    (tmp_path / "blank.jsonl").write_text('{"text": ""}\n{"text": null}\n{"text": "  "}\n')
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "two.csv").write_text(
        "title,story\n" + "".join(f"{text} indeed,{text} and so on\n" for text in TEXTS)
    )
    (tmp_path / "strange.xyz").write_bytes(bytes(range(256)))
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.doc").write_text("keep me")
    (tmp_path / "a_file").write_text("I am a file")
    (tmp_path / "newer.atlas").mkdir()
    (tmp_path / "newer.atlas" / "manifest.json").write_text(
        '{"format": "isogloss-atlas", "format_version": 99}'
    )
    (tmp_path / "damaged.atlas").mkdir()
    (tmp_path / "damaged.atlas" / "manifest.json").write_text("{")
    (tmp_path / "half.atlas" / "work").mkdir(parents=True)
    (tmp_path / "model").mkdir()
    (tmp_path / "words.txt").write_text("cat 0.1 0.2\ndog 0.1\n")
    (tmp_path / "six.atlas").symlink_to(atlas)
    return tmp_path


BUILD = ["build", "{p}/good.jsonl", "-o", "{p}/new.atlas"]
MISTAKES = {
    "no command": [],
    "unknown command": ["biuld"],
    "planned command": ["segment", "{p}/six.atlas"],
    "unknown option": [*BUILD, "--colour"],
    "no source": ["build", "-o", "{p}/new.atlas"],
    "no output": ["build", "{p}/good.jsonl"],
    "missing source": ["build", "{p}/nowhere.parquet", "-o", "{p}/new.atlas"],
    "empty jsonl": ["build", "{p}/empty.jsonl", "-o", "{p}/new.atlas"],
    "empty csv": ["build", "{p}/empty.csv", "-o", "{p}/new.atlas"],
    "empty parquet": ["build", "{p}/empty.parquet", "-o", "{p}/new.atlas"],
    "header only": ["build", "{p}/header.csv", "-o", "{p}/new.atlas"],
    "no parquet": ["build", "{p}/no.parquet", "-o", "{p}/new.atlas"],
    "no gzip": ["build", "{p}/no.jsonl.gz", "-o", "{p}/new.atlas"],
    "no zstd": ["build", "{p}/no.jsonl.zst", "-o", "{p}/new.atlas"],
    "only broken rows": ["build", "{p}/broken.jsonl", "-o", "{p}/new.atlas"],
    "only blank rows": ["build", "{p}/blank.jsonl", "-o", "{p}/new.atlas"],
    "no text column": ["build", "{p}/numbers.csv", "-o", "{p}/new.atlas"],
    "two text columns": ["build", "{p}/two.csv", "-o", "{p}/new.atlas"],
    "unknown format": ["build", "{p}/strange.xyz", "-o", "{p}/new.atlas"],
    "empty folder": ["build", "{p}/folder", "-o", "{p}/new.atlas"],
    "wrong text column": [*BUILD, "--text", "boddy"],
    "wrong id column": [*BUILD, "--id", "nr"],
    "number as text": ["build", "{p}/numbers.csv", "-o", "{p}/new.atlas", "--text", "a"],
    "output is a file": ["build", "{p}/good.jsonl", "-o", "{p}/a_file"],
    "output holds other files": ["build", "{p}/good.jsonl", "-o", "{p}/full"],
    "bad seed": [*BUILD, "--seed", "x"],
    "negative seed": [*BUILD, "--seed", "-1"],
    "bad limit": [*BUILD, "--limit", "0"],
    "bad threads": [*BUILD, "--threads", "0"],
    "bad memory": [*BUILD, "--memory", "lots"],
    "little memory": [*BUILD, "--memory", "1MB"],
    "segments": [*BUILD, "--passages", "segment"],
    "unknown passages": [*BUILD, "--passages", "sentence"],
    "ray": [*BUILD, "--engine", "ray"],
    "unknown encoder": [*BUILD, "--encoder", "lsaa", "--offline"],
    "encoder folder that is none": [*BUILD, "--encoder", "lexical:{p}"],
    "folder without a model": [*BUILD, "--encoder", "{p}/model"],
    "onnx of nothing": [*BUILD, "--encoder", "onnx:{p}/model"],
    "words of nothing": [*BUILD, "--encoder", "words:{p}/nowhere.txt"],
    "broken word vectors": [*BUILD, "--encoder", "words:{p}/words.txt"],
    "no server": [*BUILD, "--encoder", "openai:m", "--offline"],
    "info of nothing": ["info", "{p}/nowhere.atlas"],
    "info of a folder": ["info", "{p}/folder"],
    "info of a half-built atlas": ["info", "{p}/half.atlas"],
    "info of a newer atlas": ["info", "{p}/newer.atlas"],
    "info of a damaged atlas": ["info", "{p}/damaged.atlas"],
    "topics of nothing": ["topics", "{p}/nowhere.atlas"],
    "bad depth": ["topics", "{p}/six.atlas", "--depth", "0"],
    "build below a file": ["build", "{p}/good.jsonl", "-o", "{p}/good.jsonl/x.atlas"],
    "assignments into nowhere": ["topics", "{p}/six.atlas", "--assignments", "{p}/no/a.parquet"],
    "assignments into a folder": ["topics", "{p}/six.atlas", "--assignments", "{p}/folder"],
    "search of nothing": ["search", "{p}/nowhere.atlas", "x"],
    "empty query": ["search", "{p}/six.atlas", ""],
    "k of zero": ["search", "{p}/six.atlas", "orbit", "-k", "0"],
    "unknown mode": ["search", "{p}/six.atlas", "orbit", "--mode", "magic"],
    "filter with a wrong column": ["search", "{p}/six.atlas", "orbit", "--where", "yaer = 1990"],
    "filter with a wrong type": ["search", "{p}/six.atlas", "orbit", "--where", "year = 'x'"],
    "filter that is none": ["search", "{p}/six.atlas", "orbit", "--where", "year >"],
    "filter with an injection": ["search", "{p}/six.atlas", "orbit", "--where", "year=1; DROP x"],
    "embed of nothing": ["embed", "{p}/nowhere.csv", "-o", "{p}/v.parquet"],
    "embed into nowhere": ["embed", "{p}/good.jsonl", "-o", "{p}/no/v.parquet"],
    "embed into a folder": ["embed", "{p}/good.jsonl", "-o", "{p}/folder"],
    "unknown dtype": ["embed", "{p}/good.jsonl", "-o", "{p}/v.parquet", "--dtype", "int4"],
    "evaluate something else": ["evaluate", "topcis", "{p}/six.atlas"],
    "evaluate without the column": ["evaluate", "topics", "{p}/six.atlas", "--labels", "lable"],
    "other encoder over an atlas": [
        "build",
        "{p}/good.jsonl",
        "-o",
        "{p}/six.atlas",
        "--seed",
        "5",
    ],
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name, place, capfd):
    argv = [part.replace("{p}", str(place)) for part in MISTAKES[name]]
    quiet = argv[:1] in (["build"], ["embed"]) and "--colour" not in argv
    code = main([*argv, "--quiet"] if quiet else argv)
    out, err = capfd.readouterr()
    assert code == 2, err
    assert out == ""
    if argv:
        assert len(err.splitlines()) == 1, err
    assert "Traceback" not in err
    assert (place / "full" / "letter.doc").read_text() == "keep me"
    assert not (place / "new.atlas" / "manifest.json").exists()
    assert not (place / "v.parquet").exists()


def test_skipped_rows_are_counted_and_listed(tmp_path, capfd):
    rows = [
        b'{"id": "a", "text": "the rocket reached orbit"}',
        b"{broken",
        b'{"id": "b", "text": null}',
        b'{"id": "c", "text": "   "}',
        b'{"id": "a", "text": "the same id again"}',
        b'{"id": "d", "text": "bad bytes \xff\xfe here"}',
        b"[1, 2]",
        b'{"id": "e", "text": 5}',
        b'{"id": null, "text": "an id is missing"}',
        b'{"id": "f", "text": "the last good row"}',
    ]
    source = tmp_path / "rows.jsonl"
    source.write_bytes(b"\n".join(rows))
    assert main(["build", str(source), "-o", str(tmp_path / "a.atlas"), "--json", "-q"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["documents"] + report["skipped_total"] == len(rows)
    assert report["documents"] == 4  # a number is a text, too
    assert sorted(item["row"] for item in report["skipped"]) == [1, 2, 3, 4, 6, 8]
    listed = (tmp_path / "a.atlas" / "rejects.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in listed] == report["skipped"]
    assert main(["build", str(source), "-o", str(tmp_path / "a.atlas"), "--fresh", "-q"]) == 0
    said = capfd.readouterr().out
    assert "6 rows skipped, counted from 0 (see" in said
    assert "rows.jsonl row 1: line 2 is not JSON" in said


def test_a_failure_of_ours_is_one_line_and_code_1(monkeypatch, capfd, atlas):
    import isogloss.app.cli.info as command

    def fail(args):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(command, "run", fail)
    assert main(["info", str(atlas)]) == 1
    err = capfd.readouterr().err
    assert "internal error: ZeroDivisionError" in err
    assert len(err.splitlines()) == 1


def test_a_closed_pipe_is_no_error(atlas):
    command = f"{sys.executable} -m isogloss topics {atlas} --json | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""
