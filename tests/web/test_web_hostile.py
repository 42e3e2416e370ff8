"""What clients should not send, over real sockets, where a client library would clean it up."""

from urllib.parse import quote

import pytest
from web_server import Server

from isogloss.app.web.security import CONTENT_SECURITY_POLICY


@pytest.fixture(scope="module")
def server(atlas_path):
    with Server(atlas_path) as server:
        yield server


def status_of(reply):
    assert reply.startswith(b"HTTP/1.1 "), reply[:100]
    return int(reply.split(b" ", 2)[1])


def plain(server, target, *, method="GET", headers=(), body=b"", host=None):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{server.port}'}"]
    lines += [*headers, "Connection: close", "", ""]
    return server.raw("\r\n".join(lines).encode() + body)


@pytest.mark.parametrize(
    "target",
    [
        "/../../etc/passwd", "/assets/../../../../etc/passwd", "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd", "/assets/..%5c..%5cetc%5cpasswd", "//etc/passwd",
        "/assets//etc/passwd", "/assets/%00", "/index.html%00.js", "/assets/....//....//etc/passwd",
        "/%252e%252e/etc/passwd", "/.git/config", "/manifest.json", "/page.py", "/../server.py",
        "/api/../manifest.json", "/api/attributes/../../../etc/passwd",
        "/api/attributes/..%2f..%2f..%2fetc%2fpasswd", "/api/passages/..%2f..%2fmanifest.json",
        "/api/passages/1/../../../etc/passwd", "/api/map/tiles/0/0/..%2f..%2f",
        "/\\..\\etc\\passwd",
        "http://127.0.0.1/etc/passwd", "/~root/.bashrc", "/proc/self/environ", "/*", "/%ff%fe",
    ],
)  # fmt: skip
def test_paths_that_try_to_leave(server, target):
    reply = plain(server, target)
    assert status_of(reply) in (400, 404)
    assert b"root:" not in reply and b"isogloss-atlas" not in reply


def test_targets_that_are_no_paths(server):
    for target in ("*", "foo", "http://evil.example/api/atlas", "", "/ /"):
        reply = plain(server, target)
        assert not reply or status_of(reply) < 500
        assert b'"passages"' not in reply or target.startswith("http")


@pytest.mark.parametrize(
    ("headers", "host", "status"),
    [
        ([], "evil.example", 403), ([], "localhost", 403), ([], "127.0.0.1:1", 403),
        (["Host: localhost"], None, 400), (["Origin: http://evil.example"], None, 403),
        (["Origin: null"], None, 403), (["Sec-Fetch-Site: cross-site"], None, 403),
        (["X-Forwarded-Host: localhost"], "evil.example", 403),
        (["Forwarded: host=localhost"], "evil.example", 403),
    ],
)  # fmt: skip
def test_foreign_hosts_and_origins(server, headers, host, status):
    reply = plain(server, "/api/atlas", headers=headers, host=host)
    assert status_of(reply) == status and b'"passages"' not in reply


def test_a_request_without_host(server):
    reply = server.raw(b"GET /api/atlas HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert status_of(reply) in (400, 403)
    reply = server.raw(b"GET /api/atlas HTTP/1.0\r\n\r\n")
    assert status_of(reply) == 403


def posted(server, body, *headers):
    kind = "Content-Type: application/json"
    given = [header for header in headers if header]
    if not any(header.lower().startswith("content-type") for header in given):
        given.append(kind)
    return plain(server, "/api/selection", method="POST", headers=given, body=body)


def test_bodies(server):
    length = "Content-Length: {}".format
    reply = posted(server, b"{}", length(2 << 20))
    assert status_of(reply) == 413 and b"1,048,576 bytes" in reply
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    reply = posted(server, chunk * 20 + b"0\r\n\r\n", "Transfer-Encoding: chunked")
    assert status_of(reply) == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        reply = posted(server, b"{}", length(2), f"Content-Type: {kind}")
        assert status_of(reply) == 415
    assert status_of(posted(server, b"{}", "Content-Type: application/json")) == 400
    assert status_of(posted(server, b"{}", length(2))) == 200
    for wrong in ("-1", "1e3", "two", "9" * 30):
        assert status_of(posted(server, b"{}", length(wrong))) in (400, 413)


def test_headers_that_are_too_long_or_broken(server):
    for sent in (
        b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", b"\x00\x01\x02\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nConnection: close\r\n\r\n",
    ):  # fmt: skip
        try:
            reply = server.raw(sent)
        except ConnectionError:  # closed before everything was sent
            continue
        assert not reply or 400 <= status_of(reply) < 500
    assert server.get("/health") == {"status": "ok"}


def test_every_answer_has_the_headers(server):
    for target in ("/", "/api/atlas", "/nothing", "/api/search"):
        head = plain(server, target).partition(b"\r\n\r\n")[0].decode().lower()
        assert f"content-security-policy: {CONTENT_SECURITY_POLICY}".lower() in head
        for line in ("x-content-type-options: nosniff", "referrer-policy: no-referrer"):
            assert line in head
        assert "access-control-allow" not in head and "server:" not in head


def test_a_token_from_elsewhere(atlas_path):
    with Server(atlas_path, "--host", "0.0.0.0", ISOGLOSS_TOKEN="0123456789abc&b+c") as server:
        assert "0123456789abc&b+c" not in server.told()
        assert server.ask("GET", "/api/atlas")[0] == 401
        assert server.ask("GET", "/health")[0] == 200
        wrong = {"authorization": "Bearer 0123456789abc&b+d"}
        assert server.ask("GET", "/api/atlas", headers=wrong)[0] == 401
        right = {"authorization": "Bearer 0123456789abc&b+c"}
        assert server.ask("GET", "/api/atlas", headers=right)[0] == 200
        reply = plain(server, f"/?token={quote('0123456789abc&b+c')}")
        assert status_of(reply) == 303 and b"location: /\r\n" in reply.lower()
        cookie = reply.split(b"set-cookie: ")[1].split(b";")[0].decode()
        assert server.ask("GET", "/api/atlas", headers={"cookie": cookie})[0] == 200
        assert server.ask("GET", "/api/atlas", headers={"cookie": cookie[:-1] + "0"})[0] == 401
        foreign = {"host": f"rebound.example:{server.port}", **right}
        assert server.ask("GET", "/api/atlas", headers=foreign)[0] == 403
