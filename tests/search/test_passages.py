"""Search over real Lance tables, against brute force and hand-computed fusions."""

import base64
import datetime as dt
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import AtlasError, FilterError, ParameterError
from isogloss.search.filters import check, parse, to_mask
from isogloss.search.fusion import Convex, Ranking, fuse
from isogloss.search.passages import search_passages
from isogloss.search.text_index import create_text_index, need_text_index, refresh_text_index

WORDS = [f"word{i}" for i in range(60)]
DIM = 16


def make_passages(start: int, n: int, *, half: bool = False) -> pa.Table:
    """Random words and unit vectors; equal vectors and a row of zeros among them."""
    rng = np.random.default_rng(start)
    vectors = rng.standard_normal((n, DIM))
    vectors[n // 2 : n // 2 + 30] = vectors[n // 2]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[3] = 0
    flat = pa.array(vectors.ravel().astype(np.float16 if half else np.float32))
    texts = [" ".join(WORDS[j] for j in rng.integers(0, 60, 8)) for _ in range(n)]
    texts[3] = ""
    order = rng.permutation(n)  # the passages do not lie in order
    return pa.table(
        {
            "passage": pa.array(range(start, start + n), pa.int64()),
            "id": [f"d{i}" for i in range(start, start + n)],
            "text": texts,
            "vector": pa.FixedSizeListArray.from_arrays(flat, DIM),
            "topic": pa.array(rng.integers(-1, 4, n), pa.int32()),
            "year": pa.array([None if i % 50 == 0 else i % 100 for i in range(n)], pa.int16()),
            "Label of": [["a", "b", None][i % 3] for i in range(n)],
        }
    ).take(pa.array(order))


ATTRIBUTES = ["year", "Label of"]


def make_lance(folder, data: pa.Table, *, index: bool = True):
    import lancedb

    table = lancedb.connect(folder).create_table("passages", data)
    if index:
        create_text_index(table)
    return table


@pytest.fixture(scope="module")
def data() -> pa.Table:
    return make_passages(0, 600)


@pytest.fixture(scope="module")
def table(data, tmp_path_factory):
    return make_lance(tmp_path_factory.mktemp("passages"), data)


def search(table, query_text="word1", **options):
    given = {"schema": table.schema, "attributes": ATTRIBUTES} | options
    return search_passages(table, query_text=query_text, **given)


def passages(result) -> list[int]:
    return [hit.passage for hit in result.hits]


def brute_force(data, vector, k, where):
    """Cosines of all rows that pass, best first, equal ones by passage."""
    keep = np.ones(data.num_rows, bool)
    if where:
        keep = to_mask(check(parse(where), data.drop_columns(["vector"]).schema), data)
    rows = np.array(data["vector"].to_pylist(), np.float32)[keep]
    ids = data["passage"].to_numpy()[keep]
    cosines = rows.astype(np.float64) @ (vector / np.linalg.norm(vector))
    best = np.lexsort((ids, -np.round(cosines, 6)))[:k]
    return ids[best].tolist(), cosines[best]


FILTERS = [
    None,
    "year < 50",
    "year = 7",
    "year = 7 AND \"Label of\" = 'b'",
    "topic >= 0",
    "year = 99",
]


@pytest.mark.parametrize("half", [False, True])
def test_vector_search_is_brute_force(half, tmp_path):
    data = make_passages(0, 400, half=half)
    table = make_lance(tmp_path, data)
    rng = np.random.default_rng(5)
    for where in FILTERS:
        for k in (1, 5, 37, 1000):
            vector = rng.standard_normal(DIM)
            found = search(table, query_vector=vector, k=k, mode="vector", where=where)
            unit = vector / np.linalg.norm(vector)
            unit = unit.astype(np.float32).astype(np.float64)
            ids, cosines = brute_force(data, unit, k, where)
            assert passages(found) == ids
            scores = np.array([hit.score for hit in found.hits])
            # float32 sums over 16 terms; float16 rows are read as they are stored
            np.testing.assert_allclose(scores, cosines, atol=2e-3 if half else 1e-6)


def test_equal_scores_come_by_passage_at_every_cut(table, data):
    """Thirty rows share one vector: each k cuts through them at the lowest numbers."""
    twin = next(row for row in data.to_pylist() if row["passage"] == 300)["vector"]
    for k in (1, 7, 29, 30):
        found = search(table, query_vector=np.array(twin), k=k, mode="vector")
        assert passages(found) == list(range(300, 300 + k))


def test_rows_and_queries_of_zeros(table):
    found = search(table, query_vector=np.ones(DIM), k=600, mode="vector")
    assert len(found.hits) == 600
    assert next(hit.score for hit in found.hits if hit.passage == 3) == 0.0
    nothing = search(table, query_vector=np.zeros(DIM), mode="vector")
    assert nothing.hits == ()
    words = search(table, query_vector=np.zeros(DIM), mode="hybrid")
    assert passages(words) == passages(search(table, mode="text"))


def test_text_filters_act_before_ranking(table, data):
    """Every row that shares the word and passes the filter is found, however rare."""
    for where in FILTERS:
        keep = np.ones(data.num_rows, bool)
        if where:
            keep = to_mask(check(parse(where), data.drop_columns(["vector"]).schema), data)
        texts, ids = data["text"].to_pylist(), data["passage"].to_pylist()
        rows = zip(ids, texts, keep, strict=True)
        expected = {i for i, text, passes in rows if passes and "word7" in text.split()}
        found = search(table, "word7", k=600, mode="text", where=where)
        assert set(passages(found)) == expected
        for k in (1, 3):
            fewer = search(table, "word7", k=k, mode="text", where=where)
            assert passages(fewer) == passages(found)[:k]


def test_text_ranking_is_ordered(table):
    found = search(table, "word1 word2", k=600, mode="text")
    keys = [(-hit.score, hit.passage) for hit in found.hits]
    assert keys == sorted(keys)
    assert all(hit.score > 0 for hit in found.hits)


def test_fusion_by_hand():
    # 5 is first and third: 1/61 + 1/63; 8 is second twice: 2/62; 2 and 9 once each
    fused = fuse([[5, 8, 2], [9, 8, 5]])
    assert fused == [(5, 1 / 61 + 1 / 63), (8, 2 / 62), (9, 1 / 61), (2, 1 / 63)]
    assert fuse([[4], [3]]) == [(3, 1 / 61), (4, 1 / 61)]
    assert fuse([]) == []


@pytest.mark.parametrize("where", FILTERS)
def test_hybrid_is_the_fusion_of_both(table, where):
    vector = np.random.default_rng(9).standard_normal(DIM)
    options = {"query_vector": vector, "where": where}
    by_vector = search(table, "word4", k=100, mode="vector", **options)
    by_text = search(table, "word4", k=100, mode="text", **options)
    rankings = {
        mode: Ranking(passages(one), [hit.score for hit in one.hits])
        for mode, one in (("vector", by_vector), ("text", by_text))
    }
    expected = Convex().fuse(rankings)[:10]
    found = search(table, "word4", k=10, **options)
    assert [hit.passage for hit in found.hits] == [passage for passage, _ in expected]
    # The vectors' part is of the index' two bytes a number.
    scores = [score for _, score in expected]
    assert [hit.score for hit in found.hits] == pytest.approx(scores, abs=1e-4)
    assert found.hits == search(table, "word4", k=10, **options).hits


def test_hits_carry_their_row(table, data):
    rows = {row["passage"]: row for row in data.to_pylist()}
    for hit in search(table, query_vector=np.ones(DIM), k=50).hits:
        row = rows[hit.passage]
        assert (hit.id, hit.text, hit.topic) == (row["id"], row["text"], row["topic"])
        assert hit.attributes == {name: row[name] for name in ATTRIBUTES}


STRANGE = ['"word1', "word1 AND word2", "-word1", "(word1", "word1^2", "text:word1", "word1*", "😀"]
STRANGE += [
    "'; DROP TABLE",
    "\0",
    "the of and",
    "zzzz",
    "~1",
    "a" * 10_000,
    "\\",
    "?",
    "[x]",
    "日本語",
]


@pytest.mark.parametrize("query", STRANGE)
def test_any_query_is_only_text(table, query):
    found = search(table, query, mode="text")
    assert bool(found.hits) == ("word" in query)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"query_text": ""}, "give at least one word"),
        ({"query_text": " \n"}, "give at least one word"),
        ({"k": 0}, "k is 0"),
        ({"k": -3}, "k is -3"),
        ({"k": 2.5}, "k is 2.5"),
        ({"mode": "hybird"}, "did you mean 'hybrid'"),
        ({"query_vector": None}, "needs a query vector"),
        ({"query_vector": np.ones(3)}, "the passages have 16"),
        ({"query_vector": np.full(DIM, np.nan)}, "NaN"),
    ],
)
def test_bad_parameters(table, options, message):
    given = {"query_vector": np.ones(DIM)} | options
    with pytest.raises(ParameterError, match=message) as caught:
        search(table, **given)
    assert "\n" not in str(caught.value)


