"""Shards and known documents."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import AtlasError
from isogloss.atlas import Atlas
from isogloss.build.documents import KnownDocuments, content_hashes, cut_shards


@settings(deadline=None)
@given(
    st.lists(st.text(max_size=8), max_size=40),
    st.lists(st.integers(1, 7), min_size=1, max_size=40),
    st.integers(1, 9),
    st.integers(1, 20),
)
def test_cuts_do_not_depend_on_batches_and_lose_nothing(texts, cuts, rows, size):
    def stream(steps):
        begin = 0
        for step in steps:
            yield pa.record_batch({"text": pa.array(texts[begin : begin + step], pa.string())})
            begin += step
        yield pa.record_batch({"text": pa.array(texts[begin:], pa.string())})

    one = [t["text"].to_pylist() for t in cut_shards(stream([len(texts)]), rows=rows, size=size)]
    other = [t["text"].to_pylist() for t in cut_shards(stream(cuts), rows=rows, size=size)]
    assert one == other
    assert sum(one, []) == texts
    for shard in one:
        assert len(shard) <= rows
        assert sum(len(text.encode()) for text in shard[:-1]) < size


def batch(**columns):
    n = len(next(iter(columns.values())))
    return pa.record_batch({"id": list(range(n)), "row": list(range(n)), **columns})


def test_hashes_tell_texts_attributes_and_nulls_apart():
    hashes = content_hashes(
        batch(text=["a", "a", "a", "b"], year=[1, 2, None, 1], tags=[["x"], ["x"], ["x"], ["x"]])
    )
    assert len(set(hashes.tolist())) == 4


def test_hashes_do_not_depend_on_id_and_row():
    one = batch(text=["a", "b"])
    other = one.set_column(0, "id", pa.array(["x", "y"]))
    np.testing.assert_array_equal(content_hashes(one), content_hashes(other))


def test_known_by_id():
    known = KnownDocuments(["a", "b"], np.array([1, 2]))
    assert known.is_new(["b", "c"], np.array([2, 3]), rows=[0, 1]).tolist() == [False, True]
    assert known.gone == 1


def test_a_changed_document_is_an_error():
    known = KnownDocuments(["a"], np.array([1]))
    with pytest.raises(AtlasError, match=r"'a' \(row 4\) has changed"):
        known.is_new(["a"], np.array([2]), rows=[4])


def test_without_ids_equal_documents_are_counted():
    known = KnownDocuments(None, np.array([5, 5, 6]))
    fresh = known.is_new([0, 1, 2, 3], np.array([5, 5, 5, 7]), rows=[0, 1, 2, 3])
    assert fresh.tolist() == [False, False, True, True]
    assert known.gone == 1


def test_integer_and_string_ids_differ():
    known = KnownDocuments([1], np.array([9]))
    assert known.is_new(["1"], np.array([9]), rows=[0]).tolist() == [True]


def test_an_id_column_that_comes_or_goes_is_told(tmp_path):
    folder = tmp_path / "a.atlas"
    texts = ["cats purr", "dogs bark", "stocks fell", "markets rose"]
    with_ids = [{"id": n, "text": text} for n, text in enumerate(texts)]
    Atlas.build(texts, folder)
    with pytest.raises(AtlasError, match=r"without an id column, and this source has 'id'.*fresh"):
        Atlas.build(with_ids, folder)
    Atlas.build(with_ids, tmp_path / "b.atlas")
    with pytest.raises(AtlasError, match=r"with the id column 'id'.*has none.*--id"):
        Atlas.build(texts, tmp_path / "b.atlas")
