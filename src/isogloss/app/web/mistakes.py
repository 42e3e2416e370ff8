"""Mistakes in requests, each in one plain line that says what would be right."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from fastapi import Request
from pydantic import BaseModel

from isogloss._core.errors import nearest
from isogloss.app.web.asgi import Refusal

_TYPES = {
    "string": "a string", "int": "a whole number", "float": "a number", "bool": "true or false",
    "list": "a list", "dict": "an object", "model_attributes": "an object", "model": "an object",
}  # fmt: skip
_BOUNDS = {
    "greater_than_equal": ("ge", "{} at least"), "less_than_equal": ("le", "{} at most"),
    "greater_than": ("gt", "more than {}"), "less_than": ("lt", "less than {}"),
}  # fmt: skip


def json_mistake(error: Exception, what: str) -> str:
    """Say why something could not be read as JSON.

    Parameters
    ----------
    error : Exception
        What `json.loads` raised.
    what : str
        What was read.

    Examples
    --------
    >>> json_mistake(RecursionError("maximum recursion depth exceeded"), "the body")
    'the body is nested too deeply'
    """
    if isinstance(error, RecursionError):
        return f"{what} is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, column {error.colno}"
        return f"{what} is not JSON: it goes wrong at {where}"
    if isinstance(error, UnicodeError):
        return f"{what} is not JSON: it is not UTF-8"
    if "digits" in str(error):
        return f"{what} holds a number with thousands of digits"
    return f"{what} is not JSON"


def mistake(error: Mapping[str, Any], known: Sequence[str] = ()) -> str:
    """Say what pydantic found, in our own words.

    Parameters
    ----------
    error : mapping
        One of ``ValidationError.errors()``; its ``loc`` is where.
    known : sequence of str
        Fields that would have been right.

    Examples
    --------
    >>> mistake({"type": "less_than_equal", "loc": ("query", "k"), "ctx": {"le": 500}, "input": 9})
    'k is 9; 500 at most'
    >>> mistake({"type": "extra_forbidden", "loc": ("body", "wher"), "input": 1}, ["where", "k"])
    "unknown field 'wher': did you mean 'where'?"
    """
    kind, value, context = error["type"], error.get("input"), error.get("ctx") or {}
    path = list(error["loc"])
    if path and path[0] in ("body", "query", "path"):
        del path[0]
    name = _written(path) or "the body"
    if kind == "missing":
        return "the body is missing: send JSON" if not path else f"{name} is missing"
    if kind == "extra_forbidden":
        return f"unknown field {path[-1]!r:.80}: {nearest(str(path[-1]), known)}"
    if kind in ("string_too_long", "too_long", "string_too_short", "too_short"):
        things = "characters" if isinstance(value, str) else "entries"
        length = len(value) if value is not None else 0
        most = "max_length" in context and kind.endswith("long")
        bound = context["max_length" if most else "min_length"]
        return f"{name} has {length:,} {things}; {bound:,} at {'most' if most else 'least'}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        given = value[:40] if isinstance(value, str) else _shown(value)  # of an address
        return f"{name} is {given}; {words.format(f'{context[key]:,}')}"
    if kind in ("literal_error", "enum"):
        return f"{name} is {_shown(value)}; give {context['expected']}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        given = "missing" if kind.endswith("found") else _shown(context["tag"])
        return f"kind is {given}; give 'rename', 'merge' or 'split'"
    if kind == "finite_number":
        return f"{name} is {value}; give a finite number"
    wanted = _TYPES.get(kind.rpartition("_")[0]) or _TYPES.get(kind.partition("_")[0])
    return f"{name} is {_shown(value)}; give {wanted or 'what GET /api/openapi.json says'}"


def _written(path: Sequence[Any]) -> str:
    """Write where something stands: ``polygon[2][0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else f"{part}"
    return text[:200]


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:60] + "…")
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**20 else "a huge number"
    if isinstance(value, float):
        return str(value)
    return "a list" if isinstance(value, list | tuple) else "an object"


def request_mistake(error: Mapping[str, Any], route: Any) -> str:
    """Say what pydantic found in a request to a route."""
    if error["type"] == "json_invalid":
        place = error["loc"][-1] if isinstance(error["loc"][-1], int) else 0
        return f"the body is not JSON: it goes wrong at character {place + 1:,}"
    field = getattr(route, "body_field", None)
    models = list(_models(field.field_info.annotation)) if field is not None else []
    path = list(error["loc"])
    if len(models) > 1 and len(path) > 1:  # one of several shapes: its name is no field
        models = [one for one in models if path[1] in get_args(one.model_fields["kind"].annotation)]
        path[1:2] = []
    known = [name for one in models for name in one.model_fields]
    return mistake({**error, "loc": path}, known)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for part in get_args(annotation):
        yield from _models(part)


def only_known(request: Request) -> None:
    """Refuse parameters of an address that it does not take, or that come twice.

    Raises
    ------
    Refusal
        400, with the nearest one that is known.
    """
    route = request.scope["route"]
    known = [field.alias for field in route.dependant.query_params]
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            hint = nearest(name, known) if known else "this address takes none"
            raise Refusal(400, "bad_request", f"unknown parameter {name[:80]!r}: {hint}")
        if name in seen:
            raise Refusal(400, "bad_request", f"{name} is given twice: give it once")
        seen.add(name)