def test_filters_name_only_attributes_id_and_topic(table):
    for column in ("vector", "text", "passage", "_rowid"):
        with pytest.raises(FilterError, match="no column"):
            search(table, mode="text", where=f"{column} IS NULL")
    assert passages(search(table, "word1 word2", mode="text", k=600, where="id = 'd9'")) in (
        [9],
        [],
    )


def test_appended_rows_are_found_and_scored_alike(data, tmp_path):
    """The index is brought up to date; its scores are those of one built at once."""
    more = make_passages(600, 200)
    grown = make_lance(tmp_path / "grown", data)
    grown.add(more)
    rows = pa.concat_tables([data, more]).to_pylist()
    holding = {row["passage"] for row in rows if "word5" in row["text"].split()}
    assert set(passages(search(grown, "word5", k=900, mode="text"))) == holding
    assert refresh_text_index(grown)
    assert not refresh_text_index(grown)
    whole = make_lance(tmp_path / "whole", pa.concat_tables([data, more]))
    for query in ("word5", "word1 word2 word3"):
        ours, theirs = (search(t, query, k=900, mode="text").hits for t in (grown, whole))
        assert [hit.passage for hit in ours] == [hit.passage for hit in theirs]
        assert [hit.score for hit in ours] == [hit.score for hit in theirs]


