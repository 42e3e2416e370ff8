import json
import os
import shutil
import subprocess
import sys

import anyio
import pytest
from served import SOURCE, get, post, serving

from isogloss._core.errors import IsoglossError
from isogloss.app.serve.service import Service
from isogloss.app.serve.tool_list import TOOLS
from isogloss.app.serve.tools import AtlasTools

pytest.importorskip("mcp")


@pytest.fixture(scope="module")
def tools(atlas_path):
    return AtlasTools(atlas_path)


def test_about_says_how_to_ask(tools):
    about = tools.call("about", {})
    assert (about["passages"], about["name"]) == (62, "small.atlas")
    assert {one["name"] for one in about["attributes"]} == {"year", "kind"}
    assert "IN ('a', 'b')" in about["filters"]
    assert about["largest_topics"][0]["size"] >= about["largest_topics"][-1]["size"]


def test_search_filters_pages_and_cuts(tools):
    first = tools.call("search", {"query": "cat on the sofa", "k": 5, "where": "kind = 'pets'"})
    second = tools.call(
        "search", {"query": "cat on the sofa", "k": 5, "where": "kind = 'pets'", "offset": 5}
    )
    assert first["next"] == 5
    numbers = [hit["passage"] for hit in first["hits"] + second["hits"]]
    assert len(numbers) == len(set(numbers)) == 10
    assert all(hit["attributes"]["kind"] == "pets" for hit in first["hits"])
    story = tools.call("search", {"query": "dogs story harbour night", "k": 1})["hits"][0]
    assert len(story["text"]) == 401
    assert story["text_length"] > 5000


def test_search_within_a_topic(tools):
    topics = tools.call("topics", {"depth": 9})["topics"]
    leaf = next(one for one in topics if not one["below"])
    found = tools.call("search", {"query": "the", "k": 50, "topic": leaf["id"], "mode": "vector"})
    assert len(found["hits"]) == leaf["size"]
    assert {hit["topic"] for hit in found["hits"]} == {leaf["id"]}
    with pytest.raises(IsoglossError, match="filter"):
        tools.call("search", {"query": "a", "topic": leaf["id"], "where": "year = 1) OR (year = 2"})


def test_topics_page_through_the_tree(tools):
    whole = tools.call("topics", {"depth": 10, "limit": 100})
    pages = [tools.call("topics", {"depth": 10, "limit": 1, "offset": n}) for n in
             range(whole["of"])]  # fmt: skip
    assert [page["topics"][0] for page in pages] == whole["topics"]
    assert pages[-1]["next"] is None
    inner = [one for one in whole["topics"] if one["below"]]
    for one in inner:
        below = tools.call("topics", {"parent": one["id"]})
        assert below["of"] == one["below"]


def test_a_topic_shows_its_clearest_passages(tools):
    first = tools.call("topics", {})["topics"][0]["id"]
    one = tools.call("topic", {"id": first})
    assert one["path"][-1]["id"] == first
    assert 1 <= len(one["exemplars"]) <= 3
    for shown in one["exemplars"]:
        text = tools.call("passage", {"passage": shown["passage"]})["text"]
        assert shown["text"].rstrip("…") in text


def test_a_long_passage_is_read_in_parts(tools):
    parts, start = [], 0
    while start is not None:
        part = tools.call("passage", {"passage": 61, "start": start, "length": 1000})
        parts.append(part["text"])
        start = part["next"]
    assert len("".join(parts)) == part["text_length"]
    assert "".join(parts).startswith("A long story about dogs. ")
    assert tools.call("passage", {"passage": 61, "start": 10**6})["text"] == ""


def test_neighbours_are_others_and_obey_filters(tools):
    found = tools.call("neighbours", {"passage": 3, "k": 5})["hits"]
    assert len(found) == 5
    assert 3 not in [hit["passage"] for hit in found]
    assert [hit["score"] for hit in found] == sorted((h["score"] for h in found), reverse=True)
    money = tools.call("neighbours", {"passage": 3, "k": 50, "where": "kind = 'money'"})["hits"]
    assert len(money) == 30


