"""`isogloss migrate` as a user meets it."""

import json

import pytest

from isogloss.app.cli.main import main
from isogloss.atlas import Atlas

WORDS = "rocket orbit goalie puck engine brake cipher key doctor drug".split()


@pytest.fixture
def atlas(tmp_path):
    texts = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS[:3] if a != b]
    Atlas.build(texts, tmp_path / "a.atlas", encoder="lsa")
    return str(tmp_path / "a.atlas")


def test_a_map_then_re_embedding(atlas, capsys):
    assert main(["migrate", atlas, "--encoder", "lexical", "--sample", "200", "-q"]) == 0
    out = capsys.readouterr().out
    assert "queries go through lexical, the passages stay those of lsa" in out
    assert "of the 10 nearest by lsa alone it keeps" in out
    assert "of the 10 nearest by lexical alone it keeps" in out
    assert "goes back" in out
    assert main(["search", atlas, "rocket", "--mode", "vector"]) == 0
    assert "query by lexical through" in capsys.readouterr().out
    assert main(["info", atlas, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["queries"]["spec"] == "lexical"
    assert main(["migrate", atlas, "--encoder", "lexical", "--re-embed", "--json", "-q"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "re-embedded"
    assert (told["old"]["spec"], told["new"]["spec"]) == ("lsa", "lexical")
    assert any("topics stay those of the old vectors" in note for note in told["notes"])
    assert main(["migrate", atlas, "--encoder", "lexical", "-q"]) == 0
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--encoder", "lexicl"], "did you mean 'lexical'?"),
        (["--encoder", "lexical", "--method", "mean"], "needs equal dimensions"),
        (["--encoder", "lexical", "--sample", "2"], "it must be 40 or more"),
        (["--encoder", "lexical", "--seed", "-1"], "seed is -1"),
        ([], "required: --encoder"),
    ],
)
def test_mistakes_are_said_in_one_line(atlas, capsys, more, line):
    assert main(["migrate", atlas, *more, "-q"]) == 2
    err = capsys.readouterr().err
    assert line in err
    assert len(err.splitlines()) == 1
    assert Atlas.open(atlas).manifest.version == 1


def test_what_is_no_atlas(tmp_path, capsys):
    assert main(["migrate", str(tmp_path / "no"), "--encoder", "lexical", "-q"]) == 2
    assert "there is no atlas" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
