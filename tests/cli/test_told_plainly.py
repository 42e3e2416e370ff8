"""What commands say of topics that are not there, and of files they would not write."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import FilterError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas
from isogloss.store.manifest import read_manifest

SUBJECTS = ["moon rocket orbit crater", "bread oven flour butter", "goal match referee league"]


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("told")
    rows = [json.dumps({"text": f"{SUBJECTS[i % 3]} number{i}"}) for i in range(90)]
    (folder / "a.jsonl").write_text("\n".join(rows))
    build = ["build", str(folder / "a.jsonl"), "-o", str(folder / "a.atlas"), "-q"]
    assert main([*build, "--encoder", "lsa"]) == 0
    return folder / "a.atlas"


@pytest.fixture(scope="module")
def no_topics(tmp_path_factory):
    folder = tmp_path_factory.mktemp("none")
    (folder / "a.txt").write_text("!!! ???\n")  # no words, so no topic
    return folder


def told(capfd, *argv):
    code = main([str(part) for part in argv])
    out, err = capfd.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    "where", ["topic = 99", "topic <> 99", "topic IN (0, 99)", "NOT (topic = 99)", "topic == -2"]
)
def test_a_filter_on_a_topic_that_is_not_there(atlas, capfd, where):
    code, _, err = told(capfd, "search", atlas, "moon", "--where", where)
    assert code == 2
    assert "there is no topic" in err
    assert "topics are 0.." in err
    code, _, err = told(capfd, "delete", atlas, "--where", where, "--dry-run")
    assert (code, "there is no topic" in err) == (2, True)
    with pytest.raises(FilterError, match="there is no topic"):
        Atlas.open(atlas).search("moon", where=where)


@pytest.mark.parametrize("where", ["topic = 0", "topic = -1", "topic < 99", "topic NOT IN (0)"])
def test_other_filters_on_topics_are_as_they_were(atlas, capfd, where):
    assert told(capfd, "search", atlas, "moon", "--where", where)[0] == 0


def test_assignments_spare_a_file_of_another_kind(atlas, tmp_path, capfd):
    mine = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"text": ["precious"]}), mine)
    code, _, err = told(capfd, "topics", atlas, "--assignments", mine)
    assert (code, "holds no assignments" in err) == (2, True)
    assert pq.read_table(mine)["text"].to_pylist() == ["precious"]
    mine.write_bytes(mine.read_bytes()[:-20])
    code, _, err = told(capfd, "topics", atlas, "--assignments", mine)
    assert (code, "cannot be read as assignments that isogloss wrote" in err) == (2, True)
    for _ in range(2):  # an earlier one is replaced
        assert told(capfd, "topics", atlas, "--assignments", tmp_path / "who.parquet")[0] == 0


def test_assignments_are_parquet(atlas, tmp_path, capfd):
    code, _, err = told(capfd, "topics", atlas, "--assignments", tmp_path / "a.csv")
    assert code == 2
    assert "ends in .parquet" in err
    assert not (tmp_path / "a.csv").exists()


def test_an_atlas_without_topics_has_no_stability_and_its_build_says_so(no_topics, capfd):
    place = no_topics / "a.atlas"
    code, _, err = told(capfd, "build", no_topics / "a.txt", "-o", place, "--encoder", "lexical")
    assert code == 0
    assert read_manifest(place).topics == 0
    assert "1 of 1 passage (100%) is in no topic" in err
    code, out, _ = told(capfd, "evaluate", "topics", place, "--stability", 2, "--json", "-q")
    found = json.loads(out)
    assert code == 0
    assert not [name for name in found if name.startswith(("stability", "resample"))]
    assert found["skipped"]["stability"] == "the atlas has no topics"


def test_a_build_whose_passages_are_one_topic_says_so(tmp_path, capfd):
    words = "purr bark granite flow shine drive sail grow sing swim".split()
    (tmp_path / "a.txt").write_text("\n".join(f"Things {word}." for word in words))
    code, _, err = told(capfd, "build", tmp_path / "a.txt", "-o", tmp_path / "a.atlas")
    assert (code, read_manifest(tmp_path / "a.atlas").topics) == (0, 1)
    assert "all 10 passages make one topic" in err


def test_a_build_whose_passages_have_topics_says_nothing(atlas, tmp_path, capfd):
    source = atlas.parent / "a.jsonl"
    _, _, err = told(capfd, "build", source, "-o", tmp_path / "b", "--encoder", "lsa")
    assert "in no topic" not in err
    assert "make one topic" not in err
