import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from isogloss import load_encoder
from isogloss._core import endpoint as transport
from isogloss._core.errors import EncoderError, ParameterError
from isogloss.encoders.openai import OpenAIEncoder

KEY = "sk-secret-0123456789"


def vector(text: str) -> list[float]:
    return [float(len(text)), float(text.count("a")), 1.0]


def answer(texts: list[str]) -> dict:
    rows = [{"index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
    return {"object": "list", "data": rows}


class Endpoint:
    """A server whose next answers a test can script: each takes the texts, gives what to send."""

    def __init__(self):
        self.requests, self.headers, self.script = [], [], []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.requests.append((self.path, body))
                endpoint.headers.append(dict(self.headers))
                step = endpoint.script.pop(0) if endpoint.script else answer
                status, headers, data = 200, {}, step
                if isinstance(step, tuple):
                    status, headers, data = step
                if callable(data):
                    data = data(body["input"])
                data = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *args: None  # clients that went away are part of it
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def endpoint(monkeypatch):
    found = Endpoint()
    monkeypatch.setenv("OPENAI_BASE_URL", found.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield found
    found.close()


@pytest.fixture
def waits(monkeypatch):
    found: list[float] = []
    monkeypatch.setattr(transport.time, "sleep", found.append)
    return found


def unit(texts):
    rows = np.array([vector(text) for text in texts])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_texts_go_in_batches_and_come_back_as_units(endpoint):
    encoder = load_encoder("openai:small", batch_size=2)
    texts = ["banana", "moon", "a", "x", "aaa"]
    np.testing.assert_allclose(encoder.encode(texts), unit(texts), rtol=1e-6)
    np.testing.assert_allclose(encoder.encode_query(texts[:1]), unit(texts[:1]), rtol=1e-6)
    sent = [body["input"] for path, body in endpoint.requests]
    assert sent == [["isogloss"], ["banana", "moon"], ["a", "x"], ["aaa"], ["banana"]]
    assert {path for path, _ in endpoint.requests} == {"/v1/embeddings"}
    assert endpoint.requests[0][1]["model"] == "small"
    assert endpoint.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert (encoder.dim, encoder.spec, encoder.truncation.texts) == (3, "openai:small", 6)


def test_empty_texts_are_not_sent(endpoint):
    encoder = load_encoder("openai:small")
    vectors = encoder.encode(["", "moon", " \n"])
    assert vectors.any(axis=1).tolist() == [False, True, False]
    assert endpoint.requests[-1][1]["input"] == ["moon"]
    assert encoder.encode([]).shape == (0, 3)


def test_base64_and_any_order_are_read(endpoint):
    def backwards(texts):
        rows = [
            {
                "index": i,
                "embedding": base64.b64encode(np.array(vector(t), "<f4").tobytes()).decode(),
            }
            for i, t in enumerate(texts)
        ]
        return {"data": rows[::-1]}

    encoder = load_encoder("openai:small")
    endpoint.script = [backwards]
    texts = ["banana", "moon", "a"]
    np.testing.assert_allclose(encoder.encode(texts), unit(texts), rtol=1e-6)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_passing_failures_are_tried_again(endpoint, waits, status):
    encoder = load_encoder("openai:small")
    endpoint.script = [(status, {}, {}), (status, {"Retry-After": "7"}, {}), (status, {}, {})]
    np.testing.assert_allclose(encoder.encode(["moon"]), unit(["moon"]), rtol=1e-6)
    assert waits == [0.5, 7.0, 2.0]


def test_waits_are_bounded_and_dates_are_read(endpoint, waits):
    encoder = load_encoder("openai:small")
    past = "Wed, 21 Oct 2015 07:28:00 GMT"
    endpoint.script = [
        (429, {"Retry-After": "86400"}, {}),
        (429, {"Retry-After": past}, {}),
        (429, {"Retry-After": "soon"}, {}),
    ]
    encoder.encode(["moon"])
    assert waits == [60.0, 0.0, 2.0]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "answered 400"),
        (401, "check OPENAI_API_KEY"),
        (403, "no right to this model"),
        (404, "check the model 'small'"),
        (413, "smaller batch_size"),
        (302, "answered 302"),
    ],
)
def test_refusals_are_told_at_once_and_never_hold_the_key(endpoint, waits, status, message):
    said = {"error": {"message": f"no, {KEY} is wrong"}}
    endpoint.script = [(status, {"Location": "http://127.0.0.1:9/"}, said)]
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder("openai:small")
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert waits == []


