"""Selections, masks and exports against slow references and the atlas itself."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_rows import read

from isogloss.app.web import export
from isogloss.app.web.export import column_names
from isogloss.app.web.selection import ByHeight, filterable
from isogloss.app.web.shapes import SelectionParts
from isogloss.search.filters import read_filter, to_mask

GRID = st.sampled_from([-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0]) | st.floats(-1.25, 1.25, width=32)
CORNERS = st.lists(st.tuples(GRID, GRID), min_size=3, max_size=12)


def inside(x, y, corners):
    """The even-odd rule, a point at a time; edges count as inside."""
    odd = False
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        between = min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1)
        if between and (x1 - x0) * (y - y0) == (x - x0) * (y1 - y0):
            return True
        if (y0 > y) != (y1 > y) and x < (x1 - x0) / (y1 - y0) * (y - y0) + x0:
            odd = not odd
    return odd


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(GRID, GRID), max_size=25), CORNERS)
def test_polygons_by_the_even_odd_rule(places, corners):
    array = np.array(places, np.float32).reshape(-1, 2)
    found = ByHeight(array).inside(corners).tolist()
    assert found == [inside(float(x), float(y), corners) for x, y in array.tolist()]


def test_edges_count_as_inside(client):
    square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    edges = [[0, 0], [1, 1], [0.5, 0], [0.5, 1], [0, 0.25], [1, 0.25], [0, 1], [1, 0]]
    points = np.array([*edges, [1.01, 0], [-0.01, 1], [2, 1], [-1, 0]], np.float32)
    for corners in (square, square[::-1], square[1:] + square[:1]):
        assert ByHeight(points).inside(corners).tolist() == [True] * 8 + [False] * 4
    corner = [[0, 0], [1, 0.5], [0, 1]]
    assert ByHeight(np.array([[0.5, 0.25], [0.5, 0.75]], np.float32)).inside(corner).all()
    x0, y0, x1, y1 = client.get("/api/atlas").json()["map"]["bounds"]
    whole = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    assert client.post("/api/selection", json={"polygon": whole}).json()["count"] == 240


def test_a_star_is_hollow():
    star = [[0, 1], [0.6, -0.8], [-1, 0.3], [1, 0.3], [-0.6, -0.8]]
    points = np.array([[0, 0], [0, 0.6], [0.9, 0.9]], np.float32)
    assert ByHeight(points).inside(star).tolist() == [False, True, False]


WHERE = [
    "label = 'cats'", "year >= 1995 AND NOT label = 'money'", "score IS NULL", "NOT score < 10",
    "tags HAS 'space'", "day > '2001-06-15' OR id = 'd3'", "topic = 0", "label LIKE '%a%'",
    "x BETWEEN 5 AND 9", "label IS NOT NULL AND year IN (1990, 1991)",
]  # fmt: skip


@pytest.mark.parametrize("where", WHERE)
def test_masks_are_those_of_the_filter_language(client, atlas, explorer, where):
    names = ["passage", "id", "topic", *atlas.manifest.attributes]
    table = pa.Table.from_batches(list(atlas.passages(names))).sort_by("passage")
    view = explorer.current
    node = read_filter(where, filterable(view), below=atlas._leaves_below())
    expected = dict(zip(table["passage"].to_pylist(), to_mask(node, table).tolist(), strict=True))
    got = {}
    for z, x, y in view.points.tree.tiles:
        address = f"/api/map/tiles/{z}/{x}/{y}"
        numbers = read(client.get(address))["passage"].to_pylist()
        held = read(client.get(f"{address}/passing", params={"where": where}))["passing"]
        got |= dict(zip(numbers, held.to_pylist(), strict=True))
    assert got == expected
    reply = client.post("/api/selection", json={"where": where, "limit": 200}).json()
    passing = [number for number, held in expected.items() if held]
    assert reply["count"] == len(passing)
    assert [row["passage"] for row in reply["rows"]] == passing[:200]


@pytest.mark.parametrize("where", ["topic = 99", "NOT topic IN (0, 99)", "year > 0 OR topic != 99"])
def test_a_filter_on_an_unknown_topic_is_refused_as_in_python(client, where):
    replies = [
        client.get("/api/search", params={"query": "moon", "where": where}),
        client.get("/api/passages/0/neighbours", params={"where": where}),
        client.post("/api/selection", json={"where": where}),
    ]
    for reply in replies:
        assert reply.status_code == 400, reply.text
        assert "there is no topic 99; topics are 0.." in reply.text


def test_parts_are_joined_and_paged(client, explorer):
    points = explorer.current.points
    edge = float(np.median(points.coordinates[points.topics == 0, 0]))
    polygon = [[-1, -1.5], [edge, -1.5], [edge, 1.5], [-1, 1.5]]
    wanted = [
        int(number)
        for number, (x, _), topic in zip(
            points.numbers, points.coordinates, points.topics, strict=True
        )
        if x < edge and topic == 0 and number in range(0, 240, 2)
    ]
    body = {"polygon": polygon, "topic": 0, "passages": list(range(0, 1000, 2)), "limit": 7}
    found, counted, offset = [], None, 0
    while offset is not None:
        reply = client.post("/api/selection", json=body | {"offset": offset}).json()
        found += [row["passage"] for row in reply["rows"]]
        offset, counted = reply["next"], reply["count"]
        assert reply["topics"] == ([{"topic": 0, "count": counted}] if counted else [])
    assert wanted and found == wanted and counted == len(wanted)
    row = reply["rows"][-1]
    place = points.place(row["passage"])
    assert [row["x"], row["y"]] == points.coordinates[place].tolist()


def test_everything_and_nothing(client):
    reply = client.post("/api/selection", json={"limit": 0}).json()
    assert (reply["count"], reply["rows"], reply["next"]) == (240, [], 0)
    assert sum(topic["count"] for topic in reply["topics"]) == 240
    reply = client.post("/api/selection", json={"passages": [], "polygon": None}).json()
    assert reply == {
        "version": reply["version"],
        "count": 0,
        "rows": [],
        "next": None,
        "topics": [],
    }


@pytest.mark.parametrize(
    "body",
    [
        {"polygon": [[0, 0], [1, 1]]}, {"polygon": [[0, 0]] * 501}, {"polygon": [[0], [1], [2]]},
        {"polygon": [[0, "1"], [1, 1], [2, 2]]}, {"topic": "0"}, {"where": "label ="},
        {"limit": 201}, {"limit": -1}, {"offset": 1.5}, {"passages": [-1]}, {"passages": [2**63]},
        {"unknown": 1}, {"topic": 1.0}, [], "text", 3,
    ],
)  # fmt: skip
def test_what_a_selection_cannot_be(client, body):
    reply = client.post("/api/selection", json=body)
    assert reply.status_code == 400 and reply.json()["error"]["kind"] == "bad_request"


def test_bodies_that_are_no_json(client):
    for content in (b"", b"{", b'{"polygon": [[NaN,0],[1,1],[2,2]]}', b"\xff", b"[" * 100_000):
        reply = client.post(
            "/api/selection", content=content, headers={"content-type": "application/json"}
        )
        assert reply.status_code == 400, content[:20]


def exported(client, form, selection=None):
    params = {"format": form} | ({"selection": json.dumps(selection)} if selection else {})
    reply = client.get("/api/export", params=params)
    assert reply.status_code == 200, reply.text
    return reply


@pytest.fixture(scope="module")
def whole(atlas, explorer):
    """What an export of everything must hold."""
    names = ["id", "passage", "text", "topic", "membership", *atlas.manifest.attributes]
    table = pa.Table.from_batches(list(atlas.passages(names))).sort_by("passage")
    points = explorer.current.points
    labels = [atlas.topics.labels[t] if t >= 0 else None for t in table["topic"].to_pylist()]
    own = {
        "topic_label": pa.array(labels, pa.string()), "map_x": pa.array(points.coordinates[:, 0]),
        "map_y": pa.array(points.coordinates[:, 1]),
    }  # fmt: skip
    for name, column in own.items():
        table = table.append_column(name, column)
    order = ["id", "passage", "text", "topic", "topic_label", "membership", "map_x", "map_y"]
    return table.select([*order, *atlas.manifest.attributes])


def test_parquet_keeps_values_and_types(client, whole, monkeypatch):
    monkeypatch.setattr(export, "BATCH", 50)
    monkeypatch.setattr(export, "GROUP_ROWS", 100)
    reply = exported(client, "parquet")
    file = pq.ParquetFile(io.BytesIO(reply.content))
    assert file.num_row_groups == 3
    assert file.read().equals(whole)
    assert 'filename="str_nge_n_me.parquet"' in reply.headers["content-disposition"]


def test_arrow_keeps_values_and_types(client, whole, monkeypatch):
    monkeypatch.setattr(export, "BATCH", 50)
    found = pa.ipc.open_stream(exported(client, "arrow").content).read_all()
    assert found.equals(whole)


def test_csv_keeps_texts_as_they_are(client, whole):
    content = exported(client, "csv").content
    types = {name: whole.schema.field(name).type for name in whole.schema.names if name != "tags"}
    found = pa.csv.read_csv(
        io.BytesIO(content),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    for name in types:
        if name not in ("membership", "map_x", "map_y"):
            assert found[name].equals(whole[name]), name
    assert [json.loads(tags) for tags in found["tags"].to_pylist()] == whole["tags"].to_pylist()
    assert '"=HYPERLINK(""http://evil.example"",""stocks"")' in content.decode()


def test_json_lines(client, whole):
    lines = [json.loads(line) for line in exported(client, "jsonl").text.splitlines()]
    assert [line["id"] for line in lines] == whole["id"].to_pylist()
    assert lines[3]["score"] is None and lines[4]["score"] == "Infinity"
    assert lines[6]["day"] == whole["day"][6].as_py().isoformat()
    assert lines[11]["text"] == whole["text"][11].as_py() and lines[11]["tags"] == ["money", "all"]
    assert list(lines[0]) == whole.schema.names


def test_export_of_a_selection(client, whole):
    selection = {"where": "label = 'cats'", "topic": None}
    found = pq.read_table(io.BytesIO(exported(client, "parquet", selection).content))
    cats = pa.compute.equal(whole["label"], "cats")
    assert found.equals(whole.filter(cats))
    nothing = exported(client, "parquet", {"passages": []})
    assert pq.read_table(io.BytesIO(nothing.content)).schema.equals(whole.schema)
    assert exported(client, "jsonl", {"passages": []}).content == b""
    assert exported(client, "csv", {"passages": []}).text.count("\n") == 1


@pytest.mark.parametrize("selection", ["{", "[]", '{"polygon": 3}', '{"a": 1}', "[" * 15_000, ""])
def test_export_of_what_is_no_selection(client, selection):
    reply = client.get("/api/export", params={"selection": selection})
    assert reply.status_code == 400 and reply.json()["error"]["kind"] == "bad_request"


def test_an_export_may_be_left(explorer):
    view, places = explorer.current, explorer._opened.selections.places(SelectionParts())
    pieces = export.write(view, places, "jsonl")
    assert b"d0" in next(pieces)
    pieces.close()


@pytest.mark.parametrize(
    ("attributes", "names"),
    [
        ([], ["label", "x", "y"]), (["y"], ["label", "map_x", "map_y"]),
        (["label", "topic_label"], ["topic_label_", "x", "y"]),
        (["x", "map_y"], ["label", "map_x_", "map_y_"]), (["map_x"], ["label", "x", "y"]),
    ],
)  # fmt: skip
def test_the_places_keep_together(attributes, names):
    manifest = SimpleNamespace(attributes=attributes)
    view = SimpleNamespace(atlas=SimpleNamespace(manifest=manifest))
    assert list(column_names(view).values()) == names
