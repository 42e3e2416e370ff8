"""The files of an atlas' index follow its table, and are never trusted over it."""

import lancedb
import numpy as np
import pyarrow as pa
import pytest

from isogloss._core.errors import AtlasError
from isogloss.search.passage_index import PassageIndex
from isogloss.search.segments import PATTERN, index_passages, open_segments, read_live

DIM = 16


def rows_of(numbers, seed=0):
    numbers = np.asarray(numbers, dtype=np.int64)
    vectors = np.stack([np.random.default_rng([seed, n]).normal(size=DIM) for n in numbers])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIM)
    return pa.table({"passage": numbers, "content_hash": numbers * 31 + seed, "vector": flat,
                     "year": numbers % 7})  # fmt: skip


@pytest.fixture
def table(tmp_path):
    return lancedb.connect(tmp_path).create_table("passages", rows_of(range(100)))


def best(table, query, k):
    found = table.search().select(["passage", "vector"]).limit(10_000).to_arrow()
    vectors = np.array(found["vector"].to_pylist())
    numbers = found["passage"].to_numpy()
    return numbers[np.lexsort((numbers, -(vectors @ query)))][:k].tolist()


def query(seed=9):
    vector = np.random.default_rng(seed).normal(size=DIM).astype(np.float32)
    return vector / np.linalg.norm(vector)


def files(folder):
    return sorted(path.name for path in folder.glob(PATTERN))


def test_additions_get_files_that_are_merged(table, tmp_path):
    index_passages(tmp_path, table, "ab12")
    assert files(tmp_path) == ["vectors-ab12-000000000000-000000000099.safetensors"]
    table.add(rows_of(range(100, 120)))
    assert len(index_passages(tmp_path, table, "ab12")) == 2
    assert index_passages(tmp_path, table, "ab12") == index_passages(tmp_path, table, "ab12")
    table.add(rows_of(range(120, 131)))  # as long as the last file: they are merged
    index_passages(tmp_path, table, "ab12")
    assert files(tmp_path)[1] == "vectors-ab12-000000000100-000000000130.safetensors"
    for start in range(131, 400, 7):
        table.add(rows_of(range(start, start + 7)))
        made = index_passages(tmp_path, table, "ab12")
        assert len(made) <= 7
        sizes = [len(one.places) for one in open_segments(tmp_path, "ab12", read_live(table))]
        assert sum(sizes) == table.count_rows()
    index = PassageIndex(table, tmp_path, "ab12")
    assert index.search(query(), k=20).rows.tolist()[:20] == best(table, query(), 20)


def test_rows_without_a_file_are_read_from_the_table(table, tmp_path):
    index_passages(tmp_path, table, "ab12")
    table.add(rows_of(range(100, 150)))
    index = PassageIndex(table, tmp_path, "ab12")
    assert index.search(query(), k=150).rows.tolist() == best(table, query(), 150)
    assert PassageIndex(table).search(query(), k=9).rows.tolist()[:9] == best(table, query(), 9)


def test_deleted_rows_are_not_found_and_many_renew_the_file(table, tmp_path):
    index_passages(tmp_path, table, "ab12")
    table.delete("passage % 10 = 3")
    index = PassageIndex(table, tmp_path, "ab12")
    found = index.search(query(), k=100)
    assert found.rows.tolist() == best(table, query(), 100)
    assert found.plan.passing == 90
    assert index_passages(tmp_path, table, "ab12")  # a tenth: the file stays
    assert len(open_segments(tmp_path, "ab12", read_live(table))[0].places) == 100
    table.delete("passage % 2 = 0")
    index_passages(tmp_path, table, "ab12")
    assert len(open_segments(tmp_path, "ab12", read_live(table))[0].places) == 40


def test_a_number_with_other_content_is_not_taken_from_a_file(table, tmp_path):
    index_passages(tmp_path, table, "ab12")
    table.delete("passage >= 50")
    table.add(rows_of(range(50, 100), seed=5))  # what a broken addition left, then another
    index = PassageIndex(table, tmp_path, "ab12")
    assert index.search(query(), k=100).rows.tolist() == best(table, query(), 100)


def test_files_of_other_weights_are_not_used_and_removed(table, tmp_path):
    index_passages(tmp_path, table, "ab12")
    assert open_segments(tmp_path, "cd34", read_live(table)) == []
    index_passages(tmp_path, table, "cd34")
    assert files(tmp_path) == ["vectors-cd34-000000000000-000000000099.safetensors"]


def test_damaged_files_are_passed_over_and_made_anew(table, tmp_path):
    (path,) = index_passages(tmp_path, table, "ab12")
    path.write_bytes(path.read_bytes()[:500])
    index = PassageIndex(table, tmp_path, "ab12")
    assert index.search(query(), k=10).rows.tolist()[:10] == best(table, query(), 10)
    index_passages(tmp_path, table, "ab12")
    assert len(open_segments(tmp_path, "ab12", read_live(table))) == 1


def test_tables_out_of_order_work_and_repeated_numbers_are_refused(tmp_path):
    draw = np.random.default_rng(0).permutation(60)
    table = lancedb.connect(tmp_path).create_table("passages", rows_of(draw))
    index_passages(tmp_path, table, "ab12")
    index = PassageIndex(table, tmp_path, "ab12")
    assert index.search(query(), k=60).rows.tolist() == best(table, query(), 60)
    found = table.take_row_ids(index.row_ids([5, 40])).to_arrow()
    assert sorted(found["passage"].to_pylist()) == [5, 40]
    table.add(rows_of([7]))
    with pytest.raises(AtlasError, match="not unique"):
        PassageIndex(table)


def test_filters_are_kept_and_let_go(table, tmp_path, monkeypatch):
    from isogloss.search.filters import read_filter

    monkeypatch.setattr("isogloss.search.passage_index.FILTERS", 2)
    index = PassageIndex(table)
    schema = pa.schema([("year", pa.int64())])
    nodes = [read_filter(f"year = {year}", schema) for year in range(4)]
    first = index.passing(nodes[0])
    assert index.passing(nodes[0]) is first
    for node in nodes:
        assert index.passing(node).count == sum(n % 7 == node.values[0] for n in range(100))
    assert index.passing(nodes[0]) is not first
    found = index.search(query(), k=50, passing=index.passing(nodes[1]))
    assert sorted(found.rows.tolist()) == list(range(1, 100, 7))


def test_an_empty_table_gives_nothing(tmp_path):
    table = lancedb.connect(tmp_path).create_table("passages", rows_of(range(1)))
    table.delete("passage = 0")
    assert index_passages(tmp_path, table, "ab12") == []
    found = PassageIndex(table, tmp_path, "ab12").search(query())
    assert (len(found.rows), found.plan.strategy) == (0, "empty")


def test_threads_search_side_by_side(table, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from isogloss.search.filters import read_filter

    monkeypatch.setattr("isogloss.search.passage_index.FILTERS", 2)
    index = PassageIndex(table)
    schema = pa.schema([("year", pa.int64())])
    nodes = [read_filter(f"year = {year}", schema) for year in range(5)]

    def ask(turn):
        passing = index.passing(nodes[turn % 5])
        return index.search(query(turn % 7), k=9, passing=passing).rows.tolist()

    alone = [ask(turn) for turn in range(70)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(70))) == alone
