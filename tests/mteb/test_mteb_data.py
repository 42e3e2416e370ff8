"""Local data: read from files, checked, cut, digested."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss._core.errors import ColumnError, ParameterError, SourceError
from isogloss.mteb.data import LabelledData, RetrievalData, read_labelled, read_retrieval


def write(folder, scores=(1, 0)):
    pq.write_table(
        pa.table({"id": [1, 2], "title": ["A", None], "text": ["cat", "dog"]}),
        folder / "corpus.parquet",
    )
    lines = [json.dumps({"_id": "q", "text": "cats"}), json.dumps({"_id": "r", "text": "cows"})]
    (folder / "queries.jsonl").write_text("\n".join(lines))
    rows = [f"q,{document},{score}" for document, score in zip((1, 2), scores, strict=True)]
    (folder / "qrels.csv").write_text("\n".join(["query_id,doc_id,score", *rows]))


def test_files_of_three_kinds_are_read_together(tmp_path):
    write(tmp_path)
    data = read_retrieval(tmp_path)
    assert data.documents == {"1": ("A", "cat"), "2": ("", "dog")}
    assert data.qrels == {"q": {"1": 1, "2": 0}} and data.judged == ["q"]
    assert data.full_texts() == {"1": "A cat", "2": "dog"}


def test_codes_where_small_is_good_are_turned(tmp_path):
    write(tmp_path, scores=(4, 1))
    data = read_retrieval(tmp_path, gain=lambda code: 5 - code)
    assert data.qrels["q"] == {"1": 1, "2": 4}


def test_grades_that_are_no_whole_numbers_are_refused(tmp_path):
    write(tmp_path, scores=(0.5, 1))
    with pytest.raises(ParameterError, match=r"grade is 0\.5; mteb takes whole"):
        read_retrieval(tmp_path)


def test_what_is_wrong_with_files_is_said(tmp_path):
    with pytest.raises(SourceError, match="no folder"):
        read_retrieval(tmp_path / "none")
    with pytest.raises(SourceError, match=r"no corpus\.parquet"):
        read_retrieval(tmp_path)
    write(tmp_path)
    (tmp_path / "qrels.csv").write_text("query,doc_id,score\nq,1,1\n")
    with pytest.raises(ColumnError, match="qrels has no column 'query_id'"):
        read_retrieval(tmp_path)
    (tmp_path / "qrels.csv").write_text("query_id,doc_id,score\nq,9,1\n")
    with pytest.raises(ParameterError, match="document '9', which is not in the corpus"):
        read_retrieval(tmp_path)
    pq.write_table(pa.table({"id": [1, 1], "text": ["a", "b"]}), tmp_path / "corpus.parquet")
    with pytest.raises(ParameterError, match="id 1 comes twice in corpus"):
        read_retrieval(tmp_path)


def test_labelled_rows_without_text_or_label_are_left_out(tmp_path):
    table = pa.table(
        {"body": ["a", "", None, "b", "c"], "of": ["x", "x", "x", None, "y"], "s": ["test"] * 5}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    data = read_labelled(tmp_path / "t.parquet", text="body", label="of", split="s")
    assert (data.texts, data.labels) == (["a", "c"], ["x", "y"])
    with pytest.raises(ColumnError, match="no column 'boddy'; did you mean 'body'"):
        read_labelled(tmp_path / "t.parquet", text="boddy", label="of")
    with pytest.raises(SourceError, match="ending"):
        (tmp_path / "t.txt").write_text("x")
        read_labelled(tmp_path / "t.txt")


def test_digests_follow_the_data():
    one = RetrievalData({"d": ("", "a")}, {"q": "b"}, {"q": {"d": 1}})
    other = RetrievalData({"d": ("a", "")}, {"q": "b"}, {"q": {"d": 1}})
    assert one.digest() != other.digest()
    rows = LabelledData(["a", "b"], ["x", "y"], [True, True])
    assert rows.digest() != LabelledData(["a", "b"], ["y", "x"], [True, True]).digest()
