"""Passages read from the table: whole, in parts, in their document, near to each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from isogloss.app.web.asgi import Refusal
from isogloss.app.web.exact import exact
from isogloss.app.web.shapes import LIMITS
from isogloss.app.web.view import View
from isogloss.search.passages import search_passages
from isogloss.search.results import SearchResult, json_columns
from isogloss.store.table import reading

Ints = NDArray[np.signedinteger[Any]]


def take(view: View, places: Sequence[int] | Ints, columns: Sequence[str]) -> pa.Table:
    """Read columns of some passages.

    Parameters
    ----------
    view : View
    places : ints (m,)
        Places among all passages, in the order wanted, each once.
    columns : sequence of str

    Returns
    -------
    pyarrow.Table
        m rows, ``passage`` first.
    """
    wanted = list(dict.fromkeys(["passage", *columns]))
    at = np.asarray(places, dtype=np.int64)
    if not len(at):
        return pa.schema([view.atlas.schema.field(name) for name in wanted]).empty_table()
    ids = view.atlas.vectors.live.row_ids[at].tolist()
    with reading(f"the table of passages in {view.atlas.path}"):
        found = view.atlas.table.take_row_ids(ids).select(wanted).to_arrow()
    # Lance gives them in an order of its own.
    by_number = np.argsort(found["passage"].to_numpy())
    rank = np.empty(len(at), dtype=np.int64)
    rank[np.argsort(view.points.numbers[at])] = np.arange(len(at))
    return found.take(pa.array(by_number[rank]))


def need_place(view: View, passage: int) -> int:
    """Find a passage.

    Raises
    ------
    Refusal
        404 when there is none of that number.
    """
    place = view.points.place(passage)
    if place is None:
        raise Refusal(404, "not_found", f"there is no passage {passage}")
    return place


def passage(view: View, number: int) -> dict[str, Any]:
    """Give a passage, its text cut."""
    place = need_place(view, number)
    attributes = list(view.atlas.manifest.attributes)
    names = ["id", "document", "text", "topic", "membership", *attributes]
    table = take(view, [place], names)
    row = {name: values[0] for name, values in json_columns(table, names).items()}
    text = row["text"] or ""
    topic = -1 if row["topic"] is None else row["topic"]
    x, y = view.points.xy(place)
    return {
        "version": view.version, "passage": number, "id": exact(row["id"]),
        "document": row["document"],
        "text": text[: LIMITS["text"]], "text_length": len(text),
        "attributes": {name: exact(row[name]) for name in attributes},
        "topic": topic, "path": view.path(topic), "membership": row["membership"], "x": x, "y": y,
    }  # fmt: skip


def text_part(view: View, number: int, start: int, length: int) -> dict[str, Any]:
    """Give a part of a passage's text."""
    text = take(view, [need_place(view, number)], ["text"])["text"][0].as_py() or ""
    return {
        "version": view.version, "text": text[start : start + length], "start": start,
        "text_length": len(text),
    }  # fmt: skip


def document(view: View, number: int, before: int, after: int) -> dict[str, Any]:
    """Give the passages around one in its document, by number."""
    place = need_place(view, number)
    own = int(view.points.documents[place])
    places = np.flatnonzero(view.points.documents == own)
    current = int(np.searchsorted(places, place))
    first = max(0, current - before)
    shown = places[first : current + after + 1]
    table = take(view, shown, ["text"])
    passages = [
        {
            "passage": int(view.points.numbers[at]), "position": first + n,
            "text": text[: LIMITS["text"]], "text_length": length, "current": at == place,
        }
        for n, (at, text, length) in enumerate(
            zip(shown.tolist(), *cut(table["text"], LIMITS["text"]), strict=True)
        )
    ]  # fmt: skip
    return {
        "version": view.version, "document": own, "passages": passages, "of": len(places)
    }  # fmt: skip


def neighbours(view: View, number: int, k: int, where: str | None) -> dict[str, Any]:
    """Give the passages nearest to one by its vector, without itself."""
    atlas = view.atlas
    vector = take(view, [need_place(view, number)], ["vector"])["vector"].combine_chunks()
    result = search_passages(
        atlas.table,
        query_text="neighbours",  # a vector search does not read it
        query_vector=vector.flatten().to_numpy(zero_copy_only=False),
        schema=atlas.schema,
        attributes=atlas.manifest.attributes,
        k=k + 1,
        mode="vector",
        where=where,
        below=view.below,
        index=atlas.vectors,
    )
    found = found_reply(view, result)
    found["hits"] = [hit for hit in found["hits"] if hit["passage"] != number][:k]
    return found


def found_reply(view: View, result: SearchResult) -> dict[str, Any]:
    """Give what was found, each hit with its place and path, and its text cut."""
    told = result.to_json()
    for hit, found in zip(told["hits"], result.hits, strict=True):
        hit["id"], hit["attributes"] = exact(found.id), exact(found.attributes)
        place = need_place(view, hit["passage"])
        hit["x"], hit["y"] = view.points.xy(place)
        hit["path"] = view.path(hit["topic"])
        hit["text_length"] = len(hit["text"])
        hit["text"] = hit["text"][: LIMITS["hit_text"]]
    return {"version": view.version, **told}


def cut(texts: Any, length: int) -> tuple[list[str], list[int]]:
    """Cut a column of texts; give the beginnings and the lengths of all, in code points.

    Examples
    --------
    >>> cut(pa.chunked_array([["abc", None]]), 2)
    (['ab', ''], [3, 0])
    """
    known = pc.fill_null(texts, "")
    return (
        pc.utf8_slice_codeunits(known, 0, length).to_pylist(),
        pc.utf8_length(known).to_pylist(),
    )
