"""What readers give: formats, types, columns, names, and laws over all of them."""

import datetime
import gzip
import json
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss._core.errors import ColumnError, SourceError
from isogloss.corpus import open_source

ROWS = [
    {"id": "a", "text": "one two three", "year": 1990, "score": 0.5, "on": True, "tags": ["x"]},
    {"id": "b", "text": "four \u00e9l\u00e8ve \u0939\u093f\u0928\u094d\u0926\u0940", "year": 1991,
     "score": None, "on": False, "tags": []},
    {"id": "c", "text": "seven\neight, \"nine\"", "year": None, "score": 2.0, "on": None,
     "tags": None},
]  # fmt: skip


def read(source, **options):
    opened = open_source(source, **options)
    rows = [row for batch in opened.batches() for row in batch.to_pylist()]
    return opened, rows


def jsonl(rows):
    return "\n".join(json.dumps(row) for row in rows).encode()


def write_all(folder):
    """The same rows in every format."""
    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table, folder / "a.parquet")
    with pa.ipc.new_file(folder / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    with pa.ipc.new_stream(folder / "a.ipc", table.schema) as writer:
        writer.write_table(table)
    (folder / "a.jsonl").write_bytes(jsonl(ROWS))
    (folder / "a.ndjson.gz").write_bytes(gzip.compress(jsonl(ROWS)))
    (folder / "b.jsonl.zst").write_bytes(zstandard.compress(jsonl(ROWS)))
    (folder / "a.json").write_bytes(json.dumps(ROWS).encode())
    (folder / "bom.jsonl").write_bytes(b"\xef\xbb\xbf" + jsonl(ROWS).replace(b"\n", b"\r\n\r\n"))
    return sorted(path for path in folder.iterdir())


def test_every_format_gives_the_same_rows_and_types(tmp_path):
    for path in write_all(tmp_path):
        source, rows = read(path)
        assert source.text_column == "text", path
        assert source.id_column == "id"
        assert [{k: v for k, v in row.items() if k != "row"} for row in rows] == ROWS, path
        assert [row["row"] for row in rows] == [0, 1, 2]
        types = {field.name: str(field.type).replace("element", "item") for field in source.schema}
        assert types == {
            "year": "int64", "score": "double", "on": "bool", "tags": "list<item: string>"
        }, path  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda: ROWS,
        lambda: tuple(ROWS),
        lambda: iter(ROWS),
        lambda: pa.Table.from_pylist(ROWS),
        lambda: pa.Table.from_pylist(ROWS).to_batches()[0],
        lambda: pa.Table.from_pylist(ROWS).to_reader(),
        lambda: pl.DataFrame(ROWS),
        lambda: pd.DataFrame(ROWS),
        lambda: {key: [row[key] for row in ROWS] for key in ROWS[0]},
    ],
)
def test_everything_in_memory_gives_the_same_texts_and_ids(make):
    _, rows = read(make())
    assert [(row["id"], row["text"]) for row in rows] == [(r["id"], r["text"]) for r in ROWS]


@pytest.mark.parametrize(
    "texts",
    [
        ["x y", "z"],
        ("x y", "z"),
        np.array(["x y", "z"]),
        pd.Series(["x y", "z"]),
        iter(["x y", "z"]),
    ],
)
def test_lists_of_texts(texts):
    source, rows = read(texts)
    assert source.id_column is None
    assert [(row["id"], row["text"]) for row in rows] == [(0, "x y"), (1, "z")]


def test_csv_types_and_quoted_fields(tmp_path):
    (tmp_path / "a.csv").write_text(
        "code,text,count,price,day,at,zoned,flag,note\r\n"
        '007,"first, with\nline end",1,1.5,2024-01-31,2024-01-31 10:00:00,'
        "2024-01-31T10:00:00Z,true,\r\n"
        "\r\n"
        '008,"say ""hi""",2,2,2024-02-01,2024-02-01 11:30:00,2024-02-01T10:00:00Z,false,x\r\n'
    )
    source, rows = read(tmp_path / "a.csv", text="text", id="code")
    kinds = {field.name: str(field.type) for field in source.schema}
    assert kinds == {
        "count": "int64", "price": "double", "day": "date32[day]", "at": "timestamp[us]",
        "zoned": "timestamp[us, tz=UTC]", "flag": "bool", "note": "string",
    }  # fmt: skip
    assert [row["id"] for row in rows] == ["007", "008"]
    assert [row["text"] for row in rows] == ["first, with\nline end", 'say "hi"']
    assert rows[0]["day"] == datetime.date(2024, 1, 31)
    assert rows[0]["note"] is None


