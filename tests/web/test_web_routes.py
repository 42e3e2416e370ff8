"""Every route by hand-made values."""

import json
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pytest
from web_rows import ADDRESS, STRANGE, client_of, get, read, refused


def test_atlas(client, atlas):
    told = get(client, "/api/atlas")
    manifest = atlas.manifest
    assert (told["name"], told["passages"], told["documents"]) == ("stränge näme", 240, 240)
    assert told["version"] == manifest.version and told["editable"] is True
    assert told["encoder"] == {"spec": "lexical", "dim": manifest.encoder["dim"]}
    assert (told["topics"], told["unassigned"]) == (manifest.topics, manifest.unassigned)
    x0, y0, x1, y1 = told["map"]["bounds"]
    assert x1 - x0 == y1 - y0 >= 2 and told["map"]["levels"] == 1
    assert told["map"]["tiles"] == [{"z": 0, "x": 0, "y": 0, "points": 240}]
    assert (told["undo"], told["redo"]) == (False, False)
    assert told["limits"]["selection_rows"] == 200
    kinds = {one["name"]: (one["type"], one["kind"], one["distinct"]) for one in told["attributes"]}
    assert kinds == {
        "label": ("string", "category", 3), "year": ("int16", "number", None),
        "score": ("double", "number", None), "day": ("date32[day]", "time", None),
        "tags": (kinds["tags"][0], "list", None), "many": ("string", "category", 60),
        "title": ("string", "text", None), "x": ("int64", "number", None),
    }  # fmt: skip


def test_topics(client, atlas):
    told = get(client, "/api/topics")
    plain = atlas.topics.to_json()
    assert [{name: one[name] for name in plain[0]} for one in told["topics"]] == plain
    found = atlas.map.topic_places(
        atlas.vectors.live.numbers * 0 + column(atlas, "topic"), atlas.topics
    )
    for topic in told["topics"]:
        assert topic["path"] == atlas.topics.path(topic["id"])
        assert topic["place"] == pytest.approx(found.places[topic["id"]].tolist())
        assert topic["spread"] == pytest.approx(float(found.spread[topic["id"]]))


def column(atlas, name):
    names = sorted({"passage", name})
    table = pa.Table.from_batches(list(atlas.passages(names))).sort_by("passage")
    return table[name].to_numpy()


def test_tile(client, atlas):
    tile = read(client.get("/api/map/tiles/0/0/0"))
    assert tile.schema == pa.schema([
        ("x", pa.uint16()), ("y", pa.uint16()), ("passage", pa.uint32()), ("topic", pa.int32())
    ])  # fmt: skip
    assert sorted(tile["passage"].to_pylist()) == list(range(240))
    topics = dict(zip(column(atlas, "passage"), column(atlas, "topic"), strict=True))
    assert tile["topic"].to_pylist() == [topics[n] for n in tile["passage"].to_pylist()]
    x0, _, x1, _ = get(client, "/api/atlas")["map"]["bounds"]
    drawn = tile["x"].to_numpy() / 65536 * (x1 - x0) + x0
    places = atlas.map.of(tile["passage"].to_pylist())
    assert np.abs(drawn - places[:, 0]).max() < 1e-4


