"""What goes over the wire to a Qdrant server: requests of bounded size, keys, exact re-asking."""

import pyarrow as pa
import pytest

pytest.importorskip("qdrant_client")

import qdrant_over_http

from isogloss._core.errors import AtlasError, ParameterError
from isogloss.atlas import Atlas
from isogloss.remote.atlas import RemoteAtlas
from isogloss.remote.push import push

WORDS = ["cat", "dog", "hen"]
pytestmark = pytest.mark.filterwarnings("ignore:Local mode")


@pytest.fixture(scope="module")
def server():
    started, thread = qdrant_over_http.start()
    yield started
    started.shutdown()
    started.server_close()
    thread.join()
    started.client.close()


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    table = pa.table(
        {
            "text": [
                f"the {word} number {n}" for n in range(10, 40) for word in ("cat", "dog", "hen")
            ],
            "big": [2**62 + n for n in range(90)],
            "even": [n % 2 == 0 for n in range(90)],
            "word": WORDS * 30,
        }
    )
    return Atlas.build(table, tmp_path_factory.mktemp("h") / "wire.atlas", encoder="lexical")


def url(server, key=qdrant_over_http.KEY):
    return f"qdrant+http://:{key}@127.0.0.1:{server.server_port}/wire"


def test_a_push_and_searches_over_http(server, atlas):
    assert push(atlas, url(server), batch_rows=25)["uploaded"] == 90
    puts = [body for call, body, _ in server.calls if call == "PUT /points"]
    assert [len(body["points"]) for body in puts] == [1, 25, 25, 25, 15, 1]  # descriptions around
    assert all("wait=true" in options for call, _, options in server.calls if call == "PUT /points")
    indexed = {
        body["field_name"]: body["field_schema"]
        for call, body, _ in server.calls
        if call == "PUT /index"
    }
    assert indexed["n"] == "keyword" and set(indexed.values()) == {"keyword", "integer"}
    with RemoteAtlas(url(server)) as there:
        for where in (None, f"big > {2**62 + 80}", "even = TRUE", "word LIKE 'd%'", "word < 'd'"):
            for k in (5, 40):
                here = atlas.search("dog number 17", k=k, where=where, mode="vector").hits
                found = there.search("dog number 17", k=k, where=where, mode="vector")
                assert [h.score for h in found.hits] == pytest.approx(
                    [h.score for h in here], abs=1e-6
                )
                assert {h.id for h in found.hits} == {h.id for h in here}
        assert "its own index" in found.strategy
        assert there.search("dog number 17", k=3).hits[0].text == "the dog number 17"


def test_exact_search_is_asked_for_where_it_is_wanted(server, atlas):
    with RemoteAtlas(url(server)) as there:
        server.calls.clear()
        there.search("dog", k=3, mode="vector")
        there.search("dog", k=3, mode="vector", exact=True)
    asked = [body["params"] for call, body, _ in server.calls if call == "POST /points/query"]
    assert [one["exact"] for one in asked] == [False, True] and asked[0]["hnsw_ef"] >= 128


def test_a_wrong_key_is_said_and_not_repeated(server, atlas):
    with pytest.raises(AtlasError) as caught:
        push(atlas, url(server, key="sw0rdfish"))
    assert "401" in str(caught.value) and "sw0rdfish" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_collections_of_others_are_not_touched(server, atlas):
    from qdrant_client import models

    server.client.create_collection("foreign", models.VectorParams(size=2, distance="Dot"))
    place = url(server).replace("/wire", "/foreign")
    for step in (lambda: push(atlas, place, fresh=True), lambda: RemoteAtlas(place)):
        with pytest.raises(AtlasError, match="isogloss did not make"):
            step()


def test_no_other_machine_is_asked_offline(server, atlas, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_OFFLINE", "1")
    with pytest.raises(ParameterError, match="on another machine, and the network is off"):
        push(atlas, "qdrant+https://far.example/wire")
    with pytest.raises(ParameterError, match="network is off"):
        RemoteAtlas("postgresql://far.example/db/wire")
    assert push(atlas, url(server))["uploaded"] == 0
