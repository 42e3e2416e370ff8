"""Readers that have an atlas open while it changes."""

import json
import subprocess
import sys

import pytest
from changed import bench, documents, rows_of

from isogloss._core.errors import (
    AtlasError,
)
from isogloss.atlas import Atlas


@pytest.fixture
def atlas(changes_atlas):
    return changes_atlas


def test_others_are_told_that_the_atlas_moved_on(atlas):
    other = Atlas.open(atlas.path)
    atlas.delete(ids=["d0"])
    with pytest.raises(AtlasError, match="at version 2 by now, opened was 1"):
        other.delete(where="topic = 0")
    assert len(other) == 200
    assert len(rows_of(other)) == 200
    (atlas.path / "work").mkdir()
    (atlas.path / "work" / "plan.json").write_text(json.dumps({"base": 2}))
    with pytest.raises(AtlasError, match="unfinished build"):
        atlas.delete(ids=["d1"])


def test_a_reader_keeps_its_version_and_what_nobody_reads_goes(
    atlas, changes_model, changes_vectors, tmp_path
):
    reader = Atlas.open(atlas.path)
    reader_model = bench.Model(dict(changes_model.rows), 200)
    for start in (0, 40, 80):  # each more than a tenth: three tables
        ids = [f"d{n}" for n in range(start, start + 40)]
        atlas.delete(ids=ids)
        changes_model.delete(ids)
    tables = {path.name for path in atlas.path.glob("passages-*")}
    assert tables == {f"passages-000{n}.lance" for n in (1, 3, 4)}, "read, the last, the newest"
    bench.check_content(reader, reader_model)
    bench.check_searches(reader, reader_model, changes_vectors, tmp_path)
    del reader
    atlas.delete(ids=["d199"])
    changes_model.delete(["d199"])
    bench.check_content(atlas, changes_model)
    assert [path.name for path in atlas.path.glob("passages-*")] == ["passages-0004.lance"]
    assert len(list(atlas.path.glob("state-*"))) <= 2


READER = """
import sys
from isogloss.atlas import Atlas


atlas = Atlas.open(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()


hits = atlas.search("key cipher rocket", k=500, mode="vector").hits


words = atlas.search("key", k=500, mode="text").hits
print(len(atlas), len(hits), len(words), sum(b.num_rows for b in atlas.passages(["text"])))
"""


@pytest.mark.slow
def test_a_reader_in_another_process_keeps_its_version(atlas):
    command = [sys.executable, "-c", READER, str(atlas.path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    words = len(atlas.search("key", k=500, mode="text").hits)
    for start in range(0, 200, 40):
        atlas.delete(ids=[f"d{n}" for n in range(start, start + 40)])
    assert len(list(atlas.path.glob("passages-*"))) == 3
    out, _ = process.communicate("go\n", timeout=600)
    assert out.split() == ["200", "200", str(words), "200"]
    atlas.add(documents(1))
    assert len(list(atlas.path.glob("passages-*"))) == 1
