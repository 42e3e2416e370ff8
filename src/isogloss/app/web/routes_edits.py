"""Edits of the topics, kept in the atlas."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from isogloss.app.web.asgi import Refusal
from isogloss.app.web.replies import json_reply
from isogloss.app.web.routes_map import edit_labels, explorer_of
from isogloss.app.web.shapes import (
    EditedReply,
    EditGiven,
    EditsReply,
    MergeGiven,
    RenameGiven,
    SplitGiven,
    VersionGiven,
)
from isogloss.atlas import Atlas

router = APIRouter(prefix="/api/edits", tags=["edits"])


def need_editable(request: Request) -> None:
    """Refuse every edit where none are made, whatever it is.

    Raises
    ------
    Refusal
        403, kind ``"read_only"``.
    """
    explorer_of(request).need_editable()


EDITING = [Depends(need_editable)]


@router.get("", response_model=EditsReply)
async def edits(request: Request) -> Response:
    """List the edits that can be undone or redone."""
    view = await explorer_of(request).view()
    undo, redo = edit_labels(view)
    found = [one.to_json() for one in view.atlas.edits]
    return json_reply({"version": view.version, "edits": found, "undo": undo, "redo": redo})


@router.post("", response_model=EditedReply, dependencies=EDITING)
async def edit(request: Request, given: EditGiven) -> Response:
    """Rename, merge or split topics; 409 when the atlas has moved on from the version given."""
    explorer = explorer_of(request)
    view = await explorer.view()
    _check_topics(given, len(view.paths) if given.version == view.version else None)
    return json_reply(await explorer.edits.apply(given.version, partial(_change, given)))


@router.post("/undo", response_model=EditedReply, dependencies=EDITING)
async def undo(request: Request, given: VersionGiven) -> Response:
    """Take the last edit back."""
    return await _step(request, given.version, "undo")


@router.post("/redo", response_model=EditedReply, dependencies=EDITING)
async def redo(request: Request, given: VersionGiven) -> Response:
    """Do again what was taken back last."""
    return await _step(request, given.version, "redo")


async def _step(request: Request, version: int, name: str) -> Response:
    explorer = explorer_of(request)
    view = await explorer.view()
    label = edit_labels(view)[name == "redo"]
    if version == view.version and label is None:
        raise Refusal(409, "nothing", f"there is nothing to {name}")

    def change(atlas: Atlas) -> Any:
        return atlas.undo() if name == "undo" else atlas.redo()

    return json_reply(await explorer.edits.apply(version, change))


def _change(given: RenameGiven | MergeGiven | SplitGiven, atlas: Atlas) -> Any:
    if isinstance(given, RenameGiven):
        return atlas.rename_topic(given.topic, given.name)
    if isinstance(given, MergeGiven):
        return atlas.merge_topics([given.topics])
    return atlas.split_topic(given.topic, into=given.into)


def _check_topics(given: RenameGiven | MergeGiven | SplitGiven, count: int | None) -> None:
    named = given.topics if isinstance(given, MergeGiven) else [given.topic]
    for topic in named:
        if count is not None and topic >= count:
            raise Refusal(404, "not_found", f"there is no topic {topic}")
