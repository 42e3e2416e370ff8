"""Every route of atlases that are empty, tiny, or hold values at the ends of their types."""

import json

import numpy as np
import pyarrow as pa
from web_rows import client_of, get, read, refused

from isogloss.app.web.server import make_app
from isogloss.app.web.shapes import LIMITS
from isogloss.atlas import Atlas


def odd_atlas(folder, rows, **options):
    Atlas.build(rows, folder, text="text", id="id", **options)
    return client_of(make_app(folder))


def all_routes_answer(client, passages):
    told = get(client, "/api/atlas")
    assert told["passages"] == passages
    for tile in told["map"]["tiles"]:
        read(client.get(f"/api/map/tiles/{tile['z']}/{tile['x']}/{tile['y']}"))
    get(client, "/api/topics")
    get(client, "/api/edits")
    assert client.post("/api/selection", json={}).json()["count"] == passages
    for form in ("parquet", "csv", "jsonl", "arrow"):
        assert client.get(f"/api/export?format={form}").status_code == 200
    assert client.get("/api/search?query=cats&mode=vector").status_code == 200
    if passages:
        get(client, "/api/passages/0")
        get(client, "/api/passages/0/neighbours")
        get(client, "/api/passages/0/document")
    refused(client.get(f"/api/passages/{passages + 10}"), 404, "not_found")


def test_an_atlas_of_one_passage_without_attributes(tmp_path):
    client = odd_atlas(tmp_path / "one.atlas", [{"id": 2**62, "text": "cats purr"}])
    all_routes_answer(client, 1)
    assert get(client, "/api/passages/0")["id"] == str(2**62)
    assert get(client, "/api/passages/0/neighbours")["hits"] == []
    assert get(client, "/api/atlas")["attributes"] == []


def test_an_atlas_that_was_emptied(tmp_path):
    folder = tmp_path / "none.atlas"
    client = odd_atlas(folder, [{"id": "a", "text": "cats purr", "label": "x"}])
    all_routes_answer(client, 1)
    Atlas.open(folder).delete(ids=["a"])  # beside the server, which opens it again
    all_routes_answer(client, 0)
    assert get(client, "/api/attributes/label")["nulls"] == 0
    assert get(client, "/api/atlas")["map"] == {
        "bounds": [-1, -1, 1, 1], "levels": 0, "tiles": []
    }  # fmt: skip


def test_texts_that_are_long_or_strange(tmp_path):
    word = "a" * 5_000_000
    texts = [word, "nul \x00 byte cats", "\u202egnirts\u202c cats", "<b>cats</b>\r\n\u2028x"]
    rows = [{"id": n, "text": text, "note": text[:300]} for n, text in enumerate(texts)]
    client = odd_atlas(tmp_path / "strange.atlas", rows)
    all_routes_answer(client, 4)
    told = get(client, "/api/passages/0")
    assert told["text"] == word[: LIMITS["text"]] and told["text_length"] == 5_000_000
    assert get(client, "/api/passages/0/text", start=4_999_990)["text"] == "a" * 10
    hits = get(client, "/api/search", query="cats", k=4, mode="vector")["hits"]
    assert all(len(hit["text"]) <= 600 for hit in hits)
    assert {hit["passage"]: hit["text_length"] for hit in hits}.get(0, 5_000_000) == 5_000_000
    stored = {n: text.as_py() for n, text in enumerate(column_of(tmp_path / "strange.atlas"))}
    for number in (1, 2, 3):
        assert get(client, f"/api/passages/{number}")["text"] == stored[number]
    assert "<b>cats</b>" in stored[3] and "\u202e" in stored[2]


def column_of(folder):
    table = pa.Table.from_batches(list(Atlas.open(folder).passages(["passage", "text"])))
    return table.sort_by("passage")["text"]


def test_attributes_at_the_ends_of_their_types(tmp_path):
    rows = pa.table({
        "id": list(range(6)), "text": [f"cats purr {word}" for word in "abcdef"],
        "snow": pa.array([2**62 + n for n in range(6)]),
        "huge": [1e308, -1e308, float("inf"), float("-inf"), float("nan"), None],
        "tiny": [5e-324, 0.0, 1e-300, None, 2e-300, 0.0], "flat": [7.5] * 6,
        "day": pa.array([-719_162, 2_932_896, 0, None, 1, 2], pa.date32()),
        "moment": pa.array([-(2**62), 2**62, 0, None, 1, 2], pa.timestamp("ns")),
        "none": pa.nulls(6, pa.string()), "flag": [True, False, None, True, True, False],
        "said": ["1066", "2999-12-31", "", None, "1900-01", " 2000-02-29 "],
    })  # fmt: skip
    client = odd_atlas(tmp_path / "ends.atlas", rows)
    for name in rows.schema.names[2:]:
        told = get(client, f"/api/attributes/{name}")
        tile = client.get("/api/map/tiles/0/0/0/attribute", params={"name": name})
        values = read(tile)["value"]
        if told["kind"] != "category":
            known = [value for value in values.to_pylist() if not np.isnan(value)]
            assert all(0 <= value <= 1 for value in known + told["quantiles"]), name
            assert len(known) == 6 - told["nulls"]
        for path in ("over", "by"):
            reply = client.get(f"/api/topics/{path}", params={"column": name})
            assert reply.status_code in (200, 400, 404), (name, path, reply.text)
    assert get(client, "/api/attributes/huge")["high"] == 1e308
    snow = get(client, "/api/attributes/snow")
    assert (snow["low"], snow["high"]) == (str(2**62), str(2**62 + 5))
    hits = get(client, "/api/search", query="cats", k=6)["hits"]
    rows = client.post("/api/selection", json={}).json()["rows"]
    for found in (hits, rows, [get(client, f"/api/passages/{n}") for n in range(6)]):
        told = {one["passage"]: one["attributes"] for one in found}
        assert [told[n]["snow"] for n in range(6)] == [str(2**62 + n) for n in range(6)]
        assert [told[n]["huge"] for n in range(2, 6)] == ["Infinity", "-Infinity", None, None]
    line = json.loads(client.get("/api/export?format=jsonl").text.splitlines()[3])
    assert (line["huge"], line["snow"]) == ("-Infinity", 2**62 + 3)
    assert get(client, "/api/attributes/said")["kind"] == "time"
    all_routes_answer(client, 6)


def test_ids_beyond_what_javascript_holds(tmp_path):
    ids = [2**53, 2**53 + 1, -(2**60), 7]
    rows = pa.table({"id": ids, "text": [f"cats purr {word}" for word in "abcd"]})
    client = odd_atlas(tmp_path / "ids.atlas", rows)
    told = [2**53, str(2**53 + 1), str(-(2**60)), 7]
    assert [get(client, f"/api/passages/{n}")["id"] for n in range(4)] == told
    hits = get(client, "/api/search", query="cats", k=4)["hits"]
    assert [one["id"] for one in sorted(hits, key=lambda hit: hit["passage"])] == told
    assert [one["id"] for one in client.post("/api/selection", json={}).json()["rows"]] == told