@pytest.mark.parametrize(("mark", "name"), [(";", "a.csv"), ("\t", "a.csv"), ("\t", "a.tsv")])
def test_delimiters_are_found(tmp_path, mark, name):
    (tmp_path / name).write_text(f"id{mark}body\n1{mark}some words here\n2{mark}more, words here\n")
    source, rows = read(tmp_path / name)
    assert source.text_column == "body"
    assert [row["text"] for row in rows] == ["some words here", "more, words here"]


def test_rows_that_cannot_be_read_are_counted_with_their_place(tmp_path):
    (tmp_path / "a.csv").write_text(
        "id,text\n1,good one\n2,too,many\n3\n4,\n1,again\n5,good five\n"
    )
    source, rows = read(tmp_path / "a.csv")
    assert [row["id"] for row in rows] == [1, 5]
    assert sorted((r.row, r.kind) for r in source.rejects) == [
        (1, "wrong number of fields"), (2, "wrong number of fields"), (3, "null text"),
        (4, "repeated id"),
    ]  # fmt: skip
    assert all(reject.file == str(tmp_path / "a.csv") for reject in source.rejects)


LINES = {
    "a.jsonl": '{{"text": "{0}"}}\n{{"text": "plain"}}\n',
    "a.json": '[{{"text": "{0}"}},\n{{"text": "plain"}}]',
    "b.json": '{{"text": "{0}"}}\n{{"text": "plain"}}\n',
    "a.txt": "{0}\nplain\n",
    "a.csv": "text,n\n{0},1\nplain,2\n",
}


@pytest.mark.parametrize("name", LINES)
def test_windows_1252_is_read_and_counted_in_every_format(tmp_path, name):
    lines = LINES[name].format("na\xefve fa\xe7ade \u20ac")
    (tmp_path / name).write_bytes(lines.encode("cp1252"))
    source, rows = read(tmp_path / name)
    assert [row["text"] for row in rows] == ["na\xefve fa\xe7ade \u20ac", "plain"]
    assert source.repairs == {"invalid UTF-8": 1}


@pytest.mark.parametrize("name", LINES)
def test_broken_utf8_is_repaired_and_counted(tmp_path, name):
    lines = LINES[name].format("na\xefve caf\xe9").encode()
    (tmp_path / name).write_bytes(lines.replace(b"plain", b"caf\xe9 au lait"))
    source, rows = read(tmp_path / name)
    assert [row["text"] for row in rows] == ["na\xefve caf\xe9", "caf\ufffd au lait"]
    assert source.repairs == {"invalid UTF-8": 1}


def test_a_table_from_a_spreadsheet_reads_as_windows_1252(tmp_path):
    lines = ["id,text,caf\xe9", "1,na\xefve fa\xe7ade \u20ac,x", "2,plain,y"]
    (tmp_path / "a.csv").write_bytes("\n".join(lines).encode("cp1252"))
    source, rows = read(tmp_path / "a.csv")
    assert [row["text"] for row in rows] == ["na\xefve fa\xe7ade \u20ac", "plain"]
    assert source.schema.names == ["caf\xe9"]
    assert source.repairs["invalid UTF-8"] >= 1
    (tmp_path / "b.csv").write_bytes("id,text\n1,na\xefve\n2,".encode() + b"caf\xe9 au lait\n")
    source, rows = read(tmp_path / "b.csv")
    assert [row["text"] for row in rows] == ["na\xefve", "caf\ufffd au lait"]


def test_nuls_and_lone_surrogates_become_replacement_characters():
    source, rows = read(["a\0b", "c\ud800d", "plain"])
    assert [row["text"] for row in rows] == ["a\ufffdb", "c\ufffdd", "plain"]
    assert source.repairs["NUL in text"] == 1


