"""The middleware before every server: hosts, origins, tokens, bodies, headers."""

import asyncio
import json

import pytest

from isogloss._core.errors import ParameterError
from isogloss.app.web.addresses import Hosts, is_loopback, same_origin, token_for
from isogloss.app.web.security import CONTENT_SECURITY_POLICY, Security, cookie_value


async def echo(scope, receive, send):
    message = await receive() if scope["method"] == "POST" else {"body": b""}
    if scope["path"] == "/fails":
        raise ZeroDivisionError("secret words of the application")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def ask(app, *, method="GET", path="/", query="", headers=(), body=(b"",), port=8765):
    """Send one request; gives status, headers, body."""
    sent, parts = [], list(body)

    async def receive():
        if not parts:
            return {"type": "http.disconnect"}
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers]
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(),
        "scheme": "http", "server": ("127.0.0.1", port), "headers": pairs,
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    got = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), got


HOST = ("host", "localhost:8765")
JSON = ("content-type", "application/json")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_loopback_names_with_our_port(name):
    assert ask(Security(echo), headers=[("host", f"{name}:8765")])[0] == 200


@pytest.mark.parametrize(
    "hosts",
    [
        ["rebound.example:8765"], ["localhost"], ["localhost:80"], ["localhost:8766"], [""],
        ["localhost.:8765"], ["localhost:8765@evil.example"], ["evil.example/localhost:8765"],
        ["localhost:8765", "localhost:8765"], [], ["localhost:"], ["[::1:8765"],
        ["127.0.0.1.:8765"],
        ["localhost:8765:8765"], ["localhost: 8765"], ["0x7f.1:8765"], ["localhost:٨٧٦٥"],
    ],
)  # fmt: skip
def test_foreign_hosts_are_refused(hosts):
    status, headers, body = ask(Security(echo), headers=[("host", host) for host in hosts])
    assert status == 403
    assert json.loads(body)["error"]["kind"] == "foreign_host"
    assert headers[b"content-security-policy"].decode() == CONTENT_SECURITY_POLICY


def test_port_80_needs_no_port():
    assert ask(Security(echo), headers=[("host", "localhost")], port=80)[0] == 200


def test_given_hosts():
    app = Security(echo, hosts=["atlas.example", "tunnel.example:9000", "0.0.0.0"])
    asked = {
        "atlas.example": 200, "atlas.example:443": 200, "tunnel.example:9000": 200,
        "tunnel.example:9001": 403, "10.0.0.7:8765": 200, "10.0.0.7.example": 403,
    }  # fmt: skip
    assert {host: ask(app, headers=[("host", host)])[0] for host in asked} == asked
    with pytest.raises(ParameterError, match="no host name"):
        Hosts(["a b"])


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8765", 200), ("http://127.0.0.1:8765", 403), ("null", 403),
        ("http://localhost:8766", 403), ("http://evil.example", 403), ("file://", 403), ("", 403),
        ("http://localhost:8765.evil.example", 403),
    ],
)  # fmt: skip
def test_origins(origin, status):
    assert ask(Security(echo), headers=[HOST, ("origin", origin)])[0] == status


def test_requests_of_other_sites_are_refused_but_links_work():
    site = ("sec-fetch-site", "cross-site")
    assert ask(Security(echo), headers=[HOST, site])[0] == 403
    moves = ("sec-fetch-mode", "navigate")
    link = [HOST, site, moves, ("sec-fetch-dest", "document")]
    assert ask(Security(echo), headers=link)[0] == 200
    assert ask(Security(echo), headers=[HOST, site, moves])[0] == 403
    for near in ("cross-site", "same-site"):
        frame = [HOST, ("sec-fetch-site", near), moves, ("sec-fetch-dest", "iframe")]
        assert ask(Security(echo), headers=frame)[0] == 403
        link[1] = ("sec-fetch-site", near)
        for path in ("/api/export", "/v1/models", "/health", "/index.html"):
            assert ask(Security(echo), path=path, headers=link)[0] == 403
        assert ask(Security(echo), method="POST", headers=[*link, JSON])[0] == 403
    own = ("sec-fetch-site", "same-origin")
    assert ask(Security(echo), headers=[HOST, own])[0] == 200


