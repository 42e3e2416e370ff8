"""What changes an atlas works after everything else that changes it."""

import numpy as np
import pytest

from isogloss._core.errors import EncoderError
from isogloss.atlas import Atlas
from isogloss.build.migrate import migrate_atlas

WORDS = {
    "space": "orbit rocket launch moon shuttle satellite nasa engine".split(),
    "food": "bread butter oven flour sugar recipe kitchen dinner".split(),
    "money": "bank market stocks bonds price dollar trade profit".split(),
}


def rows(start, n):
    kinds = list(WORDS)
    return [
        {
            "id": f"d{i}",
            "text": " ".join(np.random.default_rng(i).choice(WORDS[kinds[i % 3]], 12)) + f" {i}",
            "kind": kinds[i % 3],
            "year": int(1990 + i % 10),
        }
        for i in range(start, start + n)
    ]


def check(atlas, expected, query="rocket launch"):
    """All passages are there, and every search gives what brute force over them gives."""
    table = {row["id"]: row for row in expected}
    vectors = {}
    for batch in atlas.passages(["id", "text", "kind", "vector", "passage"]):
        for row in batch.to_pylist():
            assert table[row["id"]]["text"] == row["text"]
            assert row["id"] not in vectors
            vectors[row["id"]] = (np.array(row["vector"]), row["passage"], row["kind"])
    assert set(vectors) == set(table)
    assert len(atlas) == len(table) == atlas.manifest.passages
    sizes = sum(topic.size for topic in atlas.topics.leaves) + atlas.manifest.unassigned
    assert sizes == len(table)
    asked = atlas.query_side.encode(query)
    asked = asked / np.linalg.norm(asked)
    for where, kind in ((None, None), ("kind = 'food'", "food")):
        scored = sorted(
            (-float(np.float64(v) @ np.float64(asked)), number, name)
            for name, (v, number, own) in vectors.items()
            if kind in (None, own)
        )
        found = atlas.search(query, k=15, mode="vector", where=where)
        assert [hit.id for hit in found.hits] == [name for _, _, name in scored[:15]]
        assert np.allclose([hit.score for hit in found.hits], [-s for s, _, _ in scored[:15]],
                           atol=1e-6)  # fmt: skip
    words = atlas.search("rocket", k=500, mode="text")
    assert {hit.id for hit in words.hits} == {i for i, r in table.items() if "rocket" in r["text"]}


@pytest.fixture
def built(tmp_path):
    first = rows(0, 150)
    return Atlas.build(first, tmp_path / "a.atlas", encoder="lsa"), first


def test_migrate_after_changes_and_changes_after_migrating(built):
    atlas, held = built
    atlas.delete(where="year = 1993")
    held = [row for row in held if row["year"] != 1993]
    atlas.update([{**row, "text": "fresh bread " + row["text"]} for row in rows(0, 3)])
    held = [{**r, "text": "fresh bread " + r["text"]} if r["id"] in ("d0", "d1", "d2") else r
            for r in held]  # fmt: skip
    check(atlas, held)

    migrate_atlas(atlas.path, "lexical", method="affine")
    atlas = Atlas.open(atlas.path)
    check(atlas, held)
    atlas.add(rows(150, 9))
    held += rows(150, 9)
    assert atlas.manifest.queries
    check(atlas, held)

    migrate_atlas(atlas.path, "lexical", re_embed=True)
    atlas = Atlas.open(atlas.path)
    check(atlas, held)
    atlas.delete(ids=["d5", "d150"])
    held = [row for row in held if row["id"] not in ("d5", "d150")]
    check(atlas, held)
    # what was deleted stays away, whatever became of the encoder since
    again = Atlas.build(rows(0, 160), atlas.path, encoder="lexical")
    held += rows(159, 1)
    check(again, held)
    leaves = [topic.id for topic in again.topics.leaves]
    if len(leaves) > 1:
        again = again.merge_topics([leaves[:2]])
        check(again, held)


def test_an_open_atlas_reads_on_while_the_folder_moves_on(built):
    atlas, held = built
    reader = Atlas.open(atlas.path)
    atlas.delete(where="kind = 'money'")
    migrate_atlas(atlas.path, "lexical", re_embed=True)
    check(reader, held)
    with pytest.raises(EncoderError):
        reader.with_encoder("lexical")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_moments_of_every_unit_are_built_and_updated(unit, tmp_path):
    import pyarrow as pa

    def table(ids, second):
        zone = pa.timestamp(unit, "Europe/Berlin")
        moments = pa.array([second] * len(ids), pa.timestamp("s", "Europe/Berlin")).cast(zone)
        texts = [f"{name} about rockets and moons" for name in ids]
        days = (
            pa.array([second // 86400] * len(ids), pa.int32()).cast(pa.date32()).cast(pa.date64())
        )
        return pa.table({"id": ids, "text": texts, "at": moments, "day": days})

    atlas = Atlas.build(table(list("abcdef"), 86400 * 10), tmp_path / "a.atlas")
    assert atlas.schema.field("at").type == pa.timestamp(unit, "Europe/Berlin")
    atlas.update(table(["b"], 86400 * 20))
    found = atlas.search("rockets", mode="vector", where="at > '1970-01-15'")
    assert [hit.id for hit in found.hits] == ["b"]
    assert len(atlas.search("rockets", mode="vector", where="day < '1970-01-15'").hits) == 5


def test_an_encoder_fitted_elsewhere_is_kept_by_re_embedding(built, tmp_path):
    import shutil

    atlas, held = built
    other = Atlas.build(rows(200, 90), tmp_path / "other.atlas", encoder="lsa")
    fitted = other.path / other.manifest.state / "encoder"
    migrate_atlas(atlas.path, f"lsa:{fitted}", re_embed=True)
    shutil.rmtree(other.path)
    atlas = Atlas.open(atlas.path)
    assert atlas.manifest.parameters["encoder"] == "lsa"
    check(atlas, held)
    atlas.add(rows(150, 5))
    check(atlas, held + rows(150, 5))


def test_a_build_with_nothing_to_do_mends_the_vector_index(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows(0, 60)), tmp_path / "a.parquet")
    atlas = Atlas.build(tmp_path / "a.parquet", tmp_path / "a.atlas", encoder="lsa")
    (path,) = atlas.path.glob("vectors-*.safetensors")
    whole = path.read_bytes()
    for damage in (None, b"", whole[: len(whole) // 2]):
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(damage)
        check(Atlas.build(tmp_path / "a.parquet", atlas.path, encoder="lsa"), rows(0, 60))
        assert path.read_bytes() == whole


def test_an_emptied_atlas_says_what_cannot_be_split(built):
    from isogloss._core.errors import ParameterError

    atlas, _ = built
    atlas.delete(where="id IS NOT NULL")
    with pytest.raises(ParameterError, match="has no passages"):
        atlas.split_topic(atlas.topics.leaves[0].id)


def test_infinities_are_kept_in_python_and_null_in_json(tmp_path):
    given = [{"text": f"cats and dogs {i}", "f": [1.5, float("inf"), float("nan")][i % 3]}
             for i in range(12)]  # fmt: skip
    atlas = Atlas.build(given, tmp_path / "a.atlas", encoder="lsa")
    (hit,) = atlas.search("cats", k=1, where="f > 1000").hits
    assert hit.attributes["f"] == float("inf")
    assert hit.to_json()["attributes"]["f"] is None
    assert atlas.search("cats", k=1, where="f IS NULL").hits[0].attributes["f"] is None
