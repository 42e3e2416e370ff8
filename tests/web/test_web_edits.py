"""Edits through the server: kept, undone, refused when stale; other processes; kills."""

import shutil
import signal
import socket
import threading
import time

import pytest
from web_rows import client_of
from web_server import Server

from isogloss.app.cli.main import main
from isogloss.app.web.edits import matched
from isogloss.app.web.listen import bind
from isogloss.app.web.server import make_app
from isogloss.app.web.view import View
from isogloss.atlas import Atlas


@pytest.fixture
def folder(atlas_path, tmp_path):
    return shutil.copytree(atlas_path, tmp_path / "edited.atlas")


def edit(client, **body):
    return client.post("/api/edits", json=body)


def version_of(client):
    return client.get("/api/atlas").json()["version"]


def labels(client):
    return [topic["label"] for topic in client.get("/api/topics").json()["topics"]]


def test_rename_undo_redo(folder):
    client = client_of(make_app(folder))
    before, version = labels(client), version_of(client)
    told = edit(client, version=version, kind="rename", topic=1, name="<b>mine</b>")
    count = len(before)
    assert told.json() == {
        "version": version + 1, "topics": [{"old": n, "new": n} for n in range(count)]
    }  # fmt: skip
    assert labels(client)[1] == "<b>mine</b>" == Atlas.open(folder).topics.labels[1]
    listed = client.get("/api/edits").json()
    assert listed["redo"] is None and "mine" in listed["undo"]
    assert [one["kind"] for one in listed["edits"]] == ["rename"]
    told = client.post("/api/edits/undo", json={"version": version + 1})
    assert told.status_code == 200 and labels(client) == before
    about = client.get("/api/atlas").json()
    assert (about["undo"], about["redo"]) == (False, True)
    reply = client.post("/api/edits/undo", json={"version": told.json()["version"]})
    assert (reply.status_code, reply.json()["error"]["kind"]) == (409, "nothing")
    told = client.post("/api/edits/redo", json={"version": told.json()["version"]})
    assert told.status_code == 200 and labels(client)[1] == "<b>mine</b>"


def test_merge_and_split(folder):
    client = client_of(make_app(folder))
    old = Atlas.open(folder)
    assert old.manifest.topics >= 2
    told = edit(client, version=version_of(client), kind="merge", topics=[0, 1]).json()
    new = {pair["old"]: pair["new"] for pair in told["topics"]}
    assert new[0] == new[1]
    tile = client.get("/api/map/tiles/0/0/0")
    assert tile.status_code == 200
    count = client.post("/api/selection", json={"topic": new[0]}).json()["count"]
    assert count == Atlas.open(folder).topics.size[new[0]]
    told = edit(client, version=told["version"], kind="split", topic=new[0], into=2)
    assert told.status_code in (200, 400), told.text
    undone = client.post("/api/edits/undo", json={"version": version_of(client)})
    assert undone.status_code == 200, undone.text


def test_stale_and_impossible_edits(folder):
    client = client_of(make_app(folder))
    version = version_of(client)
    for body, status, kind in [
        ({"version": version + 5, "kind": "rename", "topic": 0, "name": "x"}, 409, "stale"),
        ({"version": version, "kind": "rename", "topic": 99, "name": "x"}, 404, "not_found"),
        ({"version": version, "kind": "rename", "topic": 0, "name": "a\nb"}, 400, "bad_request"),
        ({"version": version, "kind": "rename", "topic": 0, "name": "x" * 300}, 400, "bad_request"),
        ({"version": version, "kind": "merge", "topics": [0]}, 400, "bad_request"),
        ({"version": version, "kind": "merge", "topics": []}, 400, "bad_request"),
        ({"version": version, "kind": "merge", "topics": [0, 1, 0]}, 400, "bad_request"),
        ({"version": version, "kind": "rename", "topic": 0, "name": " "}, 400, "bad_request"),
        (
            {"version": version, "kind": "rename", "topic": 0, "name": labels(client)[0]},
            400,
            "bad_request",
        ),
        ({"version": version, "kind": "split", "topic": 0, "into": 1}, 400, "bad_request"),
        ({"version": version, "kind": "delete", "topic": 0}, 400, "bad_request"),
        ({"kind": "rename", "topic": 0, "name": "x"}, 400, "bad_request"),
        ({"version": "1", "kind": "rename", "topic": 0, "name": "x"}, 400, "bad_request"),
    ]:
        reply = edit(client, **body)
        assert (reply.status_code, reply.json()["error"]["kind"]) == (status, kind), body
    assert version_of(client) == version
    other = labels(client)[1]
    reply = edit(client, version=version, kind="rename", topic=0, name=other)
    assert reply.status_code in (400, 409) and version_of(client) == version


