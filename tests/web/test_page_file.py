"""The page as one file: what is inside, what is refused, and that nothing in it can break out."""

import json
import re
import shutil
import zlib
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import isogloss as ig
from isogloss._core.errors import FilterError, ParameterError
from isogloss.app.web import page_export
from isogloss.app.web.page import FOLDER
from isogloss.app.web.page_data import Column, nearest, packed_arrays, packed_json
from isogloss.app.web.page_export import export_page
from isogloss.app.web.server import make_app
from isogloss.app.web.single_page import PageError, read_shell, safe_script, safe_style

INDEX = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Isogloss</title>
    <link rel="icon" href="./assets/icon.svg" type="image/svg+xml" />
    <script type="module" crossorigin src="./assets/page.js"></script>
    <link rel="stylesheet" crossorigin href="./assets/style.css">
  </head>
  <body>
    <div id="app"></div>
  </body>
</html>
"""
SCRIPT = """
const inflate = async (name) => {
  const bytes = Uint8Array.from(atob(document.getElementById("isogloss-" + name).textContent),
    (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
};
const read = async (name) => JSON.parse(new TextDecoder().decode(await inflate(name)));
const index = await read("index");
const texts = [];
for (const { name } of index.blocks.texts) texts.push(...await read(name));
const at = Object.fromEntries(index.blocks.points.arrays.map((one) => [one.name, one]));
const points = await inflate("points");
const numbers = new Uint32Array(points, at.passage.offset, at.passage.length);
let evil = "no eval";
try { evil = String((0, eval)("1 + 1")); } catch {}
const told = { rows: index.rows, texts, numbers: [...numbers], evil, alerts: window.alerts ?? 0 };
const end = "</script><!-- -->";
document.getElementById("app").textContent = JSON.stringify(told) + end.length;
document.title = "read";
"""
HOSTILE = [
    "</script><script>window.alerts = 1</script>",
    "<!-- <script> never closed",
    "line\u2028separator\u2029 and \u0000nul",
    "\u202eright to left\u202c ]]> <![CDATA[ &amp; \\u003c/script>",
    "<img src=x onerror='window.alerts = 1'>\r\nnew\rlines\ttabs",
    "bad \ud800 surrogate \udfff",
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "page.js").write_text(SCRIPT)
    (folder / "assets" / "style.css").write_text("a::after { content: '</style>' }")
    (folder / "assets" / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return folder


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    rng = np.random.default_rng(0)
    words = "rocket orbit goalie puck engine brake cipher key patient doctor".split()
    rows = [
        {"text": " ".join(rng.choice(words, 8)), "kind": words[n % 3], "note": None, "year": n}
        for n in range(60)
    ]
    for n, text in enumerate(HOSTILE):
        rows[n * 7]["text"] = text
        rows[n * 7]["note"] = text
        rows[n * 7 + 1]["kind"] = text[:30]
    path = tmp_path_factory.mktemp("hostile") / "<b>Ä & co.atlas"
    return ig.Atlas.build(rows, path, text="text")


def blocks_of(path):
    found = {}
    content = path.read_bytes()
    pattern = (
        rb'<script type="application/octet-stream" id="isogloss-([a-z0-9-]+)">([^<]*)</script>'
    )
    for match in re.finditer(pattern, content):
        assert re.fullmatch(rb"[A-Za-z0-9+/]*={0,2}", match[2])
        assert match[1].decode() not in found
        found[match[1].decode()] = zlib.decompress(b64decode(match[2]))
    return found


def arrays_of(content, about):
    return {
        one["name"]: np.frombuffer(content, np.dtype(one["type"]).newbyteorder("<"),
                                   one["length"], one["offset"])
        for one in about
    }  # fmt: skip


def joined(blocks, listed, rows):
    values = []
    for one in listed:
        assert one["first"] == len(values)
        part = json.loads(blocks[one["name"]])
        assert len(part) == one["rows"]
        values += part
    assert len(values) == rows
    return values


@pytest.fixture(scope="module")
def exported(atlas_path, page, tmp_path_factory):
    target = tmp_path_factory.mktemp("out") / "news.html"
    return export_page(atlas_path, target, page=page)


def test_the_file_says_what_the_server_says(exported, atlas_path):
    blocks = blocks_of(exported.path)
    index = json.loads(blocks["index"])
    assert (index["format"], index["format_version"]) == ("isogloss-page", 1)
    assert index["rows"] == index["of"] == exported.passages == 240
    with TestClient(make_app(atlas_path), base_url="http://127.0.0.1:80") as client:
        atlas = client.get("/api/atlas").json()
        assert index["topics"] == client.get("/api/topics").json()
        for name in atlas["attributes"]:
            summary = client.get(f"/api/attributes/{name['name']}").json()
            assert summary in index["summaries"]
        one = {"levels": 1, "tiles": [{"z": 0, "x": 0, "y": 0, "points": 240}]}
        wanted = {"editable": False, "undo": False, "redo": False}
        assert index["atlas"] == atlas | wanted | {"map": {**atlas["map"], **one}}
        points = arrays_of(blocks["points"], index["blocks"]["points"]["arrays"])
        ids = joined(blocks, index["blocks"]["ids"], 240)
        texts = joined(blocks, index["blocks"]["texts"], 240)
        values = {
            entry["name"]: joined(blocks, entry["values"], 240)
            for entry in index["blocks"]["attributes"]
        }
        assert np.all(np.diff(points["passage"].astype(np.int64)) > 0)
        near = arrays_of(blocks["neighbours"], index["blocks"]["neighbours"]["arrays"])
        x0, y0, x1, y1 = index["atlas"]["map"]["bounds"]
        for row in (0, 3, 4, 7, 10, 11, 12, 100, 239):
            number = int(points["passage"][row])
            told = client.get(f"/api/passages/{number}").json()
            assert told["id"] == ids[row]
            assert told["text"] == texts[row]
            assert told["text_length"] == points["text_length"][row] == len(texts[row])
            assert told["topic"] == points["topic"][row]
            assert told["document"] == points["document"][row]
            assert told["membership"] == pytest.approx(points["membership"][row], abs=6e-4)
            there = {name: column[row] for name, column in values.items()}
            if told["attributes"]["score"] == "Infinity":  # which the page does not compare
                there["score"] = "Infinity"
            assert told["attributes"] == there
            assert x0 + (points["x"][row] + 0.5) / 65536 * (x1 - x0) == pytest.approx(
                told["x"], abs=2e-5
            )
            assert y0 + (points["y"][row] + 0.5) / 65536 * (y1 - y0) == pytest.approx(
                told["y"], abs=2e-5
            )
            hits = client.get(f"/api/passages/{number}/neighbours?k=10").json()["hits"]
            rows = near["row"][row * 10 : row * 10 + 10]
            scores = near["score"][row * 10 : row * 10 + 10] / 255
            assert scores == pytest.approx([hit["score"] for hit in hits], abs=4e-3)
            best = {hit["passage"] for hit in hits if hit["score"] > hits[-1]["score"] + 1e-6}
            assert best <= set(points["passage"][rows].tolist())
        spread = client.get("/api/topics/by?column=label").json()
        assert json.loads(blocks["spreads"])["by"]["label"] == spread
        assert set(json.loads(blocks["spreads"])["over"]) == {"year", "day"}  # "x" is no year


def test_colours_are_those_of_the_tiles(exported, atlas_path):
    from isogloss.app.web.explorer import Opened

    blocks = blocks_of(exported.path)
    index = json.loads(blocks["index"])
    opened = Opened.newest(atlas_path)
    kinds = {one["name"]: one["kind"] for one in index["atlas"]["attributes"]}
    for entry in index["blocks"]["attributes"]:
        coloured = kinds[entry["name"]] in ("category", "number", "time")
        assert (entry["colour"] is not None) == coloured
        if coloured:
            colour = entry["colour"]
            value = arrays_of(blocks[colour["name"]], colour["arrays"])["value"]
            codes = opened.attributes.values(entry["name"]).codes
            assert np.array_equal(value, codes, equal_nan=codes.dtype.kind == "f")


def test_a_filter_and_a_sample(atlas_path, page, tmp_path):
    made = export_page(atlas_path, tmp_path / "a.html", where="year >= 2000", page=page)
    blocks = blocks_of(made.path)
    index = json.loads(blocks["index"])
    years = joined(blocks, index["blocks"]["attributes"][1]["values"], made.passages)
    assert index["blocks"]["attributes"][1]["name"] == "year"
    assert made.passages == 40
    assert set(years) == {2000, 2001}
    assert index["where"] == "year >= 2000"
    near = arrays_of(blocks["neighbours"], index["blocks"]["neighbours"]["arrays"])["row"]
    assert near.max() < 40
    first = export_page(atlas_path, tmp_path / "b.html", sample=25, page=page)
    again = export_page(atlas_path, tmp_path / "c.html", sample=25, page=page)
    assert first.passages == 25
    assert blocks_of(first.path)["points"] == blocks_of(again.path)["points"]
    one = export_page(atlas_path, tmp_path / "d.html", sample=1, page=page)
    assert "neighbours" not in blocks_of(one.path)
    few = export_page(atlas_path, tmp_path / "e.html", sample=3, page=page)
    index = json.loads(blocks_of(few.path)["index"])
    near = arrays_of(blocks_of(few.path)["neighbours"], index["blocks"]["neighbours"]["arrays"])
    assert (near["row"].reshape(3, 10)[:, 2:] == 65535).all()


def test_what_is_refused(atlas_path, page, tmp_path, monkeypatch):
    target = tmp_path / "a.html"
    with pytest.raises(ParameterError, match=r"240 passages are too many .*--sample 100"):
        export_page(atlas_path, target, limit=100, page=page)
    with pytest.raises(ParameterError, match="no passage passes"):
        export_page(atlas_path, target, where="year > 3000", page=page)
    with pytest.raises(FilterError):
        export_page(atlas_path, target, where="yaer > 3", page=page)
    for bad in ({"limit": 0}, {"limit": 2.5}, {"sample": 0}, {"sample": True}):
        with pytest.raises(ParameterError):
            export_page(atlas_path, target, page=page, **bad)
    with pytest.raises(ParameterError, match=r"call it a\.txt\.html"):
        export_page(atlas_path, tmp_path / "a.txt", page=page)
    with pytest.raises(ParameterError, match="there is no folder"):
        export_page(atlas_path, tmp_path / "no" / "a.html", page=page)
    with pytest.raises(PageError, match="not part of this installation"):
        export_page(atlas_path, target, page=tmp_path)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ParameterError, match="is a folder"):
        export_page(atlas_path, tmp_path / "folder.html", page=page)
    assert not target.exists()
    target.write_text("mine")
    with pytest.raises(ParameterError, match="--force"):
        export_page(atlas_path, target, page=page)
    monkeypatch.setattr(page_export, "write_page", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_page(atlas_path, target, page=page, force=True)
    assert target.read_text() == "mine"
    monkeypatch.undo()
    assert export_page(atlas_path, target, page=page, force=True).bytes == target.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "folder.html"]


class Elements(HTMLParser):
    """Counts elements as a browser would see them."""

    def __init__(self):
        super().__init__()
        self.scripts, self.tags, self.text, self.policy = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append(dict(attrs))
        if dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"]

    def handle_data(self, data):
        if self.tags[-1:] == ["script"] and self.scripts[-1].get("type") == "module":
            self.text.append(data)


def test_hostile_texts_and_names_stay_inside(hostile, page, tmp_path):
    made = export_page(hostile.path, tmp_path / "a.html", page=page)
    content = made.path.read_text(encoding="utf-8")
    assert "<title>&lt;b&gt;Ä &amp; co – Isogloss</title>" in content
    seen = Elements()
    seen.feed(content)
    assert set(seen.tags) == {
        "html", "head", "meta", "title", "link", "style", "body", "div", "script"
    }  # fmt: skip
    modules = [one for one in seen.scripts if one.get("type") == "module"]
    assert len(modules) == 1
    assert all(one["type"] == "application/octet-stream" for one in seen.scripts[:-1])
    script = re.search(r'<script type="module">(.*?)</script>', content, re.DOTALL)[1]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in seen.policy
    assert "unsafe-inline" not in seen.policy.partition("script-src")[2].partition(";")[0]
    assert seen.policy.startswith("default-src 'none'")
    assert content.index("Content-Security-Policy") < content.index("<style>")
    blocks = blocks_of(made.path)
    index = json.loads(blocks["index"])
    texts = joined(blocks, index["blocks"]["texts"], 60)
    stored = [t for b in hostile.passages(["text"]) for t in b.column("text").to_pylist()]
    assert texts == stored
    for n, text in enumerate(HOSTILE[:5]):
        assert re.sub(r"\s+", "", text).replace("\0", "")[:8] in re.sub(r"\s+", "", texts[n * 7])
    assert b"\\ud800" not in b"".join(blocks.values())


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_a_browser_reads_the_file_and_runs_nothing_else(hostile, page, tmp_path):
    made = export_page(hostile.path, tmp_path / "a.html", page=page)
    driver = pytest.importorskip("playwright.sync_api")
    with driver.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        seen = browser.new_page()
        seen.goto(made.path.as_uri(), timeout=120_000)
        driver.expect(seen).to_have_title("read", timeout=120_000)
        shown = seen.text_content("#app")
        browser.close()
    assert shown.endswith("}17")
    told = json.loads(shown[:-2])
    stored = [t for b in hostile.passages(["text"]) for t in b.column("text").to_pylist()]
    assert told["rows"] == 60
    assert told["texts"] == stored
    assert told["numbers"] == list(range(60))
    assert told["evil"] == "no eval"
    assert told["alerts"] == 0


@pytest.mark.parametrize(
    "change, match",
    [
        (("crossorigin src=", "data-src="), "0 scripts"),
        (('<div id="app">', '<img src="./assets/icon.svg"><div>'), "needs other files"),
        (('<meta charset="utf-8" />', ""), "no charset"),
        (("./assets/page.js", "./assets/other.js"), "lacks its file assets/other.js"),
    ],
)
def test_a_page_that_is_not_in_one_piece_is_refused(page, tmp_path, change, match):
    folder = tmp_path / "page"
    shutil.copytree(page, folder)
    (folder / "index.html").write_text(INDEX.replace(*change))
    with pytest.raises(PageError, match=match):
        read_shell("x", folder)


@given(st.text())
def test_no_script_and_no_style_closes_its_element(code):
    for unsafe in (code, f"a</SCRIPT>{code}<!--{code}</style><script"):
        assert not re.search(r"<(/script|script|!--)", safe_script(unsafe), re.IGNORECASE)
        assert not re.search(r"<(/style|!--)", safe_style(unsafe), re.IGNORECASE)
        assert "\r" not in safe_script(unsafe)


@given(st.lists(st.text() | st.none() | st.integers() | st.lists(st.text())), st.integers(1, 40))
def test_columns_come_back(values, size):
    column = Column("x", size=size, rows=5)
    half = len(values) // 2
    blocks = dict([*column.add(values[:half]), *column.add(values[half:]), *column.end()])
    clean = json.loads(packed_json(values))
    assert joined(blocks, column.listed, len(values)) == clean
    assert all(one["rows"] <= 5 for one in column.listed)


def test_arrays_stand_at_multiples_of_eight():
    given = {"a": np.arange(3, dtype=np.uint8), "b": np.zeros(0, np.int32), "c": np.ones(2, "f4")}
    content, about = packed_arrays(given)
    found = arrays_of(content, about)
    assert all(np.array_equal(found[name], given[name]) for name in given)
    assert all(one["offset"] % 8 == 0 for one in about)


def test_neighbours_by_hand():
    rows = np.array([[1, 0], [0.6, 0.8], [0, 1], [0, 0]], dtype=np.float32)
    found = nearest(rows, 2)
    assert found["row"].reshape(4, 2)[:3].tolist() == [[1, 2], [2, 0], [1, 0]]
    assert found["score"].reshape(4, 2)[0].tolist() == [153, 0]


def test_command_line(atlas_path, page, tmp_path, capsys, monkeypatch):
    from isogloss.app.cli.main import main
    from isogloss.app.web import single_page

    monkeypatch.setattr(page_export, "read_shell", lambda title, _: read_shell(title, page))
    target = tmp_path / "news.html"
    command = ["explore", str(atlas_path), "--export", str(target), "-q"]
    assert main([*command, "--sample", "30", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["passages"] == 30
    assert told["of"] == 240
    assert told["bytes"] == target.stat().st_size
    assert main(command) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "--force" in line
    assert main([*command[:-1], "--force"]) == 0
    out, _err = capsys.readouterr()
    assert out.startswith(f"{target}: 240 passages, ")
    assert out.endswith(" MB\n")
    assert main([*command, "--force", "--limit", "100"]) == 2
    assert "--sample 100" in capsys.readouterr().err
    assert main(["explore", str(atlas_path), "--sample", "3"]) == 2
    assert "go with --export" in capsys.readouterr().err
    assert main(["explore", str(tmp_path / "no.atlas"), "--export", "a.html"]) == 2
    capsys.readouterr()
    for option in (["--port", "0"], ["--host", "0.0.0.0"], ["--no-browser"], ["--read-only"],
                   ["--allow-host", "a"]):  # fmt: skip
        assert main([*command, "--force", *option]) == 2
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and option[0] in line
    monkeypatch.setattr(page_export, "read_shell", single_page.read_shell)
    assert main(["explore", str(atlas_path), "--export", str(tmp_path)]) == 2


@pytest.mark.skipif(not (FOLDER / "index.html").exists(), reason="the page is not built here")
def test_the_built_page_can_be_put_into_one_file():
    shell = read_shell("x")
    assert b"isogloss-index" in shell.tail  # it looks for data inside before it asks a server
    assert b"import(" not in shell.tail
