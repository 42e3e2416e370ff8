"""`isogloss evaluate encoder`, as a user types it."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss.app.cli.main import main

SIZES = ("--lengths", "64,128", "--queries", "3", "--documents", "5")


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch, tmp_path):
    """Keep data sets beside the repository out of sight."""
    monkeypatch.setenv("ISOGLOSS_DATA", str(tmp_path))


def run(capfd, *argv):
    code = main(["evaluate", "encoder", *map(str, argv)])
    out, err = capfd.readouterr()
    return code, out, err


def test_json_is_one_document_of_the_promised_shape(capfd):
    code, out, err = run(capfd, "lexical", "--tasks", "passkey,needle", *SIZES, "--json", "-q")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["encoder"] == "lexical"
    assert set(found["tasks"]) == {"passkey", "needle"}
    one = found["tasks"]["passkey"]
    assert one["metric"] == "top-1 accuracy"
    assert 0 <= one["low"] <= one["value"] <= one["high"] <= 1
    assert [point["length"] for point in one["by_length"]] == [64, 128]
    assert len(one["by_length"][0]["by_depth"]) == 3
    assert one["chance"] == 0.2


def test_the_same_twice(capfd):
    first = run(capfd, "lexical", "--tasks", "needle", *SIZES, "--json", "-q")
    assert run(capfd, "lexical", "--tasks", "needle", *SIZES, "--json", "-q") == first


def test_people_get_a_chart_and_what_is_missing(capfd):
    code, out, _ = run(capfd, "lexical", *SIZES)
    assert code == 0
    assert "passkey by length in words; window: none" in out
    assert out.count("#") > 5
    assert "left out, the data set cranfield is not in" in out


@pytest.mark.parametrize("ending", ["svg", "html", "json"])
def test_charts_are_written(capfd, tmp_path, ending):
    path = tmp_path / f"chart.{ending}"
    code, out, _ = run(capfd, "lexical", "--tasks", "passkey", *SIZES, "--chart", path)
    assert code == 0
    assert f"chart: {path}" in out
    text = path.read_text()
    assert {"svg": "<svg", "html": "<td>128</td>", "json": '"series"'}[ending] in text
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_filler_of_ones_own(capfd, tmp_path):
    path = tmp_path / "prose.txt"
    path.write_text("It rained all day. Nobody came.\nThe sun rose late.\n")
    code, out, _ = run(
        capfd, "lexical", "--tasks", "passkey", *SIZES, "--filler", path, "--json", "-q"
    )
    assert code == 0
    assert json.loads(out)["tasks"]["passkey"]["value"] == 1


def test_data_of_ones_own(capfd, tmp_path):
    path = tmp_path / "own.parquet"
    rows = {"text1": ["a dog", "a cat", "rain"], "text2": ["a dog", "a dog", "a loan"]}
    pq.write_table(pa.table({**rows, "score": [5.0, 3.0, 0.0]}), path)
    code, out, _ = run(capfd, "lexical", "--tasks", path, "--json", "-q")
    assert code == 0
    assert json.loads(out)["tasks"][str(path)]["metric"] == "spearman"


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        (["lexical", "--tasks", "pasky"], "did you mean 'passkey'"),
        (["lexical", "--tasks", "passkey,,needle"], "no task ''"),
        (["lexical", "--tasks", "nosuch.csv"], "there is no file nosuch.csv"),
        (["lexical", "--tasks", "banking77"], "the data set banking77 is not in"),
        (["lexicle", "--tasks", "passkey"], "did you mean 'lexical'"),
        (["lexical", "--tasks", "passkey", "--lengths", "64,x"], "'x' is no number"),
        (["lexical", "--tasks", "passkey", "--lengths", "4"], "has no room"),
        (["lexical", "--tasks", "passkey", "--lengths", "0"], "1 or more"),
        (["lexical", "--tasks", "passkey", "--queries", "0"], "queries is 0"),
        (["lexical", "--tasks", "passkey", "--documents", "1"], "documents is 1"),
        (["lexical", "--tasks", "passkey", "--chart", "x.png"], "end its name in"),
        (["lexical", "--tasks", "passkey", "--chart", "/no/x.svg"], "no folder"),
        (["lexical", "--tasks", "passkey", "--filler", "/no/file"], "/no/file"),
        (["lexical", "--tasks", "passkey", "--data", "/no/folder"], "/no/folder"),
        (["lexical", "--tasks", "passkey", "--limit", "1"], "limit is 1"),
        (["lexical", "--tasks", "passkey", "--seed", "-1"], "seed is -1"),
        (["lexical", "--labels", "x"], "name that file as a task"),
        (["lexical", "--tasks", "passkey", "--text", "x"], "name that file as a task"),
        (["lexical", "--stability", "2"], "--stability is not an option of evaluate encoder"),
        (["lexical?context=99", "--tasks", "passkey"], "for a folder or a hub id"),
        (["words:/no/file", "--tasks", "passkey"], "/no/file"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(capfd, argv, what):
    code, out, err = run(capfd, *argv, "-q")
    assert code == 2
    assert out == ""
    assert what in err
    assert err.count("\n") == 1


def test_columns_of_ones_own(capfd, tmp_path):
    path, plain = tmp_path / "own.csv", tmp_path / "plain.csv"
    rows = [f"{i},the {kind} number {i},{kind}" for i in range(30) for kind in ("dog", "loan")]
    path.write_text("\n".join(["number,body,kind", *rows]))
    plain.write_text("\n".join(["number,text,label", *rows]))
    columns = ("--text", "body", "--labels", "kind", "--json", "-q")
    code, out, err = run(capfd, "lexical", "--tasks", path, *columns)
    assert (code, err) == (0, "")
    own = json.loads(out)["tasks"]
    same = json.loads(run(capfd, "lexical", "--tasks", plain, "--json", "-q")[1])["tasks"]
    assert list(own) == [str(path), f"{path}:clustering"]
    assert [one["value"] for one in own.values()] == [one["value"] for one in same.values()]
    for wrong, what in [
        (("--text", "boddy", "--labels", "kind"), "no column 'boddy'; did you mean 'body'"),
        (("--text", "body"), "no column 'label'"),
        (("--text", "number", "--labels", "kind"), "'number' holds no texts, first in row 0"),
    ]:
        code, out, err = run(capfd, "lexical", "--tasks", path, *wrong, "-q")
        assert (code, out, err.count("\n")) == (2, "", 1), wrong
        assert what in err


@pytest.mark.parametrize("header", ["text,label", "text1,text2,score"])
def test_files_without_rows(capfd, tmp_path, header):
    path = tmp_path / "own.csv"
    path.write_text(header + "\n")
    code, _, err = run(capfd, "lexical", "--tasks", path, "-q")
    assert (code, err.count("\n")) == (2, 1)
    assert "has no rows" in err


def test_what_is_left_out_is_told_under_the_table(capfd, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("text1,text2,score\n" + "a dog,a cat,2\nrain,a loan,2\na,b,2\nc,d,\n")
    code, out, _ = run(capfd, "lexical", "--tasks", path, "-q")
    assert code == 0
    assert f"{path}: 1 row left out: without a text or a score" in out
    assert "spearman is not defined: all grades are 2" in out


def test_topics_refuse_the_options_of_encoders(capfd):
    assert main(["evaluate", "topics", "x.atlas", "--lengths", "64"]) == 2
    assert "--lengths is not an option of evaluate topics" in capfd.readouterr().err
    assert main(["evaluate", "topics", "x.atlas", "--queries", "0"]) == 2
    assert "--queries is not an option" in capfd.readouterr().err
    assert main(["evaluate", "topics", "x.atlas", "--text", "body"]) == 2
    assert "--text is not an option of evaluate topics" in capfd.readouterr().err
    assert main(["evaluate", "encodr", "x"]) == 2
    assert "did you mean 'encoder'" in capfd.readouterr().err


@pytest.mark.models
def test_beyond_the_window_of_a_real_model(capfd):
    """Windows as they are, and positions stretched: both count what they did."""
    name = "all-MiniLM-L6-v2"
    argv = ("--tasks", "passkey", "--lengths", "600", "--queries", "2", "--documents", "2")
    _, out, _ = run(capfd, name, *argv, "--json", "-q")
    plain = json.loads(out)["tasks"]["passkey"]
    assert "pooled over windows" in plain["truncation"]
    assert plain["counted_in"] == "the encoder's tokens"
    _, out, _ = run(capfd, f"{name}?context=1024", *argv, "--json", "-q")
    longer = json.loads(out)
    assert longer["max_tokens"] == 1024
    assert longer["encoder"] == f"{name}?context=1024&method=grouped&trained=512"
    assert longer["tasks"]["passkey"]["truncation"].startswith("2 of 4 texts were read with")