def test_read_only(folder):
    client = client_of(make_app(folder, editable=False))
    assert client.get("/api/atlas").json()["editable"] is False
    reply = edit(client, version=1, kind="rename", topic=0, name="x")
    assert (reply.status_code, reply.json()["error"]["kind"]) == (403, "read_only")
    for path, body in (
        ("", {"version": 1, "kind": "rename", "topic": 99, "name": "x"}), ("/undo", {}),
        ("/undo", {"version": 1}), ("/redo", {"version": 99}), ("", {"kind": "merge"}),
    ):  # fmt: skip
        reply = client.post(f"/api/edits{path}", json=body)
        assert (reply.status_code, reply.json()["error"]["kind"]) == (403, "read_only"), body


def test_a_folder_that_may_not_be_written_to(folder, monkeypatch):
    assert client_of(make_app(folder)).get("/api/atlas").json()["editable"] is True
    asked = []

    def access(path, mode, **options):
        asked.append((path, mode))
        return False

    monkeypatch.setattr("isogloss.app.web.explorer.os.access", access)
    client = client_of(make_app(folder))
    assert asked and asked[0][0] == folder
    assert client.get("/api/atlas").json()["editable"] is False
    reply = edit(client, version=1, kind="rename", topic=0, name="x")
    assert reply.status_code == 403 and "may not write" in reply.json()["error"]["message"]


def test_edits_of_another_process_are_seen(folder):
    client = client_of(make_app(folder))
    tag = client.get("/api/map/tiles/0/0/0").headers["etag"]
    version = version_of(client)
    Atlas.open(folder).rename_topic(0, "from elsewhere")
    assert labels(client)[0] == "from elsewhere" and version_of(client) == version + 1
    assert client.get("/api/map/tiles/0/0/0").headers["etag"] != tag
    Atlas.open(folder).delete(ids=["d0", "d1"])
    assert client.get("/api/atlas").json()["passages"] == 238
    assert client.get("/api/passages/0").status_code == 404
    reply = edit(client, version=version, kind="rename", topic=0, name="late")
    assert (reply.status_code, reply.json()["error"]["kind"]) == (409, "stale")


def test_what_did_not_change_is_shared(folder):
    first = View.open(folder)
    first.prepare()
    Atlas.open(folder).rename_topic(0, "a name")
    second = View.open(folder, first)
    assert second.points is first.points and second.atlas.vectors is first.atlas.vectors
    assert second.atlas.topics.labels[0] == "a name" != first.atlas.topics.labels[0]
    Atlas.open(folder).merge_topics([[0, 1]])
    third = View.open(folder, second)
    assert third.points is not second.points
    assert third.atlas.encoder is first.atlas.encoder
    assert len(matched(second, third)) == len(second.atlas.topics)


def test_an_atlas_that_is_gone(folder):
    client = client_of(make_app(folder))
    assert client.get("/ready").status_code == 200
    folder.rename(folder.with_name("elsewhere.atlas"))
    for path in ("/ready", "/api/atlas", "/api/search?query=cats"):
        reply = client.get(path)
        assert (reply.status_code, reply.json()["error"]["kind"]) == (503, "atlas")
    assert client.get("/health").status_code == 200
    folder.with_name("elsewhere.atlas").rename(folder)
    assert client.get("/ready").status_code == 200


