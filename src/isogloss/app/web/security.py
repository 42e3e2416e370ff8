"""What stands before every server of the package: who may ask, from where, how much.

Plain ASGI, so that it adds nothing to a stream and serves any application.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

from isogloss.app.web.addresses import Hosts, same_origin
from isogloss.app.web.asgi import ASGIApp, Message, Receive, Refusal, Scope, Send
from isogloss.app.web.token_form import FORM_TYPE, form_token, token_page
from isogloss.app.web.token_form import HEADERS as FORM_HEADERS

BODY_LIMIT = 1 << 20  # bytes
BODY_SECONDS = 30.0
# Of a body that is too large, so much more is read before it is refused.
DRAINED = 16 << 20
DRAIN_SECONDS = 2.0
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; worker-src 'self' blob:; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
# Nothing here takes these: whatever they bring, the answer is 405 or 404.
NOT_TAKEN = {"PUT", "PATCH", "DELETE"}

log = logging.getLogger("isogloss.web")


class Security:
    """ASGI middleware: Host, Origin, token, kind and size of bodies, headers of every answer.

    It also turns what an application did not catch into one JSON error (500), and logs it.

    Parameters
    ----------
    app : ASGI application
        What is protected.
    hosts : sequence of str
        Names besides loopback under which the server may be addressed, as ``--host`` and
        ``--allow-host`` gave them (see `isogloss.app.web.addresses.Hosts`).
    token : str or None
        Asked of every request; None asks for none.
    body_limit : int
        Bytes that a body may have, 1 or more.
    open_paths : sequence of str
        Paths that are answered without the token.
    page : bool, default True
        Whether ``/`` is a page: people are asked for the token by a form, and it is kept in a
        cookie.

    Examples
    --------
    >>> async def hello(scope, receive, send):
    ...     await send({"type": "http.response.start", "status": 200, "headers": []})
    ...     await send({"type": "http.response.body", "body": b"hello"})
    >>> async def ask(**headers):
    ...     sent = []
    ...     async def send(message):
    ...         sent.append(message)
    ...     pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    ...     scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"",
    ...              "scheme": "http", "server": ("127.0.0.1", 8765), "headers": pairs}
    ...     await Security(hello, token="secret")(scope, None, send)
    ...     return sent[0]["status"]
    >>> asyncio.run(ask(host="rebound.example:8765"))
    403
    >>> asyncio.run(ask(host="localhost:8765"))
    401
    >>> asyncio.run(ask(host="localhost:8765", authorization="Bearer secret"))
    200
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Sequence[str] = (),
        token: str | None = None,
        body_limit: int = BODY_LIMIT,
        open_paths: Sequence[str] = ("/health", "/ready"),
        page: bool = True,
    ) -> None:
        self.app = app
        self.hosts = Hosts(hosts)
        self.token = token
        self.body_limit = body_limit
        self.open_paths = frozenset(open_paths)
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks over a web socket
            await send({"type": "websocket.close", "code": 1008})
            return
        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _guarded(message.get("headers", ()))
            await send(message)

        try:
            headers = _read_headers(scope)
            self._check_address(scope, headers)
            if self._is_form(scope, headers):
                body = await self._body(headers, receive)
                await self._open(scope, form_token(body), send_guarded)
                return
            asked = self._asked(scope)
            if asked is not None and _equal(asked, self.token or ""):
                await self._open(scope, asked, send_guarded)
                return
            if not self._has_token(scope, headers):
                await self._refuse(scope, headers, send_guarded)
                return
            receive = await self._checked_body(scope, headers, receive)
            await self.app(scope, receive, send_guarded)
        except Refusal as refusal:
            if started:
                raise
            await _send_json(send_guarded, refusal.status, refusal.body(), refusal.headers)
        except Exception as error:
            if started:  # the status is out: only a broken connection can still tell
                raise
            log.exception("%s %s failed", scope.get("method"), scope.get("path"))
            failed = Refusal(500, "internal", f"internal error: {type(error).__name__}")
            await _send_json(send_guarded, failed.status, failed.body(), {})

    def _check_address(self, scope: Scope, headers: dict[str, list[str]]) -> None:
        named = headers.get("host", [])
        port = (scope.get("server") or (None, None))[1]
        scheme = scope.get("scheme", "http")
        if len(named) != 1 or not self.hosts.allow(named[0], port, scheme=scheme):
            given = named[0][:100] if len(named) == 1 else f"{len(named)} of them"
            raise Refusal(
                403,
                "foreign_host",
                f"the Host header ({given}) is not an address of this server: open the address "
                "that it printed, or start it with --allow-host NAME",
            )
        for origin in headers.get("origin", []):
            if not same_origin(origin, named[0]):
                raise Refusal(
                    403, "foreign_origin", f"requests from {origin[:100]} are not answered"
                )
        site = headers.get("sec-fetch-site", [""])[0]
        # A link to the page is followed; frames and every other address are not.
        link = (
            scope["method"] == "GET"
            and scope["path"] == "/"
            and headers.get("sec-fetch-mode", [""])[0] == "navigate"
            and headers.get("sec-fetch-dest", [""])[0] == "document"
        )
        if site in {"cross-site", "same-site"} and not link:
            raise Refusal(403, "foreign_origin", "requests from other sites are not answered")

    def _has_token(self, scope: Scope, headers: dict[str, list[str]]) -> bool:
        if self.token is None or scope["path"] in self.open_paths:
            return True
        for value in headers.get("authorization", []):
            method, _, given_token = value.partition(" ")
            if method.lower() == "bearer" and _equal(given_token.strip(), self.token):
                return True
        for value in headers.get("cookie", []):
            crumb = _cookie(value, cookie_name(scope))
            if crumb is not None and _equal(crumb, cookie_value(self.token)):
                return True
        return False

    def _asked(self, scope: Scope) -> str | None:
        """Give the token in the address of the page, None where there is none."""
        if self.token is None or not self.page or scope["path"] != "/" or scope["method"] != "GET":
            return None
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return next((value for name, value in pairs if name == "token"), None)

    def _is_form(self, scope: Scope, headers: dict[str, list[str]]) -> bool:
        """Tell whether a person sends the token by the form."""
        kind = headers.get("content-type", [""])[0].partition(";")[0].strip().lower()
        return (
            self.token is not None
            and self.page
            and scope["path"] == "/"
            and scope["method"] == "POST"
            and kind == FORM_TYPE
        )

    async def _open(self, scope: Scope, given: str | None, send: Send) -> None:
        """Let the browser of a person in, or show the form again."""
        if self.token is None or given is None or not _equal(given, self.token):
            await _send(send, 401, token_page(wrong=True), FORM_HEADERS)
            return
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        rest = urlencode([pair for pair in pairs if pair[0] != "token"])
        cookie = (
            f"{cookie_name(scope)}={cookie_value(self.token)}; Path=/; HttpOnly; SameSite=Strict"
            + ("; Secure" if scope.get("scheme") == "https" else "")
        )
        place = "/" + ("?" + rest if rest else "")
        await _send_json(send, 303, {}, {"location": place, "set-cookie": cookie})

    async def _refuse(self, scope: Scope, headers: dict[str, list[str]], send: Send) -> None:
        """Say that a token is needed: to people by a form, to programs in JSON."""
        wants_page = "text/html" in headers.get("accept", [""])[0].lower()
        if self.page and wants_page and scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
            wrong = self._asked(scope) is not None
            await _send(send, 401, token_page(wrong=wrong), FORM_HEADERS)
            return
        told = "send the header Authorization: Bearer TOKEN"
        raise Refusal(
            401,
            "unauthorized",
            f"this server needs its token: {'open /?token=TOKEN once, or ' * self.page}{told}",
            headers={"www-authenticate": "Bearer"},
        )

    async def _checked_body(
        self, scope: Scope, headers: dict[str, list[str]], receive: Receive
    ) -> Receive:
        declared = headers.get("content-length", ["0"])[0]
        has_body = declared != "0" or "transfer-encoding" in headers
        if (scope["method"] == "POST" or has_body) and scope["method"] not in NOT_TAKEN:
            kind = headers.get("content-type", [""])[0].partition(";")[0].strip().lower()
            if kind != "application/json":
                raise Refusal(
                    415, "unsupported_type", "a body must be JSON: Content-Type: application/json"
                )
        return _replay(await self._body(headers, receive), receive) if has_body else receive

    async def _body(self, headers: dict[str, list[str]], receive: Receive) -> bytes:
        declared = headers.get("content-length", ["0"])[0]
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self.body_limit:
            if "expect" not in headers:
                await self._drain(receive)
            raise self._too_large()
        try:
            return await asyncio.wait_for(self._read(receive), BODY_SECONDS)
        except TimeoutError:
            raise Refusal(
                408, "timeout", f"the body did not arrive within {BODY_SECONDS:.0f} seconds"
            ) from None

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "bad_request", "the client left before its body was complete")
            body += message.get("body", b"")
            if len(body) > self.body_limit:
                if message.get("more_body", False):
                    await self._drain(receive)
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    async def _drain(self, receive: Receive) -> None:
        """Read on for a while: a client that is still sending would not see the answer."""

        async def rest() -> None:
            left = DRAINED
            more = True
            while more and left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(rest(), DRAIN_SECONDS)

    def _too_large(self) -> Refusal:
        return Refusal(
            413, "too_large", f"the body is larger than {self.body_limit:,} bytes, the most taken"
        )