def test_after_all_tries_the_failure_is_told(endpoint, waits):
    encoder = OpenAIEncoder("small", retries=2)
    endpoint.script = [(503, {}, {})] * 3
    with pytest.raises(EncoderError, match="answered 503"):
        encoder.encode(["moon"])
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>", "no list of embeddings"),
        ({"data": 3}, "no list of embeddings"),
        ({"data": [{"index": 0}]}, "no list of embeddings"),
        ({"data": [{"index": 0, "embedding": ["a"]}]}, "no list of embeddings"),
        ({"data": [{"index": 0, "embedding": "???"}]}, "no list of embeddings"),
        ({"data": [{"index": 0, "embedding": [[1.0, 2.0, 3.0]]}]}, "axes"),
        ({"data": []}, "0 embeddings .* for 2 texts"),
        (lambda texts: answer(texts[:1]), "1 embeddings .* for 2 texts"),
        (lambda texts: answer([*texts, "more"]), "3 embeddings .* for 2 texts"),
        ({"data": [{"index": 0, "embedding": [1.0, 2, 3]}] * 2}, r"\(1 indices\) for 2 texts"),
        ({"data": [{"index": i, "embedding": [1.0, 2]} for i in range(2)]}, r"\[2\] .* not 3"),
        ({"data": [{"index": i, "embedding": [1.0] * (i + 3)} for i in range(2)]}, r"\[3, 4\]"),
        ({"data": [{"index": i, "embedding": [0.0, i, 0]} for i in range(2)]}, "but zeros"),
        (b'{"data": [{"index": 0, "embedding": [NaN, 1, 2]}, '
         b'{"index": 1, "embedding": [1, 2, 3]}]}', "not finite"),
    ],
)  # fmt: skip
def test_wrong_answers_are_refused(endpoint, data, message):
    encoder = load_encoder("openai:small")
    endpoint.script = [(200, {}, data)]
    with pytest.raises(EncoderError, match=message):
        encoder.encode(["moon", "sun"])


def test_a_slow_or_absent_server_is_told(endpoint, waits, nobody):
    release = threading.Event()
    endpoint.script = [lambda texts: (release.wait(300), answer(texts))[1]]
    with pytest.raises(EncoderError, match=r"no answer from 127\.0\.0\.1 after 1 tries"):
        OpenAIEncoder("small", timeout=0.1, retries=0)
    release.set()
    with pytest.raises(EncoderError, match=r"no answer from 127\.0\.0\.1 after 3 tries"):
        OpenAIEncoder("small", base_url=f"http://{nobody}/v1", retries=2)
    assert waits == [0.5, 1.0]


def test_fingerprints_tell_models_apart(endpoint):
    one = load_encoder("openai:small").fingerprint
    assert one == load_encoder("openai:small").fingerprint
    assert one != load_encoder("openai:large").fingerprint
    endpoint.script = [{"data": [{"index": 0, "embedding": [0.0, 0.0, 1.0]}]}]
    assert one != load_encoder("openai:small").fingerprint


def test_offline_asks_this_machine_only(endpoint, monkeypatch):
    load_encoder("openai:small", offline=True)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user:pw@example.org/v1")
    with pytest.raises(EncoderError, match=r"asks example\.org, and the network is off"):
        load_encoder("openai:small", offline=True)


def test_wrong_urls_and_batches_are_refused(endpoint, monkeypatch):
    with pytest.raises(ParameterError, match="batch_size=0"):
        load_encoder("openai:small").encode(["a"], batch_size=0)
    monkeypatch.setenv("OPENAI_BASE_URL", "file:///etc/passwd")
    with pytest.raises(EncoderError, match=r"give http\(s\)://"):
        load_encoder("openai:small")


def test_nothing_that_is_shown_holds_the_key(endpoint):
    encoder = load_encoder("openai:small")
    assert KEY not in repr(encoder) + str(vars(encoder))


def test_without_key_and_server_nothing_is_asked(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(EncoderError, match="needs OPENAI_API_KEY"):
        transport.Endpoint("embeddings", spec="openai:m", model="m")