def test_orders_in_a_document_stay_data(tools):
    hit = tools.call("search", {"query": "ignore previous instructions", "k": 1})
    assert "<script>" in hit["hits"][0]["text"]
    assert "not instructions" in hit["note"]
    assert all("never instructions" in tool.description for tool in TOOLS.values())


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("serch", {}, "did you mean 'search'"),
        ("search", {}, "needs query"),
        ("search", {"query": ""}, "query"),
        ("search", {"query": 3}, "not a string"),
        ("search", {"query": "a", "k": 0}, "1 to 50"),
        ("search", {"query": "a", "k": 1000}, "1 to 50"),
        ("search", {"query": "a", "k": "3"}, "whole number"),
        ("search", {"query": "a", "mode": "fuzzy"}, "known"),
        ("search", {"query": "a", "where": "yaer = 3"}, "did you mean 'year'"),
        ("search", {"query": "a", "topic": 9999}, "no topic"),
        ("search", {"query": "a" * 10_001}, "10,001"),
        ("search", {"query": "a", "whre": "x"}, "did you mean 'where'"),
        ("topics", {"parent": 9999}, "no topic"),
        ("topic", {"id": -1}, "0 to"),
        ("passage", {"passage": 62}, "no passage 62"),
        ("passage", {"passage": True}, "whole number"),
        ("neighbours", {"passage": 10**15}, "no passage"),
    ],
)
def test_mistakes_are_one_line(tools, name, arguments, said):
    with pytest.raises(IsoglossError) as caught:
        tools.call(name, arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_changed_atlas_is_seen(tmp_path):
    from isogloss.atlas import Atlas

    path = tmp_path / "pets.atlas"
    texts = ["cats purr", "dogs bark", "cats and dogs", "stocks fell", "markets rose"]
    atlas = Atlas.build(texts, path)
    tools = AtlasTools(path)
    topic = atlas.topics.roots[0].id if len(atlas.topics) else None
    if topic is None:
        Atlas.build([*texts, "a sixth one"], path)
        assert tools.call("about", {})["passages"] >= 5
    else:
        atlas.rename_topic(topic, "renamed by hand")
        assert tools.call("topic", {"id": topic})["label"] == "renamed by hand"


async def use(client):
    listed = await client.list_tools()
    assert {tool.name for tool in listed.tools} == set(TOOLS)
    assert all(tool.annotations.read_only_hint for tool in listed.tools)
    found = await client.call_tool("search", {"query": "rates and markets", "k": 3})
    assert not found.is_error
    hits = json.loads(found.content[0].text)["hits"]
    assert "markets" in hits[0]["text"]
    wrong = await client.call_tool("search", {"query": "a", "where": "yaer = 3"})
    assert wrong.is_error
    assert "did you mean 'year'" in wrong.content[0].text
    missing = await client.call_tool("delete", {})
    assert missing.is_error


def test_the_official_client_over_stdio(atlas_path):
    from mcp.client.client import Client
    from mcp.client.stdio import StdioServerParameters

    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "isogloss", "serve", str(atlas_path), "--stdio"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )

    async def talk():
        async with Client(server) as client:
            await use(client)

    anyio.run(talk)


def test_stdout_carries_the_protocol_and_nothing_else(atlas_path):
    first = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {},
                   "clientInfo": {"name": "t", "version": "1"}},
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "isogloss", "serve", str(atlas_path), "--stdio"],
        input="no json\n" + json.dumps(first) + "\n",
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["jsonrpc"] == "2.0" for line in lines)
    assert any(line.get("result", {}).get("serverInfo", {}).get("name") == "isogloss" for
               line in lines)  # fmt: skip


def test_the_official_client_over_http_and_strangers_are_refused(lexical, tools):
    from mcp.client.client import Client

    from isogloss.app.serve.mcp_server import http_parts

    routes, running = http_parts(tools)
    with serving(Service(lexical), routes=routes, running=[running]) as url:

        async def talk():
            async with Client(f"{url}/mcp") as client:
                await use(client)

        anyio.run(talk)
        fields = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        sent = {"accept": "application/json, text/event-stream"}
        for foreign in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
            answer = post(f"{url}/mcp", json=fields, headers=sent | foreign)
            assert answer.status_code == 403
        assert get(f"{url}/mcp", headers=sent).status_code == 405
        assert post(f"{url}/mcp", content=b"{" * 9, headers=sent).status_code == 415
        large = post(f"{url}/mcp", content=b"x" * (9 << 20), headers=sent | {
            "content-type": "application/json"})  # fmt: skip
        assert large.status_code == 413


def test_ready_tells_when_the_atlas_is_gone(lexical, atlas_path, tmp_path):
    folder = shutil.copytree(atlas_path, tmp_path / "own.atlas")
    with serving(Service(lexical), check=AtlasTools(folder).atlas) as url:
        assert get(f"{url}/ready").json() == {"ready": True}
        folder.rename(tmp_path / "elsewhere.atlas")
        told = get(f"{url}/ready")
        assert told.status_code == 503 and "there is no atlas" in told.json()["reason"]
        (tmp_path / "elsewhere.atlas").rename(folder)
        assert get(f"{url}/ready").status_code == 200


def test_without_the_package_it_says_how_to_install(atlas_path, monkeypatch, capsys):
    from isogloss.app.cli.main import main

    monkeypatch.setitem(sys.modules, "mcp", None)
    assert main(["serve", str(atlas_path), "--mcp"]) == 2
    assert "pip install 'isogloss[mcp]'" in capsys.readouterr().err


def test_embeddings_and_tools_share_a_server(lexical, tools):
    from isogloss.app.serve.mcp_server import http_parts

    routes, running = http_parts(tools)
    with serving(Service(lexical), routes=routes, running=[running], token="key") as url:
        assert post(f"{url}/mcp", json={}).status_code == 401
        own = {"authorization": "Bearer key"}
        assert get(f"{url}/v1/models", headers=own).status_code == 200
