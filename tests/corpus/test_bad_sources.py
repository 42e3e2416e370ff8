"""Sources that are wrong: one line that says what, where, and what would be right."""

import gzip
import io
import json
import os
from functools import partial

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from isogloss._core.errors import ColumnError, SourceError
from isogloss.atlas import Atlas
from isogloss.corpus import open_source
from isogloss.corpus.delimited import csv_records
from isogloss.corpus.files import open_bytes
from isogloss.corpus.lines import read_lines

TWO = b'{"text": "one two"}\n{"text": "three"}\n'


def parquet(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


BAD_FILES = {
    "empty.parquet": (b"", "0 bytes"),
    "empty.jsonl": (b"", "0 bytes"),
    "empty.csv": (b"", "0 bytes"),
    "magic.parquet": (b"PAR1 nothing PAR1", "cannot be read as Parquet"),
    "cut.parquet": (parquet(text=["a b"] * 1000)[:300], "cannot be read as Parquet"),
    "none.arrow": (b"ARROW1 no", "cannot be read as Arrow"),
    "none.jsonl.gz": (b"plain text, not packed", "damaged"),
    "cut.jsonl.gz": (gzip.compress(os.urandom(5000))[:200], "damaged|binary"),
    "none.jsonl.zst": (b"plain text, not packed", "damaged"),
    "cut.jsonl.zst": (zstandard.compress(TWO * 999)[:20], "damaged|no column"),
    "wide.txt": ("caf\u00e9 \u00e0 la cr\u00e8me".encode("utf-16"), "UTF-16"),
    "binary.csv": (bytes(range(256)) * 20, "binary"),
    "blank.csv": (b"\n\n", "names of its columns"),
    "twice.csv": (b"a,text,text\n1,x,y\n", "stands twice"),
    "list.json": (b"[1, 2", "not JSON"),
    "letter.docx": (b"PK", "of a kind that is not read"),
    "no_suffix": (b"text", "of a kind that is not read"),
    "quote.csv": (b'"unterminated\n', "a quote opened in line 1 is never closed: line 1 is lost"),
    "quotes.csv": (b'id,"text\n1,a\n2,b\n', "opened in line 1 is .* lines 1 to 3 are lost"),
    "array.jsonl": (b'[{"text": "one"}, {"text": "two"}]', "no rows: .* line 1 is a list, not an"),
    "short.csv": (b"text,n\na\nb\n", "has no rows: all were skipped; line 2 has 1 field"),
    "header.csv": (b"text,n\n", "has no rows$"),
    "numbers.csv": (b"a,b\n1,2\n", "no column of text"),
    "list.parquet": (parquet(words=[["a"], ["b"]]), "no column of text"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file(tmp_path, name):
    content, says = BAD_FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=says) as error:
        list(open_source(path).batches())
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_source_without_rows_names_the_file_and_the_first_reason(tmp_path, monkeypatch):
    (tmp_path / "1.csv").write_bytes(b"text,n\n")
    (tmp_path / "2.jsonl").write_bytes(b"[1]\n7\n")
    for options in ({}, {"text": "text"}):
        with pytest.raises(SourceError, match=r"1\.csv has no rows.*2\.jsonl: line 1 is a list"):
            open_source(tmp_path, **options)
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b'{"text"\n{\n')))
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(SourceError, match="stdin has no rows: all were skipped; line 1 is not"):
        open_source("-")


BAD_OBJECTS = {
    "bytes": (b"abc", "cannot be bytes"),
    "number": (5, "cannot be int"),
    "nothing": (None, "cannot be NoneType"),
    "a text for a path": ("This is a text that somebody wrote.", "a path was expected"),
    "lines for a path": ("one\ntwo", "a path was expected"),
    "an empty list": ([], "is empty"),
    "an empty generator": (iter([]), "is empty"),
    "uneven columns": ({"text": ["a"], "n": [1, 2]}, "of one length"),
    "a missing path": ("nowhere/at/all.parquet", "no file or folder"),
}


@pytest.mark.parametrize("name", BAD_OBJECTS)
def test_bad_object(name):
    value, says = BAD_OBJECTS[name]
    with pytest.raises(SourceError, match=says):
        list(open_source(value).batches())


BAD_COLUMNS = {
    "missing text": ({"text": "boddy"}, "did you mean 'body'"),
    "missing id": ({"text": "body", "id": "nmae"}, "did you mean 'name'"),
    "number as text": ({"text": "n"}, "'n' is int64, not text"),
    "list as text": ({"text": "tags"}, "not text"),
    "text as id": ({"text": "body", "id": "body"}, "both the text and the id"),
    "fraction as id": ({"text": "body", "id": "x"}, "ids are strings or integers"),
}


@pytest.mark.parametrize("name", BAD_COLUMNS)
def test_bad_column(name):
    options, says = BAD_COLUMNS[name]
    table = pa.table(
        {"body": ["one two"], "name": ["a"], "n": [1], "x": [0.5], "tags": [["p"]]}
    )  # fmt: skip
    with pytest.raises(ColumnError, match=says):
        open_source(table, **options)