def test_searches_go_on_while_topics_change(folder):
    failures, done, answered = [], threading.Event(), []
    with Server(folder) as server:
        version = server.get("/api/atlas")["version"]

        def ask():
            while not done.is_set():
                try:
                    hits = server.get("/api/search?query=cats&k=3")["hits"]
                    server.get("/api/topics")
                    assert len(hits) == 3
                    answered.append(threading.get_ident())
                except Exception as error:
                    failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for n in range(3):
                body = {"version": version, "kind": "rename", "topic": 0, "name": f"name {n}"}
                version = server.post("/api/edits", body)["version"]
            body = {"version": version, "kind": "merge", "topics": [0, 1]}
            version = server.post("/api/edits", body)["version"]
            Atlas.open(folder).rename_topic(0, "by another process")
            before, ends = len(answered), time.monotonic() + 300
            while len(answered) < before + 8 and not failures and time.monotonic() < ends:
                time.sleep(0.01)
            assert failures or len(answered) >= before + 8
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert not failures, failures[:3]
        assert server.get("/api/topics")["topics"][0]["label"] == "by another process"


SLOWLY = [pytest.param(delay, marks=pytest.mark.slow) for delay in (0.0, 0.02, 0.15, 0.4, 1.0)]


@pytest.mark.parametrize("delay", [0.06, *SLOWLY])
def test_kill_while_an_edit_is_saved(folder, delay):
    before = Atlas.open(folder)
    old = (before.manifest.version, before.topics.to_json())
    with Server(folder) as server:
        body = {"version": old[0], "kind": "rename", "topic": 0, "name": "killed"}
        thread = threading.Thread(target=lambda: server.try_post("/api/edits", body))
        thread.start()
        time.sleep(delay)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        thread.join()
    after = Atlas.open(folder)
    if after.manifest.version == old[0]:
        assert after.topics.to_json() == old[1]
    else:
        assert after.manifest.version == old[0] + 1 and after.topics.labels[0] == "killed"
    assert len(after.search("cats", k=3).hits) == 3
    renamed = after.rename_topic(0, "and on it goes")
    assert renamed.topics.labels[0] == "and on it goes"


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 0, marks=pytest.mark.slow)],
)
def test_signals_end_it(folder, number, code):
    with Server(folder) as server:
        server.get("/health")
        server.process.send_signal(number)
        assert server.process.wait(120) == code
        assert "Traceback" not in server.told()


def test_mistakes_of_the_command_line(folder, tmp_path, monkeypatch, capsys):
    def run(*arguments):
        code = main(["explore", "--no-browser", *map(str, arguments)])
        return code, capsys.readouterr().err

    monkeypatch.setenv("ISOGLOSS_TOKEN", "")
    code, told = run(folder, "--host", "0.0.0.0")
    assert code == 2 and told.count("\n") == 1 and "ISOGLOSS_TOKEN" in told
    monkeypatch.delenv("ISOGLOSS_TOKEN")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, told = run(folder, "--port", port)
        assert code == 2 and told.count("\n") == 1 and str(port) in told
    for arguments, words in [
        ([tmp_path / "nothing.atlas"], "there is no atlas"), ([folder, "--port", 99999], "65535"),
        ([folder, "--host", "203.0.113.7"], "ISOGLOSS_TOKEN"), ([folder, "--json"], "--json"),
        ([folder, "--allow-host", "a b"], "no host name"),
    ]:  # fmt: skip
        code, told = run(*arguments)
        assert code == 2 and told.count("\n") == 1 and words in told
    monkeypatch.setenv("ISOGLOSS_TOKEN", "t" * 16)
    code, told = run(folder, "--host", "203.0.113.7")
    assert code == 2 and told.count("\n") == 1 and "cannot listen on 203.0.113.7" in told
    assert "--host" in told and "--port" not in told


def test_the_next_free_port_is_taken():
    first, second = bind("127.0.0.1", None), bind("127.0.0.1", None)
    assert 8765 <= first.getsockname()[1] < second.getsockname()[1]
    first.close()
    second.close()


def test_an_encoder_that_cannot_be_loaded(folder, monkeypatch):
    from isogloss._core.errors import EncoderError

    def broken(self):
        raise EncoderError("the folder of the model is gone")

    client = client_of(make_app(folder))
    monkeypatch.setattr(Atlas, "query_side", property(broken))
    reply = client.get("/api/search?query=cats")
    assert (reply.status_code, reply.json()["error"]["kind"]) == (503, "encoder")
    assert client.get("/api/search?query=cats&mode=text").status_code == 200
    assert client.get("/api/topics").status_code == 200