def test_types_that_an_atlas_cannot_hold_become_the_nearest():
    table = pa.table(
        {
            "text": ["one two", "three four"],
            "kind": pa.array(["a", "b"]).dictionary_encode(),
            "large": pa.array(["x", "y"], pa.large_string()),
            "deep": pa.array([{"a": 1}, None]),
            "nothing": pa.nulls(2),
            "sum": pa.array([1, 2], pa.decimal128(5, 2)),
            "views": pa.array(["p", "q"], pa.string_view()),
        }
    )
    source, rows = read(table)
    kinds = {field.name: str(field.type) for field in source.schema}
    assert kinds == {
        "kind": "string", "large": "string", "deep": "string", "nothing": "string",
        "sum": "double", "views": "string",
    }  # fmt: skip
    assert rows[0] == {
        "id": 0, "row": 0, "text": "one two", "kind": "a", "large": "x", "deep": '{"a": 1}',
        "nothing": None, "sum": 1.0, "views": "p",
    }  # fmt: skip


def test_names_of_our_own_columns_are_left_to_us():
    row = {"text": "some words", "topic": "t", "Vector": "v", "passage": 1, "a.b": 2, "": 3}
    source, rows = read([row])
    assert source.renamed == {
        "topic": "topic_", "Vector": "Vector_", "passage": "passage_", "a.b": "a_b", "": "column"
    }  # fmt: skip
    assert rows[0]["topic_"] == "t"
    assert rows[0]["a_b"] == 2


def test_values_of_another_type_widen_or_are_counted():
    source, rows = read([{"text": "one", "n": 1}, {"text": "two", "n": "x"}])
    assert [row["n"] for row in rows] == ["1", "x"]
    many = [{"text": f"text {i}", "n": i} for i in range(3000)] + [{"text": "odd", "n": "x"}]
    source, rows = read(many)
    assert rows[-1]["n"] is None
    assert source.repairs == {"value in 'n' that is not int64": 1}


def test_folder_of_texts_and_folder_of_shards(tmp_path):
    (tmp_path / "texts" / "deep").mkdir(parents=True)
    (tmp_path / "texts" / "b.txt").write_text("second\ntext")
    (tmp_path / "texts" / "deep" / "a.md").write_text("third text")
    (tmp_path / "texts" / "a.txt").write_text("first text")
    (tmp_path / "texts" / ".hidden.txt").write_text("no")
    _, rows = read(tmp_path / "texts")
    assert [(row["id"], row["text"]) for row in rows] == [
        ("a.txt", "first text"), ("b.txt", "second\ntext"), ("deep/a.md", "third text")
    ]  # fmt: skip
    (tmp_path / "shards").mkdir()
    pq.write_table(pa.table({"id": [1], "text": ["p q r"]}), tmp_path / "shards" / "1.parquet")
    (tmp_path / "shards" / "2.jsonl").write_text('{"id": 2, "text": "s t u", "extra": 5}')
    source, rows = read(tmp_path / "shards")
    assert [(row["id"], row["extra"]) for row in rows] == [(1, None), (2, 5)]
    assert len(source.inputs()) == 2


def test_one_text_a_line(tmp_path):
    (tmp_path / "a.txt").write_text("first line\n\nthird line\n")
    source, rows = read(tmp_path / "a.txt")
    assert [row["text"] for row in rows] == ["first line", "third line"]
    assert [reject.row for reject in source.rejects] == [1]


def test_limit_counts_documents_not_rows():
    _, rows = read(["", "a", "b", "c"], limit=2)
    assert [row["text"] for row in rows] == ["a", "b"]


PROSE = ["the cat sat on the mat", "a dog ran in the park", "birds fly over the lake", "fish swim"]
CHOICES = {
    "named text": ({"text": ["x", "y"], "title": ["p", "q"]}, "text"),
    "the only string": ({"story": ["x", "y"], "n": [1, 2]}, "story"),
    "the only prose": ({"label": ["a", "a", "b", "b"], "body": PROSE}, "body"),
    "an id is no text": ({"id": ["x", "y"], "note": ["p", "q"]}, "note"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_text_column_is_found(name):
    columns, expected = CHOICES[name]
    assert open_source(pa.table(columns)).text_column == expected


def test_two_candidates_are_listed():
    with pytest.raises(ColumnError, match=r"'title' \(.* characters\), 'body' \(.*--text"):
        open_source(pa.table({"title": PROSE, "body": [f"{text} and so on" for text in PROSE]}))


values = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
documents = st.lists(
    st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), values), max_size=20
)


