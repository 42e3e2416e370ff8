"""Mistakes in requests are one plain line that says what would be right."""

import json

import pytest


def message(reply, status=400):
    assert reply.status_code == status, reply.text
    told = reply.json()["error"]
    assert told["kind"] == "bad_request" and "\n" not in told["message"]
    return told["message"]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("search?query=cats&wher=year>1", "unknown parameter 'wher': did you mean 'where'?"),
        ("search?query=cats&zzz=1", "unknown parameter 'zzz': known: 'query', 'k'"),
        ("search?query=cats&k=1&k=2", "k is given twice: give it once"),
        ("atlas?x=1", "unknown parameter 'x': this address takes none"),
        ("map/tiles/0/0/0/passing?wher=1", "did you mean 'where'"),
        ("passages/0?start=1", "this address takes none"),
        ("search", "query is missing"),
        ("search?query=a&k=501", "k is 501; 500 at most"),
        ("search?query=a&k=0", "k is 0; 1 at least"),
        ("search?query=a&k=x", "k is 'x'; give a whole number"),
        ("search?query=a&mode=best", "mode is 'best'; give 'hybrid', 'vector' or 'text'"),
        ("search?query=" + "a" * 12_000, "query has 12,000 characters; 10,000 at most"),
        ("search?query=a&where=" + "a" * 25_000, "where has 25,000 characters; 20,000 at most"),
        ("passages/-1", "number is -1; 0 at least"),
        ("export?selection={", "selection is not JSON: it goes wrong at line 1, column 2"),
        ("export?selection=" + "[" * 50_000, "selection is nested too deeply"),
        ("export?selection=" + "1" * 5000, "selection holds a number with thousands of digits"),
        ('export?selection={"limit": 5}', "leave limit out of it"),
        ('export?selection={"topic":1,"offset":0}', "leave offset out of it"),
        ('export?selection={"wher": "a"}', "unknown field 'wher': did you mean 'where'?"),
        ('export?selection={"topic": "a"}', "selection.topic is 'a'; give a whole number"),
    ],
)
def test_addresses(client, path, told):
    assert told in message(client.get(f"/api/{path}"))


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("search", {"query": "a", "wher": "b"}, "unknown field 'wher': did you mean 'where'?"),
        ("search", {"query": "a", "k": 1.5}, "k is 1.5; give a whole number"),
        ("search", {"query": "a", "where": "x" * 25_000}, "where has 25,000 characters; 20,000"),
        ("search", {"query": None}, "query is null; give a string"),
        ("search", [1], "the body is a list; give an object"),
        ("selection", {"polygon": [[0, 0], [1, 1]]}, "polygon has 2 entries; 3 at least"),
        ("selection", {"polygon": [[0, 0], [1, 1], [1, "a"]]}, "polygon[2][1] is 'a'; give a num"),
        ("selection", {"limit": 201}, "limit is 201; 200 at most"),
        ("edits", {"version": 1, "kind": "delete"}, "kind is 'delete'; give 'rename', 'merge'"),
        ("edits", {"version": 1}, "kind is missing; give 'rename', 'merge' or 'split'"),
        ("edits", {"version": 1, "kind": "rename", "topic": 0}, "name is missing"),
        (
            "edits", {"version": 1, "kind": "merge", "topic": [0]},
            "topics is missing",
        ),
        (
            "edits", {"version": 1, "kind": "merge", "topics": [0, 1], "nam": "x"},
            "unknown field 'nam': known: 'version', 'kind', 'topics'",
        ),
        ("edits/undo", {}, "version is missing"),
    ],
)  # fmt: skip
def test_bodies(client, path, body, told):
    assert told in message(client.post(f"/api/{path}", json=body))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "the body is not JSON: it goes wrong at character 2"),
        (b"[" * 200_000, "the body is nested too deeply"),
        (b'{"query": "a", "k": ' + b"1" * 5000 + b"}", "holds a number with thousands of digits"),
        (b'{"query": "\xff"}', "the body is not JSON: it is not UTF-8"),
        (b'{"query": "a", "k": 1' + b"0" * 400 + b"}", "k is a huge number; 500 at most"),
        (b"", "the body is missing"),
    ],
)
def test_what_is_no_json(client, content, told):
    kind = {"content-type": "application/json"}
    assert told in message(client.post("/api/search", content=content, headers=kind))


def test_probes_may_carry_what_they_like(client):
    assert client.get("/health?t=1").status_code == client.get("/?token=a").status_code == 200


def test_nothing_of_pydantic_is_told(client):
    words = ("Input should", "String should", "Value error", "Field required", "body.", "query.")
    for field in ("query", "k", "mode", "where", "topic"):
        for value in (None, True, 1.5, "a", [], {}, -(10**30), "x" * 30_000):
            reply = client.post("/api/search", content=json.dumps({"query": "a", field: value}),
                                headers={"content-type": "application/json"})  # fmt: skip
            if reply.status_code != 200:
                told = message(reply)
                assert not any(word in told for word in words), told
