"""The atlas, its topics, and its map in tiles."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from isogloss._core.errors import ColumnError
from isogloss.app.web.asgi import Refusal
from isogloss.app.web.attributes import Attributes
from isogloss.app.web.explorer import Explorer
from isogloss.app.web.replies import ARROW, arrow_reply, json_reply
from isogloss.app.web.security import BODY_LIMIT
from isogloss.app.web.shapes import (
    LIMITS,
    AtlasReply,
    AttributeReply,
    Spread,
    TopicId,
    TopicsReply,
)
from isogloss.app.web.tiles import DEEPEST, TILE_POINTS
from isogloss.app.web.view import View

router = APIRouter(prefix="/api")

Level = Annotated[int, Path(ge=0, le=DEEPEST)]
Cell = Annotated[int, Path(ge=0, lt=2**DEEPEST)]
Where = Annotated[str | None, Query(max_length=LIMITS["where"])]
TILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {ARROW: {}}, "description": "Arrow IPC stream"},
    304: {"description": "the tile that you have is the newest"},
}


def explorer_of(request: Request) -> Explorer:
    """Give what the application shares."""
    found: Explorer = request.app.state.explorer
    return found


@router.get("/atlas", response_model=AtlasReply, tags=["atlas"])
async def atlas(request: Request) -> Response:
    """Tell what the atlas holds, which tiles its map has, and the limits of requests."""
    explorer = explorer_of(request)
    now = await explorer.opened()
    attributes = await explorer.read(now.attributes.about)
    return json_reply(atlas_about(now.view, explorer.editable, attributes))


def atlas_about(view: View, editable: bool, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe an atlas at one version."""
    manifest, tree = view.atlas.manifest, view.points.tree
    undo, redo = edit_labels(view)
    return {
        "name": view.atlas.path.resolve().name.removesuffix(".atlas"),
        "passages": manifest.passages,
        "documents": manifest.documents,
        "topics": manifest.topics,
        "version": view.version,
        "encoder": {"spec": manifest.encoder["spec"], "dim": manifest.encoder["dim"]},
        "editable": editable,
        "unassigned": manifest.unassigned,
        "map": {
            "bounds": list(tree.bounds),
            "levels": tree.levels,
            "tiles": [
                {"z": one.z, "x": one.x, "y": one.y, "points": one.stop - one.start}
                for one in tree.tiles.values()
            ],
        },
        "attributes": attributes,
        "undo": undo is not None,
        "redo": redo is not None,
        "limits": LIMITS | {"tile_points": TILE_POINTS, "body": BODY_LIMIT},
    }


def edit_labels(view: View) -> tuple[str | None, str | None]:
    """Say what an undo and a redo would do, None where there is nothing."""
    undo, redo = view.atlas.next_undo, view.atlas.next_redo
    return (undo.what if undo else None), (redo.what if redo else None)


@router.get("/topics", response_model=TopicsReply, tags=["topics"])
async def topics(request: Request) -> Response:
    """Give the tree of topics, each with its place on the map."""
    explorer = explorer_of(request)
    view = await explorer.view()
    return json_reply(await explorer.read(topics_about, view))


def topics_about(view: View) -> dict[str, Any]:
    """Give the topics as `isogloss topics --json` does, each with its place, spread and path."""
    manifest = view.atlas.manifest
    found = view.topic_places
    places, spread = found.places.tolist(), found.spread.tolist()
    entries = [
        entry | {"place": places[n], "spread": spread[n], "path": view.path(n)}
        for n, entry in enumerate(view.atlas.topics.to_json())
    ]
    return {
        "version": view.version, "passages": manifest.passages, "unassigned": manifest.unassigned,
        "topics": entries,
    }  # fmt: skip


