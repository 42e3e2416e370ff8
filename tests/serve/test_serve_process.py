import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest
from served import SOURCE, get, process, wait_for

TEXT = "the cat purrs on the warm sofa and sleeps all day near the harbour " * 8000


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "isogloss", "serve", *arguments],
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mcp"], "--mcp offers an atlas"),
        (["--stdio"], "--stdio offers an atlas"),
        (["x.atlas", "--stdio", "--port", "9"], "leave --port out"),
        (["nowhere.atlas"], "there is no atlas at nowhere.atlas"),
        (["nowhere.atlas", "--mcp"], "there is no atlas at nowhere.atlas"),
        (["nowhere.atlas", "--encoder", "lexical"], "there is no atlas at nowhere.atlas"),
        (["--encoder", "lexicle"], "did you mean 'lexical'"),
        (["--encoder", "lsa"], "fitted to texts"),
        (["--host", "0.0.0.0"], "needs a token"),
        (["--host", "no.such.host.invalid"], "needs a token"),
        (["--port", "70000"], "0 to 65535"),
        (["--overflow", "poll"], "did you mean 'pool'"),
        (["--batch-passages", "0"], "batch_passages is 0"),
        (["--queue-passages", "5"], "the queue must take one request"),
        (["--name", ""], "no name"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(arguments, said):
    # In this process where that is the same: starting Python is most of the time.
    import contextlib
    import io

    from isogloss.app.cli.main import main

    said_here = io.StringIO()
    with contextlib.redirect_stderr(said_here):
        code = main(["serve", *arguments])
    assert code == 2
    assert said in said_here.getvalue()
    assert len(said_here.getvalue().splitlines()) == 1


def test_a_taken_port_is_told():
    with process() as (_, url):
        done = run("--port", url.rpartition(":")[2])
    assert done.returncode == 2
    assert "cannot listen" in done.stderr


def test_the_end_finishes_accepted_work_and_refuses_new():
    body = {"model": "lexical", "input": [TEXT] * 12}
    bounds = ("--batch-passages", "1", "--queue-bytes", "500000000")
    with process(*bounds) as (server, url), ThreadPoolExecutor(30) as workers:
        client = httpx.Client(base_url=url, timeout=300)
        assert client.get("/ready").status_code == 200
        address = f"{url}/v1/embeddings"
        accepted = [workers.submit(httpx.post, address, json=body, timeout=300) for _ in range(30)]

        def waiting():
            told = re.search(r"waiting_passages (\d+)\n", client.get("/metrics").text)
            return int(told[1])

        wait_for(lambda: waiting() > 100)  # more than is done between two looks
        server.send_signal(signal.SIGTERM)
        wait_for(lambda: client.get("/ready").status_code == 503)
        assert client.get("/health").status_code == 200
        refused = client.post("/v1/embeddings", json={"model": "lexical", "input": "a"})
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "stopping"
        # One that was still being sent is cut off; all that were accepted are answered.
        cut = [one.exception() for one in accepted if one.exception() is not None]
        assert all(isinstance(error, httpx.TransportError) for error in cut)
        done = [one.result() for one in accepted if one.exception() is None]
        assert {one.status_code for one in done} <= {200, 503}
        assert all(len(one.json()["data"]) == 12 for one in done if one.status_code == 200)
        assert any(one.status_code == 200 for one in done)
        client.close()
        assert server.wait(120) == 0
        assert "accepted work is done" in server.stderr.read()


def test_the_key_comes_from_the_environment():
    with process(ISOGLOSS_TOKEN="a-key") as (_, url):
        assert get(f"{url}/v1/models").status_code == 401
        own = {"authorization": "Bearer a-key"}
        assert get(f"{url}/v1/models", headers=own).status_code == 200


def test_an_atlas_brings_its_encoder(atlas_path):
    manifest = json.loads((atlas_path / "manifest.json").read_text())
    with process(str(atlas_path)) as (_, url):
        found = get(f"{url}/v1/models").json()["data"][0]
    assert found["fingerprint"] == manifest["encoder"]["fingerprint"]
