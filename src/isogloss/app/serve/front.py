"""What stands before the security of the explorer: room for bodies, and the contract's errors.

A body's bytes are counted from the moment they come until the answer is out, so that many large
requests at once cannot fill the memory. Security reads bodies; it is therefore counted around it.
"""

import json
from collections.abc import MutableMapping
from typing import Any

from isogloss.app.serve.endpoint import COUNTED, EMBEDDINGS, send_problem, too_large
from isogloss.app.serve.problems import Problem
from isogloss.app.serve.service import Service, stopping
from isogloss.app.web.asgi import ASGIApp, Message, Receive, Refusal, Scope, Send

PREFIX = "/v1/"


class Front:
    """ASGI middleware: counts bodies, refuses work at the end, shapes errors under ``/v1``.

    Parameters
    ----------
    app : ASGI application
        With its security.
    service : Service
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        service, held = self.service, 0
        most = service.limits.queue_bytes
        if scope["path"].startswith(PREFIX):
            send = _Answer(send, service.limits.request_bytes).send

        async def counted() -> Message:
            nonlocal held
            message = await receive()
            size = len(message.get("body", b""))
            # Beyond the limit of one body, what comes is thrown away where it is read.
            if size and held <= service.limits.request_bytes:
                if service.bytes_held + size > most:
                    raise _full(most)
                service.bytes_held += size
                held += size
            return message

        waits = scope["method"] == "POST"  # others may stay open: no end waits for them
        if waits and service.draining:
            await send_problem(send, stopping())
            service.metrics.request(503, 0.0)
            return
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        service.active += waits
        try:
            await self.app(scope, counted, noted)
        finally:
            service.active -= waits
            service.bytes_held -= held
            if status >= 400 and COUNTED not in scope:
                service.metrics.refused(status, embeddings=scope["path"] == EMBEDDINGS)


def _full(most: int) -> Refusal:
    return Refusal(
        429, "queue_full",
        f"requests of {most:,} bytes are being answered, and no more may be (--queue-bytes): "
        "try again later",
        headers={"retry-after": "1", "connection": "close"},
    )  # fmt: skip


class _Answer:
    """Puts errors of other hands into the contract's shape."""

    __slots__ = ("_bound", "_out", "_start")

    def __init__(self, out: Send, bound: int) -> None:
        self._out, self._bound = out, bound
        self._start: MutableMapping[str, Any] | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] >= 400:
                self._start = message  # until its body is known
                return
        elif self._start is not None:
            start, self._start = self._start, None
            await self._error(start, message)
            return
        await self._out(message)

    async def _error(self, start: Message, message: Message) -> None:
        body: bytes = message.get("body", b"")
        shaped = self._shaped(start["status"], body)
        if shaped is not None:
            body = shaped
            headers = [(k, v) for k, v in start["headers"] if k.lower() not in _ABOUT_BODY]
            headers.append((b"content-type", b"application/json"))
            headers.append((b"content-length", b"%d" % len(body)))
            start = {**start, "headers": headers}
        await self._out(start)
        await self._out({**message, "body": body})

    def _shaped(self, status: int, body: bytes) -> bytes | None:
        try:
            error = json.loads(body)["error"]
        except (ValueError, KeyError, TypeError):
            return Problem(status, body.decode("utf-8", "replace")[:200] or "refused").body()
        if "type" in error:
            return None
        if status == 413:
            return too_large(self._bound).body()
        return Problem(status, str(error["message"]), code=error.get("kind")).body()


_ABOUT_BODY = (b"content-type", b"content-length")