@router.get("/topics/over", response_model=Spread, tags=["topics"])
async def topics_over(
    request: Request,
    column: Annotated[str, Query(max_length=1000)],
    bins: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """Follow the topics over the times in an attribute."""
    explorer = explorer_of(request)
    view = await explorer.view()
    view.atlas._require_attribute(column)
    try:
        spread = await explorer.read(view.atlas.topics_over, column, bins=bins, words=0)
    except ColumnError as error:  # it is there, and does not fit
        raise Refusal(400, "bad_request", str(error)) from error
    except ArithmeticError as error:  # such as 1e308: no calendar and no step reaches so far
        told = f"the numbers in column {column!r} are too large to be cut into periods"
        raise Refusal(400, "bad_request", told) from error
    return json_reply({"version": view.version, "column": column, **spread.to_json()})


@router.get("/topics/by", response_model=Spread, tags=["topics"])
async def topics_by(request: Request, column: Annotated[str, Query(max_length=1000)]) -> Response:
    """Compare the topics between the classes in an attribute."""
    explorer = explorer_of(request)
    view = await explorer.view()
    view.atlas._require_attribute(column)
    try:
        spread = await explorer.read(view.atlas.topics_by, column, words=0)
    except ColumnError as error:
        raise Refusal(400, "bad_request", str(error)) from error
    return json_reply({"version": view.version, "column": column, **spread.to_json()})


@router.get("/map/tiles/{z}/{x}/{y}", response_class=Response, responses=TILE, tags=["map"])
async def tile(request: Request, z: Level, x: Cell, y: Cell) -> Response:
    """Give the points of a tile: x, y (uint16, steps of its side), passage, topic."""
    view = await explorer_of(request).view()
    rows = _rows(view, z, x, y)
    tag = _tag(view, z, x, y)
    if _known(request, tag):
        return Response(status_code=304, headers=_headers(tag))
    offsets = view.points.tree.offsets(z, x, y)
    numbers = view.points.numbers[rows]
    kind = np.uint32 if not len(numbers) or numbers.max() < 2**32 else np.int64
    columns = {
        "x": offsets[:, 0], "y": offsets[:, 1], "passage": numbers.astype(kind),
        "topic": view.points.topics[rows],
    }  # fmt: skip
    return arrow_reply(columns, _headers(tag))


@router.get(
    "/map/tiles/{z}/{x}/{y}/attribute", response_class=Response, responses=TILE, tags=["map"]
)
async def tile_attribute(
    request: Request, z: Level, x: Cell, y: Cell, name: Annotated[str, Query(max_length=1000)]
) -> Response:
    """Give an attribute of the points of a tile, in the tile's order, as codes or 0..1."""
    explorer = explorer_of(request)
    now = await explorer.opened()
    rows = _rows(now.view, z, x, y)
    tag = _tag(now.view, z, x, y)
    known = _known(request, tag)
    values = await explorer.read(now.attributes.values, name)
    if known:
        return Response(status_code=304, headers=_headers(tag))
    codes = values.codes[rows]
    if values.kind == "category":
        codes = codes.astype(np.int32)
    return arrow_reply({"value": codes}, _headers(tag))


@router.get("/map/tiles/{z}/{x}/{y}/passing", response_class=Response, responses=TILE, tags=["map"])
async def tile_passing(
    request: Request, z: Level, x: Cell, y: Cell, where: Where = None, topic: TopicId | None = None
) -> Response:
    """Tell which points of a tile pass a filter and lie below a topic, in the tile's order."""
    explorer = explorer_of(request)
    now = await explorer.opened()
    rows = _rows(now.view, z, x, y)
    mask = await explorer.read(now.selections.passing, where, topic)
    held = np.ones(len(rows), dtype=bool) if mask is None else mask[rows]
    tag = _tag(now.view, z, x, y)
    if _known(request, tag):
        return Response(status_code=304, headers=_headers(tag))
    return arrow_reply({"passing": held}, _headers(tag))


@router.get("/attributes/{name:path}", response_model=AttributeReply, tags=["map"])
async def attribute(request: Request, name: str) -> Response:
    """Say what the codes of an attribute mean."""
    explorer = explorer_of(request)
    now = await explorer.opened()
    found = await explorer.read(_attribute, now.attributes, name)
    return json_reply({"version": now.view.version, **found})


def _attribute(attributes: Attributes, name: str) -> dict[str, Any]:
    return attributes.reply(name)


def _rows(view: View, z: int, x: int, y: int) -> Any:
    rows = view.points.tree.rows(z, x, y)
    if rows is None:
        raise Refusal(404, "not_found", f"there is no tile {z}/{x}/{y}: GET /api/atlas lists them")
    return rows


def _tag(view: View, *parts: int) -> str:
    key = "-".join(map(str, parts))
    return f'"{view.points.key}-{view.version}-{key}"'


def _known(request: Request, tag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in given.split(","))


def _headers(tag: str) -> dict[str, str]:
    return {"etag": tag, "cache-control": "private, no-cache"}
