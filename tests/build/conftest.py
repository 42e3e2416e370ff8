"""Small atlases whose topics tests may edit, and whose passages they may change."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from changed import bench, documents
from crash import write_corpus

import isogloss as ig


@pytest.fixture(scope="module")
def edited_source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edit")
    write_corpus(folder / "a.parquet", 400)
    ig.Atlas.build(folder / "a.parquet", folder / "a.atlas", text="text", id="id", encoder="lsa")
    return folder


@pytest.fixture
def atlas(edited_source, tmp_path):
    shutil.copytree(edited_source / "a.atlas", tmp_path / "a.atlas")
    return ig.Atlas.open(tmp_path / "a.atlas")


@pytest.fixture(scope="module")
def changes_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("changes")
    pq.write_table(pa.Table.from_pylist(documents(200)), folder / "source.parquet")
    ig.Atlas.build(folder / "source.parquet", folder / "a.atlas", encoder="lexical")
    numbered = [{"text": row["text"], "n": row["n"]} for row in documents(40)]
    ig.Atlas.build([*numbered, *numbered[:3]], folder / "numbered.atlas", encoder="lexical")
    return folder


@pytest.fixture(scope="module")
def changes_vectors(changes_folder):
    return bench.Vectors(ig.Atlas.open(changes_folder / "a.atlas").encoder)


@pytest.fixture
def changes_atlas(changes_folder, changes_vectors, tmp_path):
    shutil.copytree(changes_folder / "a.atlas", tmp_path / "a.atlas")
    opened = ig.Atlas.open(tmp_path / "a.atlas")
    opened._encoder = changes_vectors.encoder  # loaded once for all tests
    return opened


@pytest.fixture
def changes_model():
    made = bench.Model()
    made.add(documents(200))
    return made