def test_tiles_are_kept_by_clients(client):
    for path in ("", "/attribute?name=label", "/passing?where=year=1990"):
        first = client.get(f"/api/map/tiles/0/0/0{path}")
        assert first.headers["cache-control"] == "private, no-cache"
        tag = first.headers["etag"]
        again = client.get(f"/api/map/tiles/0/0/0{path}", headers={"if-none-match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        other = client.get(f"/api/map/tiles/0/0/0{path}", headers={"if-none-match": '"x"'})
        assert other.content == first.content


def test_tiles_that_are_not_there(client):
    refused(client.get("/api/map/tiles/1/0/0"), 404, "not_found")
    refused(client.get("/api/map/tiles/1/0/0/attribute?name=label"), 404, "not_found")
    refused(client.get("/api/map/tiles/1/0/0/passing"), 404, "not_found")
    for path in ("17/0/0", "-1/0/0", "0/0/x", "0/65536/0", "0/0/1e3", "0/0/9999999999999999999"):
        refused(client.get(f"/api/map/tiles/{path}"), 400)


def test_categories(client, atlas):
    told = get(client, "/api/attributes/label")
    assert told["categories"] == [
        {"value": "cats", "count": 80}, {"value": "money", "count": 80},
        {"value": "space", "count": 79},
    ]  # fmt: skip
    assert (told["others"], told["nulls"], told["low"], told["quantiles"]) == (0, 1, None, [])
    tile = read(client.get("/api/map/tiles/0/0/0"))["passage"].to_pylist()
    codes = read(client.get("/api/map/tiles/0/0/0/attribute?name=label"))["value"]
    assert codes.type == pa.int32()
    expected = {0: 0, 1: 2, 2: 1, 7: -1}
    got = dict(zip(tile, codes.to_pylist(), strict=True))
    assert {number: got[number] for number in expected} == expected
    many = get(client, "/api/attributes/many")
    assert [one["value"] for one in many["categories"]] == [f"value {n:02d}" for n in range(50)]
    assert many["others"] == 40
    codes = read(client.get("/api/map/tiles/0/0/0/attribute?name=many"))["value"].to_pylist()
    got = dict(zip(tile, codes, strict=True))
    assert (got[3], got[49], got[50], got[119]) == (3, 49, -2, -2)


def test_numbers_and_times(client):
    tile = read(client.get("/api/map/tiles/0/0/0"))["passage"].to_pylist()

    def values(name):
        found = read(client.get("/api/map/tiles/0/0/0/attribute", params={"name": name}))["value"]
        assert found.type == pa.float32()
        return dict(zip(tile, found.to_pylist(), strict=True))

    year = get(client, "/api/attributes/year")
    assert (year["low"], year["high"], year["nulls"], year["categories"]) == (1990, 2001, 0, [])
    assert len(year["quantiles"]) == 21 and year["quantiles"][10] == pytest.approx(0.5)
    assert values("year")[3] == pytest.approx(3 / 11)
    score = get(client, "/api/attributes/score")
    assert (score["low"], score["high"], score["nulls"]) == (0.0, 239 / 8, 1)
    got = values("score")
    assert np.isnan(got[3]) and got[4] == 1.0 and got[8] == pytest.approx(8 / 239)
    day = get(client, "/api/attributes/day")
    assert (day["kind"], day["low"], day["high"]) == ("time", "2001-01-01", "2001-12-28")
    assert np.isnan(values("day")[5]) and values("day")[0] == 0.0


def test_attributes_that_give_no_colours(client):
    assert get(client, "/api/attributes/title")["categories"] == []
    assert get(client, "/api/attributes/tags")["kind"] == "list"
    for name in ("title", "tags"):
        refused(client.get("/api/map/tiles/0/0/0/attribute", params={"name": name}), 400)
    for name in ("zz", "text", "vector", "..", "a/b", "%00", "label'"):
        refused(client.get(f"/api/attributes/{quote(name, safe='')}"), 404, "not_found")
    refused(client.get("/api/map/tiles/0/0/0/attribute"), 400)


@pytest.mark.parametrize("mode", ["hybrid", "vector", "text"])
def test_search_is_that_of_the_command_line(client, atlas, mode):
    options = {"k": 4, "mode": mode, "where": "year >= 1992"}
    told = get(client, "/api/search", query="cats purr", **options)
    result = atlas.search("cats purr", **options).to_json()
    assert told["strategy"] == result["strategy"] and told["seconds"] > 0
    for hit, plain in zip(told["hits"], result["hits"], strict=True):
        assert {name: hit[name] for name in plain} == json.loads(json.dumps(plain))
        assert [hit["x"], hit["y"]] == atlas.map.of([hit["passage"]])[0].tolist()
        assert hit["path"] == atlas.topics.path(hit["topic"])
    posted = client.post("/api/search", json={"query": "cats purr", **options}).json()
    assert posted["hits"] == told["hits"]


def test_search_below_a_topic(client, atlas):
    for topic in range(len(atlas.topics)):
        hits = get(client, "/api/search", query="cats stars shares", k=30, topic=topic)["hits"]
        assert hits and all(topic in hit["path"] for hit in hits)
    where = "year = 1990 OR year = 1991"
    hits = get(client, "/api/search", query="cats", k=50, topic=0, where=where)["hits"]
    assert hits and all(hit["attributes"]["year"] < 1992 and 0 in hit["path"] for hit in hits)
    refused(client.get("/api/search?query=cats&topic=99"), 404, "not_found")
    escape = "year = 1) OR (year > 0"
    refused(client.get("/api/search", params={"query": "a", "topic": 0, "where": escape}), 400)


@pytest.mark.parametrize(
    "params",
    [
        {}, {"query": ""}, {"query": "  "}, {"query": "a", "k": 0}, {"query": "a", "k": 501},
        {"query": "a", "k": "x"}, {"query": "a", "mode": "magic"}, {"query": "x" * 10_001},
        {"query": "a", "where": "nothing = 1"}, {"query": "a", "where": "label = 'x"},
        {"query": "a", "where": ""}, {"query": "a", "where": "(" * 9000},
        {"query": "a", "topic": "b"},
    ],
)  # fmt: skip
def test_searches_that_are_mistakes(client, params):
    refused(client.get("/api/search", params=params), 400)


def test_queries_are_text(client):
    for query in ("cats AND (", '"purr', "a:b^3*", "\x00", "؟ cats", "🐈" * 50, "%", "-cats"):
        assert client.get("/api/search", params={"query": query}).status_code == 200
    body = b'{"query": "\\ud800 cats"}'
    reply = client.post("/api/search", content=body, headers={"content-type": "application/json"})
    assert reply.status_code in (200, 400)


def test_passages(client, atlas):
    told = get(client, "/api/passages/10")
    assert told["text"] == STRANGE[0] and told["text_length"] == len(STRANGE[0])
    assert (told["id"], told["document"], told["passage"]) == ("d10", 10, 10)
    assert told["attributes"] == {
        "label": "space", "year": 2000, "score": 1.25, "day": "2001-11-11", "tags": [],
        "many": "value 10", "title": "space 10 " + "long " * 10, "x": 10,
    }  # fmt: skip
    assert told["membership"] == pytest.approx(float(column(atlas, "membership")[10]))
    assert [told["x"], told["y"]] == atlas.map.of([10])[0].tolist()
    assert get(client, "/api/passages/7")["attributes"]["label"] is None
    refused(client.get("/api/passages/240"), 404, "not_found")
    for wrong in ("-1", "x", "1.5", "99999999999999999999", "%20"):
        refused(client.get(f"/api/passages/{wrong}"), 400)


def test_parts_of_a_text(client):
    rtl = STRANGE[1]
    told = get(client, "/api/passages/11/text", start=7, length=9)
    assert told["text"] == rtl[7:16] and told["text_length"] == len(rtl) and told["start"] == 7
    assert get(client, "/api/passages/11/text", start=9999)["text"] == ""
    refused(client.get("/api/passages/11/text?length=20001"), 400)
    refused(client.get("/api/passages/11/text?start=-1"), 400)
    refused(client.get("/api/passages/999/text"), 404, "not_found")


def test_document_of_one_passage(client):
    told = get(client, "/api/passages/12/document")
    assert (told["document"], told["of"]) == (12, 1)
    assert told["passages"] == [{
        "passage": 12, "position": 0, "text": STRANGE[2], "text_length": len(STRANGE[2]),
        "current": True,
    }]  # fmt: skip


def test_neighbours(client, atlas):
    told = get(client, "/api/passages/30/neighbours", k=5, where="year < 1996")
    vectors = np.stack(column(atlas, "vector")).astype(np.float64)
    years = column(atlas, "year")
    cosine = vectors @ vectors[30]
    cosine[(years >= 1996) | (np.arange(240) == 30)] = -2
    best = np.lexsort((np.arange(240), -cosine))[:5]
    assert [hit["passage"] for hit in told["hits"]] == best.tolist()
    assert told["hits"][0]["score"] == pytest.approx(cosine[best[0]])
    assert len(get(client, "/api/passages/30/neighbours", k=500)["hits"]) == 239
    refused(client.get("/api/passages/240/neighbours"), 404, "not_found")


def test_topics_over_and_by(client, atlas):
    told = get(client, "/api/topics/over", column="day", bins=4)
    plain = atlas.topics_over("day", bins=4, words=0).to_json()
    assert (told["periods"], told["missing"]) == (plain["periods"], 1)
    assert told["topics"][0]["counts"] == plain["topics"][0]["counts"]
    told = get(client, "/api/topics/by", column="label")
    assert [one["value"] for one in told["classes"]] == ["cats", "money", "space"]
    refused(client.get("/api/topics/over?column=nothing"), 404, "not_found")
    refused(client.get("/api/topics/over?column=day&bins=0"), 400)
    for path in ("over?column=title", "over?column=tags", "by?column=x"):
        assert client.get(f"/api/topics/{path}").status_code in (400, 404)


def test_state(client):
    assert get(client, "/health") == {"status": "ok"}
    assert get(client, "/ready") == {"status": "ready"}
    client.get("/api/passages/1")
    client.get("/api/made/up/by/a/client")
    text = client.get("/metrics").text
    assert 'isogloss_requests_total{route="/api/passages/{number}",status="200"}' in text
    assert "made" not in text and "isogloss_atlas_passages 240" in text
    assert 'isogloss_pool_refused{pool="search"} 0' in text


def test_page(client):
    reply = client.get("/")
    assert reply.status_code == 200
    if "is not part of this installation" in reply.text:
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    else:
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
    refused(client.post("/"), 415, "unsupported_type")
    refused(client.delete("/api/atlas"), 405, "method_not_allowed")
    refused(client.get("/api/atlas/"), 404, "not_found")


def test_page_files_come_from_a_list(tmp_path):
    from isogloss.app.web.page import page_router, read_files

    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<p>page")
    (page / "assets" / "a-1.js").write_text("1")
    (page / ".secret.js").write_text("2")
    (page / "notes.py").write_text("3")
    (tmp_path / "outside.js").write_text("4")
    (page / "link.js").symlink_to(tmp_path / "outside.js")
    files = read_files(page)
    assert sorted(files) == ["/assets/a-1.js", "/index.html"]
    from fastapi import FastAPI

    app = FastAPI()
    app.include_router(page_router(files))
    client = client_of(app)
    assert client.get("/").text == "<p>page"
    reply = client.get("/assets/a-1.js")
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    tag = {"if-none-match": reply.headers["etag"]}
    assert client.get("/assets/a-1.js", headers=tag).status_code == 304
    for path in ("/assets/../index.html", "/assets/%2e%2e/index.html", "/assets/", "/link.js"):
        assert client.get(path).status_code in (200, 404)
        assert client.get(path).text != "4"


def test_no_answer_runs_in_a_browser(client):
    for path in ("/api/passages/10", "/api/search?query=kittens", "/api/export?format=csv"):
        headers = client.get(path).headers
        assert not headers["content-type"].startswith("text/html")
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] in ("no-store", "private, no-cache")


def test_the_description_is_whole(client):
    told = client.get("/api/openapi.json").json()
    assert ADDRESS and "/api/map/tiles/{z}/{x}/{y}/passing" in told["paths"]
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            assert "4XX" in operation["responses"] and "422" not in operation["responses"]
            good = operation["responses"]["200"]["content"]
            assert good, (path, method)
            schema = good.get("application/json", {}).get("schema")
            assert schema != {}, (path, method)


def test_methods(client):
    for path in ("/api/atlas", "/api/topics", "/api/search?query=cats", "/", "/health", "/metrics",
                 "/api/map/tiles/0/0/0", "/api/passages/0", "/api/openapi.json"):  # fmt: skip
        told, asked = client.get(path), client.head(path)
        assert (asked.status_code, asked.content) == (told.status_code, b""), path
        assert asked.headers["content-type"] == told.headers["content-type"]
        if path not in ("/metrics", "/api/search?query=cats"):
            assert asked.headers["content-length"] == told.headers["content-length"]
    export = client.head("/api/export?format=csv")
    assert export.status_code == 200 and "attachment" in export.headers["content-disposition"]
    assert client.head("/api/nothing").status_code == 404
    for method in ("PUT", "PATCH", "DELETE"):
        for more in ({}, {"content": b"abc"}, {"json": {}}):
            reply = client.request(method, "/api/atlas", **more)
            assert refused(reply, 405, "method_not_allowed")


def test_columns_that_do_not_fit(client):
    for path in ("over?column=tags", "over?column=label", "by?column=title"):
        refused(client.get(f"/api/topics/{path}"), 400)
        missing = path.partition("=")[0] + "=nothing"
        refused(client.get(f"/api/topics/{missing}"), 404, "not_found")
