"""Answers: JSON, Arrow, and every error in one shape."""

import json
from typing import Any

import pyarrow as pa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from isogloss._core.errors import AtlasError, ColumnError, IsoglossError
from isogloss.app.cli.output import clean
from isogloss.app.web.asgi import ASGIApp, Message, Receive, Refusal, Scope, Send
from isogloss.app.web.mistakes import json_mistake, request_mistake

ARROW = "application/vnd.apache.arrow.stream"
# In the scope of a request that was HEAD.
HEAD = "isogloss.head"
KINDS = {404: "not_found", 405: "method_not_allowed"}


def json_reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON; what JSON cannot say (NaN, infinity) becomes null."""
    try:
        content = _dumps(value)
    except ValueError:  # seldom: NaN, infinity, half a character
        content = _dumps(clean(value))
    return Response(content, status, headers, "application/json")


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def arrow_reply(columns: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """Answer with columns as one Arrow IPC stream."""
    batch = pa.RecordBatch.from_arrays(
        [pa.array(column) for column in columns.values()], names=list(columns)
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return Response(sink.getvalue().to_pybytes(), 200, headers, ARROW)


class Head:
    """ASGI middleware that answers HEAD as GET, without the body.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        inner = {**scope, "method": "GET", HEAD: True}

        async def bare(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(inner, receive, bare)
        finally:
            if "route" in inner:  # for who counts requests
                scope["route"] = inner["route"]


def refusal_of(error: Exception) -> Refusal:
    """Say an error of the library as an answer.

    Examples
    --------
    >>> refusal_of(ColumnError("no column 'x'")).status
    404
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ColumnError):
        return Refusal(404, "not_found", str(error))
    if isinstance(error, AtlasError):
        return Refusal(503, "atlas", str(error))
    return Refusal(400, "bad_request", str(error))


def add_error_replies(app: FastAPI) -> None:
    """Give every error of an application the same shape."""

    async def refused(request: Request, error: Exception) -> Response:
        refusal = refusal_of(error)
        return json_reply(refusal.body(), refusal.status, refusal.headers)

    async def plain(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = KINDS.get(error.status_code, "bad_request")
        message = {404: "there is nothing at this address", 405: "this address takes other methods"}
        told = message.get(error.status_code, str(error.detail))
        if isinstance(error.__cause__, ValueError | RecursionError):  # of the body
            told = json_mistake(error.__cause__, "the body")
        refusal = Refusal(error.status_code, kind, told)
        return json_reply(refusal.body(), error.status_code, dict(error.headers or {}))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        told = request_mistake(error.errors()[0], request.scope.get("route"))
        return json_reply(Refusal(400, "bad_request", told).body(), 400)

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(IsoglossError, refused)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(RequestValidationError, invalid)
