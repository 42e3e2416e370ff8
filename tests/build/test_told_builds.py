"""What a build says of seeds, of one topic, and of folders in which there can be no atlas."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crash import write_corpus

from isogloss._core.errors import AtlasError
from isogloss.app.cli.main import main
from isogloss.atlas import Atlas

ROWS = 240


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """Subjects of their own words; a town that stands in a quarter of each."""
    path = tmp_path_factory.mktemp("spread") / "a.parquet"
    write_corpus(path, ROWS)
    texts = pq.read_table(path)["text"].to_pylist()
    town = [f"{text} berlin" if i % 4 == 0 else text for i, text in enumerate(texts)]
    pq.write_table(pa.table({"text": town}), path)
    return path


def warnings_of(source, path, **options):
    said = []
    Atlas.build(source, path, encoder="lsa", on_event=said.append, **options)
    return [one.message for one in said if one.level == "warning"]


def test_a_seed_that_is_spread_over_the_topics_is_told(spread, tmp_path):
    seeds = {"Town": ["berlin"], "ice": ["puck"]}
    (said,) = warnings_of(spread, tmp_path / "a", seeds=seeds)
    assert said.startswith("seed 'Town': its topic has ")
    assert "passages with 'berlin'" in said


def test_one_topic_that_was_asked_for_is_no_surprise(spread, tmp_path):
    assert warnings_of(spread, tmp_path / "a", n_topics=1) == []


def test_an_atlas_without_its_manifest_is_not_built_over(spread, tmp_path):
    folder = tmp_path / "a"
    Atlas.build(spread, folder, encoder="lsa").rename_topic(0, "mine")
    (folder / "manifest.json").unlink()
    with pytest.raises(AtlasError, match=r"has lost its manifest\.json"):
        Atlas.build(spread, folder, encoder="lsa")
    assert len(Atlas.build(spread, folder, encoder="lsa", fresh=True)) == ROWS


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc: a place without folders")
def test_a_place_that_takes_no_folders(spread, capfd):
    assert main(["build", str(spread), "-o", "/proc/no.atlas", "-q"]) == 2
    assert "cannot make the folder /proc/no.atlas" in capfd.readouterr().err
