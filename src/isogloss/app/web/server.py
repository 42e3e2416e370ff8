"""The explorer as an application: every route, behind the checks of `Security`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from isogloss.app.web import routes_edits, routes_map, routes_passages
from isogloss.app.web.addresses import Hosts
from isogloss.app.web.explorer import Explorer
from isogloss.app.web.metrics import Measured, resident_bytes
from isogloss.app.web.mistakes import only_known
from isogloss.app.web.page import page_router, read_files
from isogloss.app.web.replies import Head, add_error_replies, json_reply
from isogloss.app.web.routes_map import explorer_of
from isogloss.app.web.security import Security
from isogloss.app.web.shapes import ErrorReply, Health
from isogloss.app.web.warm import warm

state = APIRouter(tags=["state"])


@state.get("/health", response_model=Health)
async def health() -> Response:
    """Tell that the server is there."""
    return json_reply({"status": "ok"})


@state.get("/ready", response_model=Health)
async def ready(request: Request) -> Response:
    """Tell that the atlas can be asked; 503 when it is gone."""
    await explorer_of(request).view()
    return json_reply({"status": "ready"})


@state.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Give counts and times in the text format of Prometheus."""
    explorer = explorer_of(request)
    gauges = {"isogloss_resident_bytes": float(resident_bytes())}
    for pool in (explorer.searches, explorer.reads):
        gauges[f'isogloss_pool_held{{pool="{pool.name}"}}'] = float(pool.held)
        gauges[f'isogloss_pool_threads{{pool="{pool.name}"}}'] = float(pool.threads)
        gauges[f'isogloss_pool_refused{{pool="{pool.name}"}}'] = float(pool.refused)
    view = explorer.current
    gauges["isogloss_atlas_version"] = float(view.version)
    gauges["isogloss_atlas_passages"] = float(len(view.points))
    text = explorer.metrics.text(gauges)
    return Response(text, 200, None, "text/plain; version=0.0.4; charset=utf-8")


def make_app(
    atlas_path: str | Path,
    *,
    token: str | None = None,
    hosts: Sequence[str] = (),
    editable: bool = True,
    search_threads: int | None = None,
) -> FastAPI:
    """Make the application that `isogloss explore` serves.

    Parameters
    ----------
    atlas_path : path
        Folder of the atlas; it is opened here.
    token : str or None
        Asked of every request; None asks for none.
    hosts : sequence of str
        Names besides loopback under which it may be addressed.
    editable : bool, default True
        Whether topics may be edited.
    search_threads : int or None
        Searches that run at once; None takes the default.

    Returns
    -------
    FastAPI
        `app.state.explorer` is what its routes share. More routers and mounts may be added; they
        come behind the same checks.

    Raises
    ------
    AtlasError
        When there is no finished atlas.
    ParameterError
        When a host is none.

    Examples
    --------
    >>> import tempfile
    >>> from isogloss.atlas import Atlas
    >>> folder = Path(tempfile.mkdtemp()) / "pets.atlas"
    >>> _ = Atlas.build(["cats purr", "dogs bark", "stocks fell"], folder)
    >>> make_app(folder).title
    'Isogloss explorer'
    """
    from isogloss import __version__

    Hosts(hosts)  # the middleware is made later, and a mistake would be told late
    explorer = Explorer(atlas_path, editable=editable, search_threads=search_threads)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(warm, explorer)
        yield
        explorer.close()

    app = FastAPI(
        title="Isogloss explorer",
        version=__version__,
        description="Search, topics, map and passages of one atlas.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # its pages would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        responses={
            "4XX": {"model": ErrorReply, "description": "a mistake of the request"},
            "503": {"model": ErrorReply, "description": "busy, or the atlas cannot be read"},
        },
        redirect_slashes=False,
    )
    app.state.explorer = explorer
    for router in (routes_map.router, routes_passages.router, routes_edits.router):
        app.include_router(router, dependencies=[Depends(only_known)])
    app.include_router(state)
    app.include_router(page_router(read_files()))
    add_error_replies(app)
    app.add_middleware(Head)
    app.add_middleware(Security, token=token, hosts=tuple(hosts))
    app.add_middleware(Measured, metrics=explorer.metrics)
    return app