def test_empty_and_tiny_tables(data, tmp_path):
    empty = make_lance(tmp_path, data.slice(0, 0), index=False)
    assert not create_text_index(empty)
    for mode in ("hybrid", "vector", "text"):
        assert search(empty, query_vector=np.ones(DIM), mode=mode).hits == ()
    empty.add(data.slice(0, 1))
    with pytest.raises(AtlasError, match="no text index"):
        need_text_index(empty)
    assert refresh_text_index(empty)
    assert len(search(empty, query_vector=np.ones(DIM), k=10).hits) == 1


def test_readers_keep_their_version_while_a_writer_appends(data, tmp_path):
    import lancedb

    writer = make_lance(tmp_path, data)
    reader = lancedb.connect(tmp_path).open_table("passages")
    before = search(reader, "word5", query_vector=np.ones(DIM), k=900)
    writer.add(make_passages(600, 200))
    refresh_text_index(writer)
    assert search(reader, "word5", query_vector=np.ones(DIM), k=900).hits == before.hits
    reader.checkout_latest()
    assert len(search(reader, "word5", query_vector=np.ones(DIM), k=900).hits) == 800


def test_scripts_of_many_languages(tmp_path):
    texts = [
        "running dogs in the café", "我喜欢自然语言处理和机器学习", "日本語の全文検索はむずかしい",
        "ภาษาไทยไม่มีช่องว่าง", "Straße und Größe", "नमस्ते दुनिया", "Москва столица", "العربية لغة",
        "foo_bar@example.org 3.14", "x" * 100,
    ]  # fmt: skip
    n = len(texts)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(n * 2, np.float32)), 2)
    columns = {"passage": list(range(n)), "id": list(range(n)), "text": texts, "topic": [0] * n}
    table = make_lance(tmp_path, pa.table(columns | {"vector": vectors}))
    queries = {
        "CAFE": 0, "run": 0, "机器": 1, "学习": 1, "検索": 2, "ภาษา": 3, "STRAßE": 4, "größe": 4,
        "दुनिया": 5, "москва": 6, "لغة": 7, "foo": 8, "example": 8, "x" * 100: 9,
    }  # fmt: skip
    for query, passage in queries.items():
        assert passages(search(table, query, mode="text", attributes=[])) == [passage], query