def test_files_whose_columns_conflict(tmp_path):
    pq.write_table(pa.table({"text": ["a"], "n": [[1]]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"text": ["b"], "n": [2]}), tmp_path / "2.parquet")
    with pytest.raises(ColumnError, match="make them alike"):
        open_source(tmp_path)


def test_a_folder_of_two_kinds_and_one_of_none(tmp_path):
    with pytest.raises(SourceError, match="holds no Parquet"):
        open_source(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.jsonl").write_bytes(TWO)
    with pytest.raises(SourceError, match="give one kind"):
        open_source(tmp_path)


def test_a_near_name_is_named(tmp_path):
    (tmp_path / "news.jsonl").write_bytes(TWO)
    with pytest.raises(SourceError, match=r"did you mean .*news\.jsonl"):
        open_source(tmp_path / "nwes.jsonl")


def test_a_near_name_that_is_no_source_is_not_named(tmp_path):
    (tmp_path / "news.atlas" / "passages-1.lance").mkdir(parents=True)
    (tmp_path / "news.atlas" / "manifest.json").write_text("{}")
    (tmp_path / "new.atlas").mkdir()
    (tmp_path / "new.atlas" / ".lock").touch()
    (tmp_path / "news.pdf").write_bytes(b"%PDF")
    for name in ("news.parquet", "news"):
        with pytest.raises(SourceError, match=f"no file or folder .*{name}$"):
            open_source(tmp_path / name)
    (tmp_path / "newest").mkdir()
    (tmp_path / "newest" / "a.txt").write_text("text")
    with pytest.raises(SourceError, match=r"did you mean .*newest\?"):
        open_source(tmp_path / "news")


def test_the_atlas_to_be_built_is_not_named_for_a_missing_source(tmp_path):
    with pytest.raises(SourceError, match=r"no file or folder .*missing\.parquet$"):
        Atlas.build(str(tmp_path / "missing.parquet"), tmp_path / "missing.atlas")
    assert not list(tmp_path.iterdir())


def rejects(source, **options):
    opened = open_source(source, **options)
    kept = sum(batch.num_rows for batch in opened.batches())
    return kept, [(reject.row, reject.kind) for reject in opened.rejects]


COUNTED = {
    "null": ([None, "a b"], [(0, "null text")]),
    "blank": ([" \t\n", "a b"], [(0, "empty text")]),
    "NaN": ([float("nan"), "a b"], [(0, "null text")]),
    "number": (["a b", 7], [(1, "wrong type")]),
    "null id": ([{"id": None, "text": "a"}, {"id": "x", "text": "b"}], [(0, "null id")]),
    "repeated id": ([{"id": "x", "text": "a"}, {"id": "x", "text": "b"}], [(1, "repeated id")]),
    "text in a table": ([{"text": "a b"}, "c d"], [(1, "wrong type")]),
}


@pytest.mark.parametrize("name", COUNTED)
def test_counted_rejects(name):
    source, expected = COUNTED[name]
    kept, found = rejects(source)
    assert found == expected
    assert kept == 1


def test_counted_lines(tmp_path):
    deep = b"[" * 100_000
    lines = [b'{"text": "good"}', b"{", b"[1]", b'"text"', deep, b'{"text": "also good"}']
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    kept, found = rejects(tmp_path / "a.jsonl")
    assert kept == 2
    assert [row for row, _ in found] == [1, 2, 3, 4]


UNCLOSED = {
    "first field": (
        b'"c,d\ne,f\ng,h\n', ["e", "g"],
        "opened in line 4 is never closed: line 4 is lost by it, lines 5 to 6 are read anew",
    ),
    "last field": (b'c,"d\ne,f\n', ["e"], "line 4 is lost by it, line 5 is read anew"),
    "later line": (
        b'"c\nd","e\nf,g', ["f"],
        "opened in line 5 is never closed: lines 4 to 5 are lost by it, line 6 is read anew",
    ),
    "last line": (b'c,"d', [], "a quote opened in line 4 is never closed: line 4 is lost by it"),
    "last sign": (b'c,"', [], "a quote opened in line 4 is never closed: line 4 is lost by it"),
    "closed by another": (
        b'c,"d\ne,"f",g\nh,"i"\nj,k\n', ["h", "j"],
        "a quote in line 4 is closed only by one of another row, in line 5: line 4 is lost by it, "
        "line 5 is read anew",
    ),
    "whole texts after": (
        b'"c,d\n"e, e, e\ne","f\nf"\n"g, g",h\n', ["e, e, e\ne", "g, g"],
        "a quote in line 4 is closed only by one of another row, in line 5: line 4 is lost by it, "
        "line 5 is read anew",
    ),
    "no column short": (
        b'"c,d\ne,f\n"g",h\n', ["e", "g"],
        "a quote in line 4 is closed only by one of another row, in line 6: line 4 is lost by it, "
        "lines 5 to 6 are read anew",
    ),
    "well quoted": (b'"c\nd, e\nf",g,h\ni,j\n', ["i"], "line 6 has 3 fields, the header 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNCLOSED)
def test_an_open_quote_costs_the_lines_of_its_row(tmp_path, name):
    lines, kept, says = UNCLOSED[name]
    (tmp_path / "a.csv").write_bytes(b'text,subject\n"a\nb",s\n' + lines)
    source = open_source(tmp_path / "a.csv", text="text")
    texts = [text for batch in source.batches() for text in batch.column("text").to_pylist()]
    assert texts == ["a\nb", *kept]
    assert source.rejects[0].row == 1
    assert says in source.rejects[0].reason
    assert len(source.rejects) == (2 if name == "closed by another" else 1)


LENIENT = {
    "a line that begins with a quote": (b'"he said:\n"hi" and left",s', 'he said:\nhi" and left"'),
    "a quote after a space": (b'"he said:\nwell "hi" there",s', 'he said:\nwell hi" there"'),
    "a quote within": (b'"c ""d"" e\nf",s', 'c "d" e\nf'),
}


@pytest.mark.parametrize("name", LENIENT)
def test_quotes_within_a_text_of_several_lines_are_no_open_ones(tmp_path, name):
    lines, text = LENIENT[name]
    (tmp_path / "a.csv").write_bytes(b"text,subject\n" + lines + b"\ng,h\n")
    source, kept = open_source(tmp_path / "a.csv", text="text"), []
    for batch in source.batches():
        kept += batch.column("text").to_pylist()
    assert (kept, source.rejects) == ([text, "g"], [])


def test_a_quote_that_stays_open_for_too_long():
    found = []
    rows = [b"text,n", b'"a,1', *[b"b,2"] * 40, b'"c,3', b"d,4"]
    stream = io.BytesIO(b"\n".join(rows))
    records = csv_records(stream, "a", lambda *x: found.append(x), delimiter=None, longest=100)
    kept = [(row, record["text"]) for row, record, _ in records]
    assert kept == [*[(1 + n, "b") for n in range(40)], (42, "d")]
    assert [row for row, *_ in found] == [0, 41]
    assert "line 2 is not closed within 0 MB: line 2 is lost by it, lines 3 to" in found[0][2]


def test_reading_anew_has_an_end(monkeypatch):
    # Each line closes a quote and opens one, so that every row reaches to the end.
    rows = [b"a,b,c", *[b'a","'] * 3000, b'"x']
    found, lines = [], []
    following = csv_records.__globals__["_Lines"].__next__
    monkeypatch.setattr(
        "isogloss.corpus.delimited._Lines.__next__",
        lambda self: (lines.append(1), following(self))[1],
    )
    stream = io.BytesIO(b"\n".join(rows))
    assert not list(csv_records(stream, "a", lambda *x: found.append(x), delimiter=None))
    assert 2 * 3000 < len(lines) < 11 * 3000
    assert "line 3002 has" in found[-1][2]


def test_a_header_whose_names_hold_line_ends(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'text,"sub\nject"\na b,"c"\nd\n')
    source = open_source(tmp_path / "a.csv")
    (batch,) = source.batches()
    assert batch.column("text").to_pylist() == ["a b"]
    assert "line 4 has 1 field" in source.rejects[0].reason


def test_a_line_too_long_is_counted(tmp_path, monkeypatch):
    long = json.dumps({"text": "x" * 3_000_000}).encode()
    (tmp_path / "a.jsonl").write_bytes(TWO + long + b"\n" + TWO)
    found = []
    lines = read_lines(
        open_bytes(tmp_path / "a.jsonl"), "a", lambda *x: found.append(x), longest=2 << 20
    )
    assert [number for number, _ in lines] == [0, 1, 3, 4]
    assert [number for number, *_ in found] == [2]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_line_too_long_has_the_number_of_its_row(tmp_path, monkeypatch, kind):
    short = partial(read_lines, longest=2 << 20)
    monkeypatch.setattr("isogloss.corpus.files.read_lines", short)
    monkeypatch.setattr("isogloss.corpus.delimited.read_lines", short)
    given = ["a", "x" * 3_000_000, "b", ""]
    if kind == "jsonl":
        lines = ["", *[json.dumps({"text": text}) for text in given]]
    else:
        lines = ["n,text", "", *[f"1,{text}" for text in given]]
    (tmp_path / f"a.{kind}").write_text("\n".join(lines))
    source = open_source(tmp_path / f"a.{kind}", text="text")
    rows = [row for batch in source.batches() for row in batch.column("row").to_pylist()]
    assert rows == [0, 2]
    assert [reject.row for reject in source.rejects] == [1, 3]
    number = lines.index(next(line for line in lines if len(line) > 99)) + 1
    assert source.rejects[0].reason == f"line {number} is longer than 2 MB"


def test_a_frame_with_nan_ids():
    frame = pd.DataFrame({"id": ["a", None], "text": ["one", "two"]})
    kept, found = rejects(frame)
    assert (kept, found) == (1, [(1, "null id")])
