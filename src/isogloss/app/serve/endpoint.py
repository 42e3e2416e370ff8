"""`POST /v1/embeddings` as a plain ASGI application: the path that every request takes."""

import asyncio
import time
from collections.abc import Sequence

from isogloss.app.serve.batcher import Job
from isogloss.app.serve.problems import Problem
from isogloss.app.serve.service import Answer, Service, stopping
from isogloss.app.web.asgi import Message, Receive, Scope, Send

EMBEDDINGS = "/v1/embeddings"
# In the scope of a request that counts itself.
COUNTED = "isogloss.counted"
Pairs = Sequence[tuple[bytes, bytes]]

# Most answers come sooner; only then is it worth a task to notice that the client has gone.
PATIENCE = 0.05  # seconds
_GONE = 499  # as servers log a client that left


class Embeddings:
    """Answers one request after the other for a `Service`.

    Parameters
    ----------
    service : Service
    """

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        service = self.service
        began = time.perf_counter()
        status, passages = 200, 0
        scope[COUNTED] = True
        try:
            if scope["method"] != "POST":
                raise Problem(405, "embeddings are asked for by POST", headers={"allow": "POST"})
            if service.draining:
                raise stopping()
            body = await read_body(receive, service.limits.request_bytes)
            began = time.perf_counter()
            request = service.read(body)
            del body
            job, future = service.submit(request)
            answer = await _wait(service, job, future, receive)
            if answer is None:
                status = _GONE
                return
            passages = len(request.texts)
            await send_body(send, 200, answer[0], answer[1])
        except Problem as problem:
            status = problem.status
            await send_problem(send, problem)
        finally:
            service.metrics.request(status, time.perf_counter() - began, passages=passages)


async def read_body(receive: Receive, bound: int) -> bytes:
    """Read a request's body.

    Raises
    ------
    Problem
        413 when it is longer than the bound, 400 when it breaks off.
    """
    message = await receive()
    if not message.get("more_body", False) and message["type"] == "http.request":
        body: bytes = message.get("body", b"")
        if len(body) > bound:
            raise too_large(bound)
        return body
    parts = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise Problem(400, "the client left before its body was complete")
        parts += message.get("body", b"")
        if len(parts) > bound:
            raise too_large(bound)
        if not message.get("more_body", False):
            return bytes(parts)
        message = await receive()


def too_large(bound: int) -> Problem:
    """Give the refusal of a body that is too long."""
    return Problem(
        413, f"the body is larger than {bound:,} bytes, the most one request may bring "
        "(--request-bytes): send several requests",
        code="request_too_large", headers={"connection": "close"},
    )  # fmt: skip


async def _wait(
    service: Service, job: Job, future: "asyncio.Future[Answer]", receive: Receive
) -> Answer | None:
    """Wait for the answer; None when the client has gone meanwhile."""
    done, _ = await asyncio.wait((future,), timeout=PATIENCE)
    if done:
        return future.result()
    left = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((future, left), return_when=asyncio.FIRST_COMPLETED)
        if future.done():
            return future.result()
        return None
    finally:
        left.cancel()
        if not future.done():  # gone, or this task was cancelled
            future.cancel()
            service.batcher.cancel(job)


async def _disconnected(receive: Receive) -> None:
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()


async def send_problem(send: Send, problem: Problem) -> None:
    """Send a refusal."""
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in problem.headers.items()]
    await send_body(send, problem.status, problem.body(), pairs)


async def send_body(send: Send, status: int, body: bytes, headers: Pairs = ()) -> None:
    """Send JSON."""
    length = b"%d" % len(body)
    pairs = [(b"content-type", b"application/json"), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