def cookie_name(scope: Scope) -> str:
    """Name the cookie of a server: browsers share cookies between the ports of a host."""
    port = (scope.get("server") or (None, None))[1]
    return f"isogloss-{port or 0}"


def cookie_value(token: str) -> str:
    """Give what the cookie holds: a digest, so that the token itself is not kept by the browser.

    Examples
    --------
    >>> len(cookie_value("secret"))
    64
    """
    return hmac.new(token.encode(), b"isogloss cookie", hashlib.sha256).hexdigest()


def _equal(given: str, right: str) -> bool:
    # Digests first: the comparison then takes the same time for every length, too.
    first, second = (
        hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, right)
    )
    return hmac.compare_digest(first, second)


def _read_headers(scope: Scope) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


def _cookie(header: str, name: str) -> str | None:
    try:
        crumb = SimpleCookie(header).get(name)
    except CookieError:
        return None
    return crumb.value if crumb is not None else None


def _guarded(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = [(name.lower(), value) for name, value in headers]
    names = {name for name, _ in given}
    given += [(name, value) for name, value in HEADERS if name not in names]
    if b"cache-control" not in names:
        given.append((b"cache-control", b"no-store"))
    return given


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _send_json(
    send: Send, status: int, body: dict[str, Any], headers: dict[str, str]
) -> None:
    content = json.dumps(body).encode()
    await _send(send, status, content, {**headers, "content-type": "application/json"})


async def _send(send: Send, status: int, content: bytes, headers: dict[str, str]) -> None:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    pairs.append((b"content-length", b"%d" % len(content)))
    if status == 413:
        pairs.append((b"connection", b"close"))  # the rest of the body is not read
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": content})
