"""Atlases of real corpora: what comes out, and that it does not depend on how it went in."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from isogloss.atlas import Atlas

pytestmark = pytest.mark.data


def assignments(atlas, folder):
    path = folder / "who.parquet"
    atlas.write_assignments(path)
    table = pq.read_table(path)
    return dict(zip(table["id"].to_pylist(), table["topic"].to_pylist(), strict=True))


def test_bbc_news_by_default(data_dir, tmp_path):
    atlas = Atlas.build(data_dir / "bbc_news" / "data.parquet", tmp_path / "bbc.atlas")
    scores = atlas.evaluate_topics(labels="label")
    assert len(atlas) == 2225
    assert scores["nmi"]["value"] > 0.7
    assert scores["npmi"]["value"] > 0.2
    assert scores["diversity"]["value"] > 0.85
    assert scores["unassigned"] < 0.05
    found = atlas.search("election campaign of the prime minister", k=10)
    labels = [hit.attributes["label"] for hit in found.hits]
    assert labels.count("politics") >= 8
    filtered = atlas.search("election campaign", k=10, where="label = 'tech'").hits
    assert [hit.attributes["label"] for hit in filtered] == ["tech"] * 10


def test_the_order_of_rows_changes_no_topic(data_dir, tmp_path):
    table = pq.read_table(data_dir / "bbc_news" / "data.parquet").slice(0, 2225).take(
        np.arange(0, 2225, 3)
    )  # fmt: skip
    shuffled = table.take(np.random.default_rng(5).permutation(table.num_rows))
    one = Atlas.build(table, tmp_path / "one.atlas")
    other = Atlas.build(shuffled, tmp_path / "other.atlas")
    assert assignments(one, tmp_path) == assignments(other, tmp_path)

    def named(atlas):
        topics = atlas.topics.to_json()
        return json.dumps([{k: t[k] for k in ("id", "parent", "size", "label")} for t in topics])

    assert named(one) == named(other)


@pytest.mark.parametrize("name", ["marathi_news_headlines", "bengali_hate"])
def test_other_scripts(data_dir, tmp_path, name):
    path = next(iter(sorted((data_dir / name).glob("*.parquet"))))
    atlas = Atlas.build(path, tmp_path / "a.atlas", limit=2000)
    leaves = [topic for topic in atlas.topics if topic.is_leaf]
    assert len(leaves) >= 2
    assert atlas.manifest.unassigned < 0.15 * len(atlas)
    assert all(topic.keywords for topic in leaves)
    word = leaves[0].keywords[0]
    assert atlas.search(word, k=3, mode="text").hits
