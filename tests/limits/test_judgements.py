"""Judgements as a matrix, their graph, and the files that hold them."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ColumnError, IsoglossError, ParameterError, SourceError
from isogloss.limits import judgements as own
from isogloss.limits.judgement_files import read_judgements, read_queries
from isogloss.limits.judgements import Judgements, distinct_documents, query_graph, relevance

WANTED = {"q1": {"d1": 2.0, "d2": 0.0}, "q2": {"d1": 1.0}}
RECORDS = [("q1", "d1", 2.0), ("q1", "d2", 0.0), ("q2", "d1", 1.0)]


def slow_graph(matrix):
    sets = [frozenset(np.flatnonzero(row)) for row in np.asarray(matrix)]
    edges, strength = 0, 0.0
    for i, one in enumerate(sets):
        for j, other in enumerate(sets):
            if i != j and one & other:
                edges += 1
                strength += len(one & other) / len(one | other)
    return edges / (len(sets) * (len(sets) - 1)), strength / len(sets)


@pytest.mark.data
def test_the_graph_of_the_published_set_has_the_papers_figures(data_dir):
    read = read_judgements(data_dir / "limit_small" / "qrels.parquet")
    graph = query_graph(Judgements.of(read.qrels))
    assert round(graph.density, 6) == 0.085481
    assert round(graph.strength, 4) == 28.4653


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5).filter(any), min_size=2))
def test_the_graph_is_that_of_the_definition(rows):
    matrix = np.array(rows, dtype=float)
    graph = query_graph(matrix)
    assert (graph.density, graph.strength) == pytest.approx(slow_graph(matrix))


def test_the_graph_does_not_depend_on_blocks(monkeypatch):
    matrix = (np.random.default_rng(0).random((60, 20)) < 0.1) + np.eye(60, 20)
    matrix[20:, 0] += 1
    whole = query_graph(matrix)
    monkeypatch.setattr(own, "_PAIRS", 120)
    assert query_graph(matrix) == whole


def test_one_query_has_no_graph():
    assert query_graph([[1, 1]]) == own.QueryGraph(0.0, 0.0)


def test_equal_columns_share_one():
    matrix = [[1, 1, 2, 0], [0, 0, 1, 0]]
    whole = distinct_documents(matrix)
    assert whole.group.tolist() == [0, 0, 1, 2]
    assert whole.counts.tolist() == [2, 1, 1]
    assert whole.matrix.toarray().tolist() == [[1, 2, 0], [0, 1, 0]]


def test_documents_of_other_gains_stay_apart():
    assert distinct_documents([[1, 2]]).matrix.shape == (1, 2)


@pytest.mark.parametrize(
    "given", [[[1, float("nan")]], [[1, -1]], [[0, 1], [0, 0]], np.zeros((0, 3)), "text"]
)
def test_no_relevance(given):
    with pytest.raises(ParameterError):
        relevance(given)


def test_queries_without_a_relevant_document_are_counted():
    judged = Judgements.of({"q": {"a": 1}, "r": {"a": 0}, "s": {}})
    assert (judged.queries, judged.without) == (("q",), 2)
    with pytest.raises(ParameterError, match="above 0"):
        Judgements.of({"q": {"a": 0}})
    with pytest.raises(ParameterError, match="finite"):
        Judgements.of({"q": {"a": float("inf")}})


def write(folder, kind, names=("query_id", "doc_id", "score")):
    path = folder / f"judged.{kind}"
    rows = [dict(zip(names, record, strict=True)) for record in RECORDS]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind in ("csv", "tsv"):
        mark = "," if kind == "csv" else "\t"
        lines = [mark.join(names), *(mark.join(map(str, record)) for record in RECORDS)]
        path.write_text("\n".join(lines))
    elif kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        path.write_text("\n".join(f"{q} 0 {d} {s:g}" for q, d, s in RECORDS) + "\n")
    return path


@pytest.mark.parametrize("kind", ["parquet", "csv", "tsv", "jsonl", "qrels", "trec", "txt"])
def test_every_kind_of_file(tmp_path, kind):
    assert read_judgements(write(tmp_path, kind)).qrels == WANTED


@pytest.mark.parametrize("names", [("query-id", "corpus-id", "score"), ("QID", "DocID", "Rel")])
def test_other_names_of_columns(tmp_path, names):
    assert read_judgements(write(tmp_path, "csv", names)).qrels == WANTED


def test_a_packed_file(tmp_path):
    import gzip

    path = tmp_path / "a.qrels.gz"
    path.write_bytes(gzip.compress(b"q1 0 d1 2\nq1 0 d2 0\nq2 0 d1 1\n"))
    assert read_judgements(path).qrels == WANTED


def test_numbers_as_ids_read_alike_from_every_file(tmp_path):
    pq.write_table(pa.table({"query_id": [1], "doc_id": [7.0], "score": [1]}), tmp_path / "a.pq")
    (tmp_path / "b.qrels").write_text("1 0 7 1")
    assert read_judgements(tmp_path / "a.pq").qrels == read_judgements(tmp_path / "b.qrels").qrels


def test_without_scores_all_is_relevant_and_texts_are_taken(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("query_id,doc_id,query_text\nq,a,who is it\nq,b,who is it\nq,a,who is it\n")
    read = read_judgements(path)
    assert read.qrels == {"q": {"a": 1.0, "b": 1.0}}
    assert read.queries == {"q": "who is it"}
    assert read.repeated == 1


def test_judgements_that_contradict_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("query_id,doc_id,score\nq,a,1\nq,a,1\nq,a,2\n")
    words = "row 2: query 'q' and document 'a' have the score 2, and 1 in a row before"
    with pytest.raises(SourceError, match=words):
        read_judgements(path)
    read = read_judgements(path, grades="yes-no")
    assert (read.qrels, read.repeated) == ({"q": {"a": 1.0}}, 2)


def test_grades():
    codes = {"q": {"a": 1, "b": 4, "c": -1}}
    assert read_judgements(codes, grades="lower").qrels == {"q": {"a": 4.0, "b": 1.0, "c": -1.0}}
    assert read_judgements(codes, grades="yes-no").qrels == {"q": {"a": 1.0, "b": 1.0, "c": -1.0}}
    with pytest.raises(ParameterError, match="did you mean 'lower'"):
        read_judgements(codes, grades="lowest")


BAD = {
    "a.csv": ("x,y\n1,2\n", ColumnError, "no column of query ids.*'x', 'y'"),
    "b.csv": ("query_id,doc_id,score\nq,a,good\n", SourceError, "row 0: the score 'good'"),
    "c.csv": ("query_id,doc_id,score\nq,,1\n", SourceError, "row 0: a judgement needs"),
    "d.csv": ("query_id,doc_id,score\nq,a,\n", SourceError, "row 0: the score is missing"),
    "e.csv": ("", SourceError, "empty"),
    "f.qrels": ("q 0 a 1\nq 0 b\n", SourceError, "line 2 has 3 fields"),
    "g.qrels": ("q 0 a nan\n", SourceError, "finite"),
    "h.jsonl": ("{}\n[1]\n", IsoglossError, "h.jsonl"),
    "i.jsonl": ("", IsoglossError, "no rows"),
    "j.qrels": ("", SourceError, "of no kind"),
    "k.doc": ("hello there\n", SourceError, "of no kind"),
    "l.csv": ("query_id,doc_id\n", SourceError, "no rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_named_in_one_line(tmp_path, name):
    text, error, pattern = BAD[name]
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(error, match=pattern) as told:
        read_judgements(path)
    assert "\n" not in str(told.value)
    assert name in str(told.value)


@pytest.mark.parametrize("bad", [3, None, ["q 0 d 1"], {"q": ["a"]}])
def test_what_is_no_file(bad):
    with pytest.raises(ParameterError):
        read_judgements(bad)


def test_missing_files(tmp_path):
    with pytest.raises(SourceError, match="no file of judgements at"):
        read_judgements(tmp_path / "no.qrels")
    with pytest.raises(SourceError, match="is a folder"):
        read_queries(tmp_path)


def test_queries(tmp_path):
    path = tmp_path / "queries.jsonl"
    path.write_text('{"_id": 3, "text": "who"}\n{"_id": 4, "text": ""}\n')
    assert read_queries(path) == {"3": "who"}
    path.write_text('{"_id": 3, "text": "who"}\n{"_id": 3, "text": "what"}\n')
    with pytest.raises(SourceError, match="two texts for the query '3'"):
        read_queries(path)
    path.write_text('{"_id": 3, "text": ""}\n')
    with pytest.raises(SourceError, match="no query with"):
        read_queries(path)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.qrels"
    path.write_text(text, encoding="utf-8")
    try:
        read = read_judgements(path)
    except IsoglossError as error:
        assert "\n" not in str(error)
    else:
        assert read.qrels
