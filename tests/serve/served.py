"""A server in a thread, and a server as a process."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import uvicorn

from isogloss.app.serve.application import make_app
from isogloss.app.serve.running import address, listen

SOURCE = Path(__file__).resolve().parents[2] / "src"


@contextmanager
def serving(service, **options):
    """Serve in a thread of this process; gives the address."""
    with listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            make_app(service, **options), log_level="critical", ws="none", lifespan="on"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        url = address(listener)
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield url
        finally:
            server.should_exit = True
            thread.join(120)
            assert not thread.is_alive()


@contextmanager
def process(*arguments, **environment):
    """Run `isogloss serve` as a process; gives it and its address."""
    found = subprocess.Popen(
        [sys.executable, "-m", "isogloss", "serve", "--port", "0", "--json", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **environment},
    )  # fmt: skip
    try:
        line = found.stdout.readline()
        assert line, found.stderr.read()
        url = json.loads(line)["url"]
        wait_for(lambda: _answers(url))
        yield found, url
    finally:
        if found.poll() is None:
            found.kill()
        found.wait(120)
        found.stdout.close()
        found.stderr.close()


def get(url, **options):
    """Ask with patience: machines may be busy."""
    return httpx.get(url, timeout=300, **options)


def post(url, **options):
    return httpx.post(url, timeout=300, **options)


def _answers(url):
    try:
        return httpx.get(f"{url}/health", timeout=60).status_code == 200
    except httpx.TransportError:
        return False


def wait_for(told, seconds=120.0):
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.01)
