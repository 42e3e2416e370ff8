"""What the tests of the explorer share: strange rows, and how to read replies."""

from datetime import date

import numpy as np
import pyarrow as pa
from starlette.testclient import TestClient

ADDRESS = "http://127.0.0.1:80"
WORDS = {
    "cats": "cats purr kittens whiskers paws meow fur tail",
    "space": "rockets orbit launch moon engines stars planets astronauts",
    "money": "stocks markets bonds shares traders prices banks profit",
}
STRANGE = [
    "<script>alert('cats purr')</script><img src=x onerror=alert(1)> kittens paws",
    "rockets \u202eorbit launch\u202c moon \u200f stars",
    '=HYPERLINK("http://evil.example","stocks") markets, bonds\nshares "traders"\r\nprices',
]


def strange_rows():
    """Rows of three topics, among them texts that try to be something else."""
    generator = np.random.default_rng(0)
    rows = []
    for n in range(240):
        label = list(WORDS)[n % 3]
        text = " ".join(generator.choice(WORDS[label].split(), 9))
        rows.append({
            "id": f"d{n}", "text": text, "label": None if n == 7 else label, "year": 1990 + n % 12,
            "score": None if n == 3 else float("inf") if n == 4 else n / 8,
            "day": None if n == 5 else date(2001, 1 + n % 12, 1 + n % 28),
            "tags": [label, "all"] if n % 2 else [], "many": f"value {n % 60:02d}",
            "title": f"{label} {n} " + "long " * n, "x": n,
        })  # fmt: skip
    for n, text in enumerate(STRANGE):
        rows[10 + n]["text"] = text
    return rows


def client_of(app):
    """A client that fails only by its replies."""
    return TestClient(app, base_url=ADDRESS, raise_server_exceptions=False)


def read(reply):
    """Read an Arrow stream."""
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "application/vnd.apache.arrow.stream"
    return pa.ipc.open_stream(reply.content).read_all()


def get(client, path, **params):
    """Give the JSON of a reply that is no error."""
    reply = client.get(path, params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


def refused(reply, status, kind="bad_request"):
    """Check that a reply is an error of one line, and give its message."""
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert error["kind"] == kind and "\n" not in error["message"] and error["message"]
    return error["message"]
