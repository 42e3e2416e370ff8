"""The application behind `isogloss serve`."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from isogloss._core.errors import IsoglossError
from isogloss.app.serve.endpoint import EMBEDDINGS, Embeddings
from isogloss.app.serve.front import Front
from isogloss.app.serve.openapi import describe
from isogloss.app.serve.request import unknown_model
from isogloss.app.serve.service import Service
from isogloss.app.web.asgi import ASGIApp, Receive, Scope, Send
from isogloss.app.web.security import Security

Running = Callable[[], AbstractAsyncContextManager[None]]


def embedding_routes(service: Service) -> list[BaseRoute]:
    """Give the routes under ``/v1``, for any Starlette or FastAPI application.

    Parameters
    ----------
    service : Service
        Call its `attach` with the running event loop first, and put
        `isogloss.app.serve.front.Front` around the application.
    """

    async def models(request: Request) -> Response:
        return JSONResponse(service.models())

    async def model(request: Request) -> Response:
        name = request.path_params["name"]
        found = service.model(name)
        if found is None:
            problem = unknown_model(name, service.name)
            return Response(problem.body(), 404, media_type="application/json")
        return JSONResponse(found)

    async def openapi(request: Request) -> Response:
        return JSONResponse(describe(service))

    return [
        Route(EMBEDDINGS, Embeddings(service)),
        Route("/v1/models", models),
        Route("/v1/models/{name:path}", model),
        Route("/v1/openapi.json", openapi),
    ]


def watch_routes(service: Service, check: Callable[[], Any] = lambda: None) -> list[BaseRoute]:
    """Give ``/health``, ``/ready`` and ``/metrics``; `check` fails where work cannot be done."""

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(request: Request) -> Response:
        if service.draining:
            return JSONResponse({"ready": False, "reason": "ending"}, 503)
        try:
            await asyncio.to_thread(check)
        except IsoglossError as error:
            return JSONResponse({"ready": False, "reason": " ".join(str(error).split())}, 503)
        return JSONResponse({"ready": True})

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(
            service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    return [Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)]


def make_app(
    service: Service,
    *,
    hosts: Sequence[str] = (),
    token: str | None = None,
    routes: Sequence[BaseRoute] = (),
    running: Sequence[Running] = (),
    check: Callable[[], Any] = lambda: None,
) -> ASGIApp:
    """Make the application: embeddings, what watches them, and further routes.

    Parameters
    ----------
    service : Service
        Ended together with the application.
    hosts, token
        See `isogloss.app.web.security.Security`.
    routes : sequence of route
        Such as the endpoint for tools.
    running : sequence of callable
        Each gives a context that is held while the application runs.
    check : callable
        Asked by ``/ready``: raises an error of the package where work cannot be done.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        service.attach(asyncio.get_running_loop())
        async with contextlib.AsyncExitStack() as stack:
            for one in running:
                await stack.enter_async_context(one())
            yield
        await asyncio.to_thread(service.stop)

    inner = Starlette(
        routes=[*embedding_routes(service), *watch_routes(service, check), *routes],
        lifespan=lifespan,
        exception_handlers={404: _error, 405: _error},
    )
    inner.router.redirect_slashes = False
    embeddings = Embeddings(service)

    async def direct(scope: Scope, receive: Receive, send: Send) -> None:
        # The busiest path by far need not be looked for.
        if scope["type"] == "http" and scope["path"] == EMBEDDINGS:
            await embeddings(scope, receive, send)
        else:
            await inner(scope, receive, send)

    guarded = Security(
        direct, hosts=hosts, token=token, body_limit=service.limits.request_bytes, page=False
    )
    return Front(guarded, service)


async def _error(request: Request, error: Any) -> Response:
    status = int(error.status_code)
    what = "there is nothing at" if status == 404 else f"{request.method} is not for"
    message = f"{what} {request.url.path[:200]}"
    kind = "not_found" if status == 404 else "method_not_allowed"
    body = json.dumps({"error": {"message": message, "kind": kind}})
    headers = dict(error.headers or {})
    return Response(body, status, headers, media_type="application/json")
