"""What stdin gives: the same as a file, as its first line looks."""

import io
import json

import pytest

from isogloss._core.errors import SourceError
from isogloss.corpus import open_source

ROWS = [
    {"id": "a", "text": "one two three", "year": 1990, "score": 0.5, "on": True, "tags": ["x"]},
    {"id": "b", "text": "four \u00e9l\u00e8ve \u0939\u093f\u0928\u094d\u0926\u0940", "year": 1991,
     "score": None, "on": False, "tags": []},
    {"id": "c", "text": "seven\neight, \"nine\"", "year": None, "score": 2.0, "on": None,
     "tags": None},
]  # fmt: skip


def read(source):
    opened = open_source(source)
    return opened, [row for batch in opened.batches() for row in batch.to_pylist()]


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_a_table_on_stdin_is_no_list_of_lines(monkeypatch, mark):
    lines = ["id{0}text{0}n", "7{0}a cat{0}1", '8{0}"a dog,\nand a ""cow"""{0}2', "9{0}{0}3"]
    piped = "\n".join(line.format(mark) for line in lines).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped)))
    source = open_source("-")
    rows = [row for batch in source.batches() for row in batch.to_pylist()]
    assert [(row["id"], row["text"], row["n"]) for row in rows] == [
        (7, "a cat", 1), (8, 'a dog,\nand a "cow"', 2),
    ]  # fmt: skip
    assert [(reject.file, reject.row) for reject in source.rejects] == [("stdin", 2)]


def pipe(monkeypatch, piped):
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(piped)))
    monkeypatch.setattr("sys.stdin", stdin)
    return read("-")


ARRAYS = {
    "one line": json.dumps(ROWS),
    "pretty": json.dumps(ROWS, indent=2),
    "blank lines": "\n\n" + json.dumps(ROWS, indent=1) + "\n",
    "mark": "\ufeff" + json.dumps(ROWS),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_on_stdin_is_read_as_in_a_file(monkeypatch, tmp_path, name):
    (tmp_path / "a.json").write_text(ARRAYS[name], encoding="utf-8")
    in_file, rows = read(tmp_path / "a.json")
    source, found = pipe(monkeypatch, ARRAYS[name].encode())
    assert [{k: v for k, v in row.items() if k != "row"} for row in found] == ROWS
    assert (found, source.schema) == (rows, in_file.schema)


@pytest.mark.parametrize("broken", ['[{"text": "a"', '[{"text": "a"}]\n[{"text": "b"}]\n'])
def test_a_broken_array_on_stdin_is_refused(monkeypatch, broken):
    with pytest.raises(SourceError, match="stdin is not JSON: "):
        pipe(monkeypatch, broken.encode())


@pytest.mark.parametrize("first", ["[sic] he said", "[1, 2]", '["a", "b"]', "[{{cite web}}]", "["])
def test_lines_in_brackets_stay_lines(monkeypatch, first):
    _, rows = pipe(monkeypatch, f"{first}\nanother line\n".encode())
    assert [row["text"] for row in rows] == [first, "another line"]


def test_rows_of_stdin_count_as_in_a_file(monkeypatch, tmp_path):
    lines = [b"[]", b'{"text": null}', b'{"text": "a"}', b"{", b'{"text": ""}', b"7"]
    lines = [b'{"text": "first"}', *lines, *[b'{"text": "b"}'] * 2500, b"8"]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    in_file, rows = read(tmp_path / "a.jsonl")
    source, found = pipe(monkeypatch, b"\n".join(lines))
    assert found == rows
    assert [row["row"] for row in found[:3]] == [0, 3, 7]
    told = [(reject.row, reject.reason) for reject in in_file.rejects]
    assert [(reject.row, reject.reason) for reject in source.rejects] == told
    assert len(found) + source.rejected == len(lines)


@pytest.mark.parametrize("line", ["caf\xe9", '{"text": "caf\xe9"}'])
def test_repairs_on_stdin_are_counted(monkeypatch, line):
    piped = f"{line}\n{line}\n".encode("cp1252")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped)))
    source = open_source("-")
    rows = [row for batch in source.batches() for row in batch.to_pylist()]
    assert [row["text"] for row in rows] == ["caf\xe9", "caf\xe9"]
    assert source.repairs == {"invalid UTF-8": 2}


@pytest.mark.parametrize("first", ["Well, hello, you", "id, please", "text", "a text, an id"])
def test_lines_with_commas_stay_lines(monkeypatch, first):
    piped = f"{first}\nanother line\n".encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped)))
    rows = [row for batch in open_source("-").batches() for row in batch.to_pylist()]
    assert [row["text"] for row in rows] == [first, "another line"]
