"""Search, passages, selections and their export."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from isogloss.app.web import export, rows
from isogloss.app.web.asgi import Refusal
from isogloss.app.web.explorer import Explorer
from isogloss.app.web.mistakes import json_mistake, mistake
from isogloss.app.web.replies import HEAD, json_reply
from isogloss.app.web.routes_map import explorer_of
from isogloss.app.web.selection import narrowed
from isogloss.app.web.shapes import (
    LIMITS,
    DocumentReply,
    PassageReply,
    SearchGiven,
    SearchReply,
    SelectionGiven,
    SelectionParts,
    SelectionReply,
    TextReply,
    TopicId,
)
from isogloss.app.web.view import View

router = APIRouter(prefix="/api")

Passage = Annotated[int, Path(ge=0, le=2**63 - 1)]
Count = Annotated[int, Query(ge=1, le=LIMITS["k"])]
Where = Annotated[str | None, Query(max_length=LIMITS["where"])]
Mode = Literal["hybrid", "vector", "text"]
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {kind.partition(";")[0]: {} for kind in export.FORMATS.values()},
        "description": "the file",
    }
}


@router.get("/search", response_model=SearchReply, tags=["search"])
async def search(
    request: Request,
    query: Annotated[str, Query(max_length=LIMITS["query"])],
    k: Count = 10,
    mode: Mode = "hybrid",
    where: Where = None,
    topic: TopicId | None = None,
) -> Response:
    """Find the passages nearest to a query, by meaning, by words or by both."""
    return await _search(explorer_of(request), query, k, mode, where, topic)


@router.post("/search", response_model=SearchReply, tags=["search"])
async def search_posted(request: Request, given: SearchGiven) -> Response:
    """Search, with the same fields in a body of JSON."""
    return await _search(
        explorer_of(request), given.query, given.k, given.mode, given.where, given.topic
    )


async def _search(
    explorer: Explorer, query: str, k: int, mode: str, where: str | None, topic: int | None
) -> Response:
    view = await explorer.view()
    found: Response = await explorer.search(_found, view, query, k, mode, where, topic)
    return found


def _found(
    view: View, query: str, k: int, mode: str, where: str | None, topic: int | None
) -> Response:
    if mode != "text":
        view.prepare()
    result = view.atlas.search(query, k=k, mode=mode, where=narrowed(view, where, topic))
    return json_reply(rows.found_reply(view, result))


@router.get("/passages/{number}", response_model=PassageReply, tags=["passages"])
async def passage(request: Request, number: Passage) -> Response:
    """Give a passage, its text cut to 20,000 characters."""
    explorer = explorer_of(request)
    return json_reply(await explorer.read(rows.passage, await explorer.view(), number))


@router.get("/passages/{number}/text", response_model=TextReply, tags=["passages"])
async def passage_text(
    request: Request,
    number: Passage,
    start: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    length: Annotated[int, Query(ge=0, le=LIMITS["text"])] = LIMITS["text"],
) -> Response:
    """Give a part of a passage's text; offsets count Unicode code points."""
    explorer = explorer_of(request)
    view = await explorer.view()
    return json_reply(await explorer.read(rows.text_part, view, number, start, length))


@router.get("/passages/{number}/document", response_model=DocumentReply, tags=["passages"])
async def passage_document(
    request: Request,
    number: Passage,
    before: Annotated[int, Query(ge=0, le=LIMITS["document_passages"])] = 5,
    after: Annotated[int, Query(ge=0, le=LIMITS["document_passages"])] = 5,
) -> Response:
    """Give the passages around one in its document."""
    explorer = explorer_of(request)
    view = await explorer.view()
    return json_reply(await explorer.read(rows.document, view, number, before, after))


@router.get("/passages/{number}/neighbours", response_model=SearchReply, tags=["passages"])
async def passage_neighbours(
    request: Request, number: Passage, k: Count = 10, where: Where = None
) -> Response:
    """Give the passages nearest to one by its vector, without itself."""
    explorer = explorer_of(request)
    view = await explorer.view()
    return json_reply(await explorer.search(rows.neighbours, view, number, k, where))


@router.post("/selection", response_model=SelectionReply, tags=["selection"])
async def selection(request: Request, given: SelectionGiven) -> Response:
    """Count the passages of a selection, and give a page of them."""
    explorer = explorer_of(request)
    now = await explorer.opened()
    told = await explorer.read(now.selections.reply, given, given.offset, given.limit)
    return json_reply(told)


@router.get("/export", response_class=Response, responses=FILE, tags=["selection"])
async def export_selection(
    request: Request,
    format: Annotated[Literal["parquet", "csv", "jsonl", "arrow"], Query()] = "parquet",  # noqa: A002
    selection: Annotated[
        str | None,
        Query(description="JSON as of POST /api/selection, but no offset or limit; by default all"),
    ] = None,
) -> Response:
    """Send the passages of a selection as a file, written while it is sent."""
    explorer = explorer_of(request)
    now = await explorer.opened()
    given = _read_selection(selection)
    places = await explorer.read(now.selections.places, given)
    name = now.view.atlas.path.resolve().name.removesuffix(".atlas")
    if len(places) < len(now.view.points):
        name += "-selection"
    # Only GET makes the file.
    pieces = export.write(now.view, places, format) if HEAD not in request.scope else iter(())
    return StreamingResponse(
        _threaded(pieces),
        media_type=export.FORMATS[format],
        headers={"content-disposition": _attachment(f"{name}.{export.ENDINGS[format]}")},
    )


def _read_selection(text: str | None) -> SelectionParts:
    if text is None:
        return SelectionParts()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "bad_request", json_mistake(error, "selection")) from None
    if isinstance(value, dict):
        for name in ("offset", "limit"):
            if name in value:
                raise Refusal(
                    400,
                    "bad_request",
                    f"an export is of the whole selection: leave {name} out of it",
                )
    try:
        return SelectionParts.model_validate(value)
    except ValidationError as error:
        told = error.errors()[0]
        found = mistake(
            told | {"loc": ("selection", *told["loc"])}, list(SelectionParts.model_fields)
        )
        raise Refusal(400, "bad_request", found) from None


async def _threaded(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Make each piece in a thread, the next when the client has taken the last."""
    import asyncio

    end = object()
    try:
        while True:
            piece: Any = await asyncio.to_thread(next, pieces, end)
            if piece is end:
                return
            if piece:
                yield piece
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            await asyncio.to_thread(close)


def _attachment(name: str) -> str:
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