def test_token():
    app = Security(echo, token="sécret")
    status, headers, body = ask(app, headers=[HOST])
    assert (status, headers[b"www-authenticate"]) == (401, b"Bearer")
    assert json.loads(body)["error"]["kind"] == "unauthorized"
    assert ask(app, headers=[HOST, ("authorization", "Bearer wrong")])[0] == 401
    assert ask(app, headers=[HOST, ("authorization", "Basic sécret")])[0] == 401
    assert ask(Security(echo, token="secret"), headers=[HOST, ("authorization", "bearer secret")])[
        0
    ] == 200  # fmt: skip
    assert ask(app, path="/health", headers=[HOST])[0] == 200
    assert ask(app, path="/health/x", headers=[HOST])[0] == 401
    assert ask(app, path="/metrics", headers=[HOST])[0] == 401


def test_token_in_the_address_becomes_a_cookie():
    app = Security(echo, token="secret")
    status, headers, _ = ask(app, query="view=3&token=secret", headers=[HOST])
    assert (status, headers[b"location"]) == (303, b"/?view=3")
    cookie = headers[b"set-cookie"].decode()
    first, *flags = cookie.split("; ")
    assert flags == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert first == f"isogloss-8765={cookie_value('secret')}" and "secret" not in first
    assert ask(app, path="/api/x", headers=[HOST, ("cookie", f"a=b; {first}")])[0] == 200
    assert ask(app, path="/api/x", headers=[HOST, ("cookie", "isogloss-8765=secret")])[0] == 401
    assert ask(app, path="/api/x", headers=[HOST, ("cookie", 'a="')])[0] == 401
    assert ask(app, path="/", query="token=wrong", headers=[HOST])[0] == 401
    assert ask(app, path="/api/x", query="token=secret", headers=[HOST])[0] == 401
    other = first.replace("8765", "8766")  # browsers share cookies between ports
    assert ask(app, path="/api/x", headers=[HOST, ("cookie", other)])[0] == 401


def test_people_are_asked_for_the_token_by_a_form():
    app, html = Security(echo, token="a&b+c"), ("accept", "text/html,*/*;q=0.8")
    status, headers, body = ask(app, query="view=3", headers=[HOST, html])
    assert status == 401 and headers[b"content-type"] == b"text/html; charset=utf-8"
    assert b'<form method="post">' in body and b"<script" not in body and b"a&b+c" not in body
    assert b"form-action 'self'" in headers[b"content-security-policy"]
    assert headers[b"x-frame-options"] == b"DENY"
    # with no-referrer browsers send "Origin: null", which is refused
    assert headers[b"referrer-policy"] == b"same-origin"
    form = [HOST, html, ("content-type", "application/x-www-form-urlencoded")]
    own = ("origin", "http://localhost:8765")

    def send(content, *more, path="/", query="view=3"):
        length = ("content-length", str(len(content)))
        return ask(
            app, method="POST", path=path, query=query, headers=[*form, length, *more],
            body=[content],
        )  # fmt: skip

    status, headers, body = send(b"token=wrong", own)
    assert status == 401 and b"not the token" in body and b"wrong" not in body.split(b"<h1>")[1]
    assert b"set-cookie" not in headers
    status, headers, _ = send(b"token=a%26b%2Bc", own)
    assert (status, headers[b"location"]) == (303, b"/?view=3")
    cookie = headers[b"set-cookie"].decode().partition(";")[0]
    assert ask(app, path="/api/x", headers=[HOST, ("cookie", cookie)])[0] == 200
    assert send(b"token=a%26b%2Bc", ("origin", "http://evil.example"))[0] == 403
    assert send(b"token=a%26b%2Bc", own, path="/api/edits")[0] == 401
    assert send(b"&" * 30 + b"a=b&" * 30, own)[0] == 401
    reply = ask(app, query="token=wrong", headers=[HOST, html])
    assert reply[0] == 401 and b"not the token" in reply[2]
    # one who is in and follows an old link stays in
    assert ask(app, query="token=wrong", headers=[HOST, html, ("cookie", cookie)])[0] == 200
    assert b"unauthorized" in ask(app, path="/api/x", headers=[HOST, html])[2]
    assert ask(Security(echo), method="POST", headers=[*form, own])[0] == 415


