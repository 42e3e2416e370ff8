"""One of a thing is not called by its plural, in any command."""

import io
import json
import re

import pytest

from isogloss._core.events import Event
from isogloss.app.cli.main import main
from isogloss.app.cli.progress import Progress
from isogloss.search.plan import Plan
from isogloss.search.results import SearchResult

# "1 of 5 passages" is as it should be, and so is "1.1 seconds".
WRONG = re.compile(
    r"(?<![\d.,])1 (passages|documents|topics|hits|rows|candidates|cells|entries|accounts|queries)"
)


@pytest.fixture(scope="module")
def lone(tmp_path_factory):
    """Give a folder with an atlas of one passage."""
    folder = tmp_path_factory.mktemp("lone")
    rows = [{"text": "the rocket reached a low orbit", "label": "space"}]
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["build", str(folder / "a.jsonl"), "-o", str(folder / "a.atlas"), "-q"]) == 0
    return folder


def told(capfd, *argv):
    code = main([str(part) for part in argv])
    out, err = capfd.readouterr()
    assert code == 0, err
    return out + err


def test_a_build_of_one_passage(lone, tmp_path, capfd):
    said = told(capfd, "build", lone / "a.jsonl", "-o", tmp_path / "b.atlas")
    assert "built" in said
    assert "encode: 1 passage\n" in said
    assert "the only passage makes one topic" in said
    assert not WRONG.search(said), said
    (tmp_path / "b.jsonl").write_text('{"text": "bread and butter", "label": "food"}')
    said = told(capfd, "build", tmp_path / "b.jsonl", "-o", tmp_path / "b.atlas")
    assert "1 document of the atlas is not in this source; it stays in the atlas" in said
    assert not WRONG.search(said), said
    assert "left" in told(capfd, "delete", tmp_path / "b.atlas", "--where", "label = 'food'")
    with (tmp_path / "b.jsonl").open("a") as source:
        source.write('\n{"text": "flour and water", "label": "dough"}')
    said = told(capfd, "build", tmp_path / "b.jsonl", "-o", tmp_path / "b.atlas")
    assert "1 document of this source was deleted from the atlas and stays out" in said


COMMANDS = {
    "topics": ["topics", "{atlas}", "--by", "label"],
    "search": ["search", "{atlas}", "rocket", "--diversify", "mmr", "--explain"],
    "search by a filter": ["search", "{atlas}", "rocket", "--where", "label = 'space'"],
    "label": ["label", "{atlas}"],
    "evaluate": ["evaluate", "topics", "{atlas}", "--labels", "label"],
    "export": ["explore", "{atlas}", "--export", "{there}/a.html", "--force"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_on_one_passage(lone, tmp_path, capfd, name):
    known = {"atlas": lone / "a.atlas", "there": tmp_path}
    said = told(capfd, *(part.format(**known) for part in COMMANDS[name]))
    assert re.search(r"(?<![\d.,])1 ", said) or name == "evaluate"
    assert not WRONG.search(said), said


def test_progress_and_search_plans():
    out = io.StringIO()
    show = Progress(stream=out)
    for unit in ("passages", "queries"):
        show(Event(unit, 1, 1, unit))
    assert out.getvalue() == "isogloss: passages: 1 passage\nisogloss: queries: 1 query\n"
    plan = Plan("cells", 1, 1, 1, 1, 1.0, "so few")
    told = SearchResult((), "vector", 0.1, plan).explain()
    assert told.startswith("1 of 1 passage passes (100%); 1 in 1 cell looked at")