def test_attributes_of_every_type_become_json(tmp_path):
    moment = dt.datetime(1993, 4, 5, 1, 2, 3)
    columns = {
        "day": pa.array([dt.date(1993, 4, 5)]),
        "at": pa.array([moment], pa.timestamp("us", "UTC")),
        "nano": pa.array([1], pa.timestamp("ns")),
        "x": pa.array([float("nan")]),
        "tags": pa.array([["a", None]]),
        "raw": pa.array([b"\xff\x00"]),
        "none": pa.array([None], pa.string()),
        "deep": pa.array([{"x": float("inf"), "day": dt.date(1993, 4, 5)}]),
    }
    vectors = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 0.0], pa.float32()), 2)
    fixed = {"passage": [0], "id": [7], "text": ["cat"], "topic": pa.array([None], pa.int32())}
    table = make_lance(tmp_path, pa.table(fixed | {"vector": vectors} | columns))
    found = search(table, "cat", mode="text", attributes=list(columns)).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert list(found) == ["hits", "strategy", "seconds"]
    hit = found["hits"][0]
    assert list(hit) == ["id", "passage", "score", "text", "attributes", "topic"]
    assert (hit["id"], hit["topic"]) == (7, -1)
    assert hit["attributes"] == {
        "day": "1993-04-05",
        "at": "1993-04-05T01:02:03+00:00",
        "nano": "1970-01-01T00:00:00.000000001",
        "x": None,
        "tags": ["a", None],
        "raw": base64.b64encode(b"\xff\x00").decode(),
        "none": None,
        "deep": {"x": None, "day": "1993-04-05"},
    }


def test_importing_search_does_not_load_lance():
    code = "import sys; import isogloss.search.passages as p; print('lancedb' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


@pytest.mark.data
@pytest.mark.parametrize("name", ["bbc_news", "newsgroups20"])
def test_real_corpora(data_dir, tmp_path, name):
    """Label filters over real text: all modes give k rows, all with the label, vectors exact."""
    source = pq.read_table(data_dir / name / "data.parquet").slice(0, 700)
    n = source.num_rows
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((n, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = source["label"].cast(pa.string())
    columns = {"passage": list(range(n)), "id": source["id"], "text": source["text"]}
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIM)
    columns |= {"topic": [0] * n, "label": labels, "vector": flat}
    data = pa.table(columns)
    table = make_lance(tmp_path, data)
    for label in sorted(set(labels.to_pylist()))[:4]:
        where = f"label = '{label}'"
        k = min(10, labels.to_pylist().count(label))
        for mode in ("hybrid", "vector", "text"):
            options = {"mode": mode, "where": where, "attributes": ["label"], "k": k}
            found = search(table, "the of and said", query_vector=vectors[5], **options)
            assert len(found.hits) == k, (label, mode)
            assert {hit.attributes["label"] for hit in found.hits} == {label}
            if mode == "vector":
                assert passages(found) == brute_force(data, vectors[5], k, where)[0]


def test_equal_vectors_tie_exactly_in_every_mode(tmp_path):
    data = make_passages(0, 60)
    rng = np.random.default_rng(1)
    vector = rng.standard_normal(DIM).astype(np.float32)
    vector /= np.linalg.norm(vector)
    same = pa.FixedSizeListArray.from_arrays(pa.array(np.tile(vector, 60)), DIM)
    data = data.set_column(data.schema.get_field_index("vector"), "vector", same)
    table = make_lance(tmp_path, data)
    for k in (1, 7, 33, 60):
        found = search(table, query_vector=rng.standard_normal(DIM), k=k, mode="vector")
        assert passages(found) == sorted(data["passage"].to_pylist())[:k]
        assert len({hit.score for hit in found.hits}) == 1