def test_a_server_without_a_page_speaks_of_none():
    app = Security(echo, token="secret", page=False)
    for query, accept in (("", "*/*"), ("token=secret", "text/html")):
        status, headers, body = ask(app, query=query, headers=[HOST, ("accept", accept)])
        assert status == 401 and b"Bearer TOKEN" in body and b"?token" not in body
        assert b"set-cookie" not in headers


def test_bodies():
    app = Security(echo, body_limit=10)
    post = {"method": "POST"}
    ten = ("content-length", "10")
    assert (
        ask(app, **post, headers=[HOST, JSON, ten], body=[b"12345", b"67890"])[2] == b"1234567890"
    )
    kind = [("content-type", "application/json; charset=utf-8")]
    assert ask(app, **post, headers=[HOST, *kind, ten], body=[b"1234567890"])[0] == 200
    for wrong in ("text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"):
        headers = [HOST, ("content-type", wrong), ten]
        assert ask(app, **post, headers=headers, body=[b"1234567890"])[0] == 415
    status, headers, body = ask(app, **post, headers=[HOST, JSON, ("content-length", "11")])
    assert status == 413 and "10 bytes" in json.loads(body)["error"]["message"]
    chunked = [HOST, JSON, ("transfer-encoding", "chunked")]
    assert ask(app, **post, headers=chunked, body=[b"123456", b"789012"])[0] == 413
    assert ask(app, **post, headers=[HOST, JSON, ("content-length", "3")], body=[])[0] == 400


def test_an_error_of_the_application_is_one_json_line(caplog):
    status, headers, body = ask(Security(echo), path="/fails", headers=[HOST])
    assert status == 500 and headers[b"x-content-type-options"] == b"nosniff"
    assert json.loads(body) == {
        "error": {"message": "internal error: ZeroDivisionError", "kind": "internal"}
    }
    assert "secret words" in caplog.text  # what happened is in the log


def test_hosts_beyond_this_machine_need_a_token(monkeypatch):
    monkeypatch.delenv("ISOGLOSS_TOKEN", raising=False)
    assert token_for("127.0.0.1") is None
    with pytest.raises(ParameterError, match="ISOGLOSS_TOKEN"):
        token_for("0.0.0.0")
    long = "0123456789abcdef"
    monkeypatch.setenv("ISOGLOSS_TOKEN", long)
    assert token_for("0.0.0.0") == token_for("localhost") == long
    monkeypatch.setenv("ISOGLOSS_TOKEN", "t")
    assert token_for("localhost") == "t"
    with pytest.raises(ParameterError, match=r"1 character,.*at least 16.*openssl rand -hex 16"):
        token_for("0.0.0.0")
    for wrong in ("", " ", "a b" * 9, "a\tb" * 9, "sécret" * 9, long + "\n", "\x7f" * 20):
        monkeypatch.setenv("ISOGLOSS_TOKEN", wrong)
        for host in ("127.0.0.1", "0.0.0.0"):
            with pytest.raises(ParameterError, match=r"blank.*openssl rand -hex 16") as raised:
                token_for(host)
            assert "\n" not in str(raised.value)
    assert not is_loopback("localhost.example") and not same_origin("http://", "")
