"""A small atlas whose topics tests may edit; files that need another define their own."""

import shutil

import pytest
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
