"""`isogloss social`: tables and atlases, as printed and as JSON, and mistakes."""

import json
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.ledger.forum import planted_forum
from isogloss.social import discussion_report


def call(capfd, *argv):
    code = main(["social", *(str(part) for part in argv)])
    out, err = capfd.readouterr()
    return code, out, err


@pytest.fixture(scope="module")
def forum(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forum")
    made = planted_forum(comments=5000)
    pq.write_table(made.posts, folder / "posts.parquet")
    pq.write_table(made.comments, folder / "comments.parquet")
    return folder


@pytest.fixture
def names(forum):
    return [
        forum / "posts.parquet", "--comments", forum / "comments.parquet", "--author", "author",
        "--id", "id", "--parent", "post", "--time", "time", "--score", "score", "--seeds", 2,
    ]  # fmt: skip


def test_json_is_one_document(names, capfd):
    code, out, err = call(capfd, *names, "--json", "--quiet")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["posts"] == 500
    assert found["comments"] == 5000
    assert found["communities"]["seeds"] == [0, 1]
    assert call(capfd, *names, "--json", "--quiet")[1] == out


def test_a_report_for_people(names, tmp_path, capfd):
    rows = tmp_path / "accounts.parquet"
    code, out, err = call(capfd, *names, "--accounts", rows)
    assert code == 0
    assert out.startswith("entries 5,500, posts 500, comments 5,000, accounts 375")
    for words in ("returned ties", "six busiest hours", "inequality (zeros count)", "note: "):
        assert words in out
    assert "nan" not in out
    assert "isogloss: communities" in err
    assert pq.read_table(rows).num_rows == 375


def test_little_is_printed_without_nonsense(tmp_path, capfd):
    (tmp_path / "a.csv").write_text("author,at\na,2026-01-01T10:00:00Z\n", encoding="utf-8")
    code, out, _ = call(capfd, tmp_path / "a.csv", "--author", "author", "--time", "at")
    assert out.startswith("entries 1, accounts 1")
    assert code == 0
    assert "nan" not in out
    assert "None" not in out


def test_unknown_names_can_be_given(tmp_path, capfd):
    (tmp_path / "a.csv").write_text("who\nann\n[deleted]\nghost\n", encoding="utf-8")
    for options, accounts in (([], 2), (["--unknown", "ghost"], 2),
                              (["--unknown", "ghost", "--unknown", "[deleted]"], 1)):  # fmt: skip
        _, out, _ = call(capfd, tmp_path / "a.csv", "--author", "who", "--json", *options)
        assert json.loads(out)["accounts"] == accounts


def test_mistakes_leave_with_2(names, tmp_path, capfd):
    for argv, words in (
        ([names[0], "--author", "autor"], "did you mean 'author'?"),
        ([tmp_path / "no.csv", "--author", "a"], "no file"),
        ([*names, "--tie", "up"], "tie is 'up'"),
        ([*names, "--seeds", "0"], "seeds is 0"),
        ([*names, "--top", "-1"], "--top is -1"),
        ([*names, "--full", "3"], "cap is 50 and full 3"),
        ([*names, "--accounts", tmp_path / "no" / "a.parquet"], "no folder"),
        ([names[0]], "--author"),
    ):
        code, out, err = call(capfd, *argv, "--quiet")
        assert (code, out) == (2, ""), argv
        assert words in err
        assert err.count("\n") == 1
        assert "Traceback" not in err


def test_an_atlas_brings_its_topics(tmp_path, capfd):
    cats = ["cats purr and sleep on the warm sofa", "my cat chases a mouse in the house"]
    moon = ["the rocket flew to the moon today", "a launch of the rocket costs millions"]
    rows = [
        {"text": f"{text} number {i}", "who": f"{kind}{i % 4}", "talk": f"{kind}{i % 3}"}
        for kind, texts in (("c", cats), ("m", moon)) for i in range(24)
        for text in [texts[i % 2]]
    ]  # fmt: skip
    atlas = Atlas.build(
        pa.Table.from_pylist(rows), tmp_path / "a.atlas", text="text", encoder="lsa"
    )
    found = discussion_report(atlas, author="who", thread="talk")
    leaves = {topic.label for topic in atlas.topics}
    assert found.topics
    assert {one.topic for one in found.topics} <= leaves
    assert sum(one.entries for one in found.topics) == 48 - atlas.manifest.unassigned
    code, out, _ = call(capfd, tmp_path / "a.atlas", "--author", "who", "--thread", "talk",
                        "--json")  # fmt: skip
    assert code == 0
    assert json.loads(out)["topics"][0]["topic"] == found.topics[0].topic
    code, _, err = call(capfd, tmp_path / "a.atlas", "--author", "whom")
    assert code == 2
    assert "did you mean 'who'" in err
    code, _, err = call(capfd, tmp_path / "a.atlas", "--author", "who", "--text", "text", "-q")
    assert code == 0


@pytest.mark.parametrize("harm", ["delete", "garbage"])
def test_a_damaged_atlas_is_said_in_one_line(tmp_path, capfd, harm):
    rows = [{"text": f"number {i} went into a low orbit", "who": f"a{i % 5}"} for i in range(60)]
    Atlas.build(pa.Table.from_pylist(rows), tmp_path / "a.atlas", text="text", encoder="lsa")
    whole = tmp_path / "a.atlas"
    refused = 0
    for number, path in enumerate(sorted(p for p in whole.rglob("*") if p.is_file())):
        copy = tmp_path / str(number)
        shutil.copytree(whole, copy)
        if harm == "delete":
            (copy / path.relative_to(whole)).unlink()
        else:
            (copy / path.relative_to(whole)).write_bytes(b"\0\xff garbage" * 10)
        code, _, err = call(capfd, copy, "--author", "who", "--quiet")
        assert code in (0, 2), (path, err)
        assert err.count("\n") == (1 if code else 0), (path, err)
        refused += code == 2
    assert refused > 3


def test_the_example_of_the_page_runs():
    page = Path(__file__).resolve().parents[2] / "docs" / "social.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["report"].reciprocity.value == pytest.approx(0.667, abs=0.001)
    assert names["report"].notes[0] == "1 of 5 entries has an unknown author"
