"""Who sees NPMI for the first time reads beside it what it is."""

import json

import pytest

from isogloss.app.cli.main import main
from isogloss.app.cli.output import NPMI_MEANS
from isogloss.app.cli.reproduce import _print_result

RESULT = {
    "system": "a", "verdict": "holds", "title": "A work", "claim": "Words cohere.", "paper": {},
    "rule": "above 0", "reasons": [], "limits": [], "seconds": 1.0, "budget_seconds": 9,
}  # fmt: skip


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("npmi")
    words = ["moon rocket orbit crater", "bread oven flour butter", "goal match referee league"]
    (folder / "a.txt").write_text("\n".join(f"{words[i % 3]} number{i}" for i in range(90)))
    build = ["build", str(folder / "a.txt"), "-o", str(folder / "a.atlas"), "--encoder", "lsa"]
    assert main([*build, "-q"]) == 0
    return str(folder / "a.atlas")


@pytest.mark.parametrize("command", ["evaluate", "reproduce"])
def test_help_explains_it(command, capfd):
    assert main([command, "--help"]) == 0
    assert NPMI_MEANS in " ".join(capfd.readouterr().out.split())


def test_the_table_of_measures_explains_it(atlas, capfd):
    assert main(["evaluate", "topics", atlas]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("npmi ")]
    assert NPMI_MEANS in lines
    assert main(["evaluate", "topics", atlas, "--json"]) == 0
    assert "npmi" in json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(("unit", "told"), [("NPMI above LDA's", True), ("Spearman", False)])
def test_a_result_of_the_ledger_explains_it(unit, told, capsys):
    figure = {"value": 0.4, "low": 0.3, "high": 0.5, "unit": unit, "n": "5 runs"}
    _print_result({**RESULT, "measured": {"gain": figure}})
    assert (NPMI_MEANS in capsys.readouterr().out) == told
