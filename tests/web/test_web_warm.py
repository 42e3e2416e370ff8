"""A server imports nothing of the package once it is ready: it may be replaced meanwhile."""

import json
import shutil
import subprocess
import sys
import textwrap

ASK = """
import json, sys
from isogloss.app.web.server import make_app
from starlette.testclient import TestClient

seen, found = set(), []
with TestClient(make_app(sys.argv[1]), base_url="http://127.0.0.1:80") as client:
    client.get("/health")
    seen |= set(sys.modules)

    def check(reply):
        assert reply.status_code == 200, reply.text
        found.extend(name for name in sys.modules if name not in seen)
        seen.update(sys.modules)
        return reply

    for path in (
        "atlas", "topics", "topics/over?column=day", "topics/by?column=label", "map/tiles/0/0/0",
        "map/tiles/0/0/0/attribute?name=label", "map/tiles/0/0/0/attribute?name=day",
        "map/tiles/0/0/0/passing?where=year>1992", "attributes/year", "search?query=cats",
        "search?query=cats&mode=text&where=label LIKE 'c%25'", "passages/0", "passages/0/text",
        "passages/0/document", "passages/0/neighbours", "edits", "openapi.json",
        "export?format=csv", "export?format=parquet", "export?format=jsonl", "export?format=arrow",
    ):
        check(client.get("/api/" + path))
    check(client.post("/api/selection", json={"polygon": [[-1, -1], [1, -1], [0, 1]]}))
    for path, body in (
        ("", {"kind": "rename", "topic": 0, "name": "a name"}), ("/undo", {}), ("/redo", {}),
        ("", {"kind": "merge", "topics": [0, 1]}), ("/undo", {}),
    ):
        version = client.get("/api/atlas").json()["version"]
        check(client.post("/api/edits" + path, json={"version": version, **body}))
    version = client.get("/api/atlas").json()["version"]
    client.post("/api/edits", json={"version": version, "kind": "split", "topic": 0, "into": 2})
    found.extend(name for name in sys.modules if name not in seen)
print(json.dumps(found))
"""
TOOLS = """
import json, sys
from isogloss.app.serve.tools import AtlasTools

tools = AtlasTools(sys.argv[1])
seen = set(sys.modules)
for name, arguments in (
    ("about", {}), ("search", {"query": "cats", "where": "year > 1990", "topic": 0}),
    ("search", {"query": "cats", "mode": "text"}), ("topics", {}), ("topic", {"id": 0}),
    ("passage", {"passage": 0}), ("neighbours", {"passage": 0, "where": "year > 1990"}),
):
    tools.call(name, arguments)
print(json.dumps([name for name in sys.modules if name not in seen]))
"""


def imported(code, folder):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(folder)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [name for name in json.loads(done.stdout) if not name.startswith("encodings.")]


def test_requests_import_nothing(atlas_path, tmp_path):
    assert imported(ASK, shutil.copytree(atlas_path, tmp_path / "a.atlas")) == []


def test_tools_import_nothing(atlas_path):
    assert imported(TOOLS, atlas_path) == []
