"""`isogloss reproduce`: lists, results and mistakes, as they are printed."""

import json
import subprocess
import sys

import pytest

from isogloss.app.cli.main import main
from isogloss.ledger import Figure, Outcome, PaperFigure, System, registry
from isogloss.ledger.catalogue import CATALOGUE


def call(capfd, *argv):
    code = main(["reproduce", *(str(part) for part in argv)])
    out, err = capfd.readouterr()
    return code, out, err


def fake(run):
    figure = PaperFigure(0.939, "AUC", "FineWeb-Edu")
    return System("luxical", "It is fast.", {"auc": figure}, "always", ("small",), 30, run)


@pytest.fixture
def small(tmp_path, monkeypatch):
    (tmp_path / "data" / "small").mkdir(parents=True)
    (tmp_path / "data" / "small" / "data.parquet").write_bytes(b"bytes")
    outcome = Outcome({"auc": Figure(0.9, 0.8, float("nan"), "AUC", 12)}, "holds in part")
    monkeypatch.setattr("isogloss.ledger.run.load", lambda name: fake(lambda context: outcome))
    monkeypatch.setattr("isogloss.ledger.run.built", lambda: ["luxical"])
    return ["--data", tmp_path / "data", "--results", tmp_path / "kept"]


def test_list_as_json_covers_the_catalogue(tmp_path, capfd):
    code, out, _ = call(capfd, "--list", "--json", "--results", tmp_path)
    entries = json.loads(out)
    assert code == 0
    assert [entry["system"] for entry in entries] == list(CATALOGUE)
    needed = {"system", "paper", "claim", "data", "budget_seconds"}
    assert all(entry.keys() >= needed for entry in entries)


def test_list_for_people_counts_states(tmp_path, capfd):
    code, out, err = call(capfd, "--list", "--results", tmp_path)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].split() == ["system", "state", "work"]
    assert len(lines) == len(CATALOGUE) + 2
    (line,) = [line for line in lines if line.startswith("kalm-v2 ")]
    assert "not built" in line
    assert lines[-1].startswith(f"{len(CATALOGUE)} systems: ")


def test_list_of_some(tmp_path, capfd):
    code, out, _ = call(capfd, "luxical", "--list", "--json", "--results", tmp_path)
    assert [entry["system"] for entry in json.loads(out)] == ["luxical"]
    assert code == 0
    code, out, err = call(capfd, "luxicle", "--list", "--results", tmp_path)
    assert (code, out) == (2, "")
    assert "did you mean 'luxical'" in err


def test_a_result_as_json_is_one_document_on_stdout(small, capfd):
    code, out, err = call(capfd, "luxical", "--json", *small)
    (result,) = json.loads(out)
    assert code == 0
    assert result.keys() >= {
        "system", "claim", "paper", "measured", "holds", "seeds", "seconds", "verdict"
    }  # fmt: skip
    assert (result["holds"], result["verdict"]) == (False, "holds in part")
    assert result["measured"]["auc"]["high"] is None
    assert "luxical: measuring" in err


def test_a_result_for_people(small, capfd):
    code, out, err = call(capfd, *small, "--quiet")
    assert (code, err) == (0, "")
    assert out.startswith("luxical: holds in part\n")
    assert "0.939 AUC (FineWeb-Edu)" in out
    assert "auc       0.900  0.800  -" in out
    _, _, err = call(capfd, *small)
    assert "measured before on the same inputs" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["luxicle"], "did you mean 'luxical'?"),
        (["zzzz"], "isogloss reproduce --list shows all"),
        (["nv-embed"], "'nv-embed' is not built yet"),
        (["luxical", "--data", "nowhere"], "nowhere is no folder of data sets"),
        (["luxical", "--data", "."], "banking77"),
        (["--lst"], "--lst"),
    ],
)
def test_mistakes_are_one_line_and_code_2(arguments, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capfd, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_results_that_cannot_be_written_are_a_mistake(small, tmp_path, capfd):
    (tmp_path / "kept").write_text("a file")
    code, out, err = call(capfd, "luxical", *small, "-q")
    assert (code, out) == (2, "")
    assert "kept" in err


def test_the_list_loads_nothing_heavy():
    code = (
        "import sys\nfrom isogloss.ledger.run import listing\nlisting()\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"numpy", "scipy", "pyarrow", "lancedb", "torch", "sklearn", "onnxruntime"}


def test_built_systems_are_those_of_the_folder():
    assert "luxical" in registry.built()