@settings(max_examples=60)
@given(documents, st.integers(1, 7))
def test_rows_in_are_documents_and_rejects_in_every_format(tmp_path_factory, rows, batch_rows):
    folder = tmp_path_factory.mktemp("law")
    texts = pa.array([t for t, _ in rows], pa.string())
    table = pa.table({"text": texts, "n": pa.array([n for _, n in rows], pa.int64())})
    pq.write_table(table, folder / "a.parquet")
    (folder / "a.jsonl").write_bytes(jsonl([{"text": t, "n": n} for t, n in rows]))
    for name in ("a.parquet", "a.jsonl"):
        try:
            source, found = read(folder / name, batch_rows=batch_rows, text="text")
        except (SourceError, ColumnError):
            assert not rows
            continue
        assert len(found) + source.rejected == len(rows)
        kept = [(t.replace("\0", "\ufffd"), n) for t, n in rows if t.strip()]
        assert [(row["text"], row["n"]) for row in found] == kept


@settings(max_examples=150)
@given(st.binary(max_size=200), st.sampled_from([".jsonl", ".csv", ".txt", ".json", ".parquet",
                                                 ".jsonl.gz", ".arrow"]))  # fmt: skip
def test_any_bytes_give_an_error_of_ours_or_documents(tmp_path_factory, content, suffix):
    path = tmp_path_factory.mktemp("bytes") / f"a{suffix}"
    path.write_bytes(content)
    try:
        _, rows = read(path)
    except (SourceError, ColumnError) as error:
        assert "\n" not in str(error)
        return
    assert all(row["text"].strip() for row in rows)


AS_TEXT = {
    "date": (datetime.date(2024, 1, 2), "2024-01-02"),
    "moment": (datetime.datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05"),
    "time": (datetime.time(3, 4), "03:04:00"),
    "64-bit number": (np.int64(5), "5"),
    "day of numpy": (np.datetime64("2024-01-02"), "2024-01-02"),
    "uuid": (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    "dict": ({"day": datetime.datetime(2024, 1, 2)}, '{"day": "2024-01-02T00:00:00"}'),
}


@pytest.mark.parametrize("name", AS_TEXT)
def test_values_of_python_are_written_without_quotes(name):
    value, said = AS_TEXT[name]
    for others in ([], ["never"]):  # a column of such values alone, and one of strings
        source = open_source([{"text": "a b", "at": one} for one in [*others, value]])
        (batch,) = source.batches()
        assert batch.column("at").to_pylist() == [*others, said]


def test_times_in_lists_and_in_tables_are_written_without_quotes():
    (batch,) = open_source([{"text": "a b", "at": [datetime.date(2024, 1, 2)]}]).batches()
    assert batch.column("at").to_pylist() == [["2024-01-02"]]
    table = pa.table({"text": ["a b"], "at": pa.array([datetime.time(3, 4)])})
    (batch,) = open_source(table).batches()
    assert batch.column("at").to_pylist() == ["03:04:00"]


MISSING = [pd.NaT, pd.NA, float("nan"), np.datetime64("NaT"), np.float64("nan"), None]


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_values_that_pandas_calls_missing_are_null(missing):
    rows = [
        {"text": "a b", "at": pd.Timestamp("2024-01-02"), "word": "x", "on": True, "tags": ["p"]},
        {"text": "c d", "at": missing, "word": missing, "on": missing, "tags": ["p", missing]},
        {"text": missing, "at": missing, "word": "y", "on": None, "tags": missing},
    ]
    source, found = read(rows)
    assert [row["text"] for row in found] == ["a b", "c d"]
    assert [(reject.row, reject.kind) for reject in source.rejects] == [(2, "null text")]
    assert source.repairs == {}
    assert {field.name: str(field.type) for field in source.schema}["on"] == "bool"
    held = [(row["at"], row["word"], row["on"], row["tags"]) for row in found]
    assert held == [("2024-01-02T00:00:00", "x", True, ["p"]), (None, None, None, ["p", None])]
    (batch,) = open_source(["one", missing]).batches()
    assert batch.column("text").to_pylist() == ["one"]


def test_nan_among_numbers_stays_and_in_a_dictionary_is_null():
    rows = [{"text": "a", "x": 1, "deep": {"at": pd.NaT}}, {"text": "b", "x": float("nan")}]
    (batch,) = open_source(rows).batches()
    assert str(batch.column("x")[1]) == "nan"
    assert batch.column("deep").to_pylist() == ['{"at": null}', None]
