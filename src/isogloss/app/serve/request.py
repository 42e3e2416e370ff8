"""Read the body of an embeddings request, strictly."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from isogloss._core.errors import nearest
from isogloss.app.serve.limits import Limits
from isogloss.app.serve.problems import Problem
from isogloss.app.web.mistakes import json_mistake

Kind = Literal["document", "query"]

FIELDS = ("model", "input", "encoding_format", "dimensions", "user", "input_type")
# What other servers call the two sides.
KINDS: dict[str, Kind] = {
    "document": "document",
    "query": "query",
    "passage": "document",
    "search_document": "document",
    "search_query": "query",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request for embeddings, checked.

    Parameters
    ----------
    model : str
        As the client wrote it.
    texts : list of str
        At least one; none is empty.
    kind : {"document", "query"}
        Which prompt of the model the texts get.
    base64 : bool
        Vectors as base64 of little-endian float32, not as numbers.
    dimensions : int or None
        Numbers to keep of each vector.
    """

    model: str
    texts: list[str]
    kind: Kind = "document"
    base64: bool = False
    dimensions: int | None = None


def read_request(body: bytes, *, names: tuple[str, ...], dim: int, limits: Limits) -> Request:
    """Check a body against the contract.

    Parameters
    ----------
    body : bytes
        JSON.
    names : tuple of str
        Names of the model; ``NAME@query`` and ``NAME@document`` say which prompt, too.
    dim : int
        Length of its vectors.
    limits : Limits

    Returns
    -------
    Request

    Raises
    ------
    Problem
        400 for what cannot be read, 404 for another model, 413 beyond a limit.

    Examples
    --------
    >>> body = b'{"model": "lexical", "input": "a cat"}'
    >>> read_request(body, names=("lexical",), dim=384, limits=Limits()).texts
    ['a cat']
    """
    fields = _object(body)
    for name in fields:
        if name not in FIELDS:
            raise Problem(
                400, f"unknown field {name[:80]!r}: {nearest(name, FIELDS)}",
                param=name[:80], code="unknown_parameter",
            )  # fmt: skip
    model, asked = _model(fields, names)
    texts = _texts(fields, limits)
    if b"\\ud" in body or b"\\uD" in body:
        _refuse_halves(texts)
    return Request(
        model=model,
        texts=texts,
        kind=_kind(fields, asked),
        base64=_is_base64(fields),
        dimensions=_dimensions(fields, dim),
    )


class NotJsonError(ValueError):
    """A word that Python reads, and JSON does not know."""


def _object(body: bytes) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise NotJsonError(f"{name} is no JSON")

    try:
        fields = json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        told = json_mistake(error, "the body")
        if isinstance(error, NotJsonError):
            told = f"the body is not JSON: {error}"
        raise Problem(400, told, code="invalid_json") from None
    if not isinstance(fields, dict):
        raise Problem(400, 'the body is no JSON object: send {"model": ..., "input": ...}')
    return fields


def _model(fields: dict[str, Any], names: tuple[str, ...]) -> tuple[str, Kind | None]:
    model = fields.get("model")
    if model is None:
        raise Problem(
            400, f"model is missing: this server has {names[0]!r}",
            param="model", code="missing_required_parameter",
        )  # fmt: skip
    if not isinstance(model, str):
        raise Problem(400, f"model is {_named(model)}, not a string", param="model")
    if model in names:
        return model, None
    name, _, side = model.rpartition("@")
    if name in names and side in ("query", "document"):
        return model, KINDS[side]
    raise unknown_model(model, names[0])


def unknown_model(model: str, known: str) -> Problem:
    """Give the refusal of a model that is not here."""
    return Problem(
        404, f"there is no model {model[:200]!r} here: this server has {known!r}",
        param="model", code="model_not_found",
    )  # fmt: skip


def _texts(fields: dict[str, Any], limits: Limits) -> list[str]:
    given = fields.get("input")
    if given is None:
        raise Problem(
            400, "input is missing: give a string or a list of strings",
            param="input", code="missing_required_parameter",
        )  # fmt: skip
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list):
        raise Problem(
            400, f"input is {_named(given)}: give a string or a list of strings", param="input"
        )
    if not texts:
        raise Problem(400, "input is an empty list: give at least one string", param="input")
    if len(texts) > limits.request_passages:
        raise Problem(
            413, f"input has {len(texts):,} strings; one request may bring "
            f"{limits.request_passages:,} (--request-passages): send several requests",
            param="input", code="too_many_inputs",
        )  # fmt: skip
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            where = f"input[{row}]"
            if isinstance(text, int | list) and not isinstance(text, bool):
                raise Problem(
                    400, "input holds token numbers, which belong to another model's tokenizer: "
                    "send the text itself as strings",
                    param="input", code="token_input_unsupported",
                )  # fmt: skip
            raise Problem(400, f"{where} is {_named(text)}, not a string", param="input")
        if not text:
            where = "input" if isinstance(given, str) else f"input[{row}]"
            raise Problem(400, f"{where} is an empty string: leave it out", param="input")
    return texts


def _refuse_halves(texts: list[str]) -> None:
    for row, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise Problem(
                400, f"input[{row}] holds half a character at {error.start} (a lone surrogate)",
                param="input",
            ) from None  # fmt: skip


def _kind(fields: dict[str, Any], asked: Kind | None) -> Kind:
    given = fields.get("input_type")
    if given is None:
        return asked or "document"
    if not isinstance(given, str) or given not in KINDS:
        shown = repr(given[:80]) if isinstance(given, str) else _named(given)
        raise Problem(400, f"input_type is {shown}: give 'document' or 'query'", param="input_type")
    kind = KINDS[given]
    if asked not in (None, kind):
        raise Problem(
            400, f"input_type is {given!r}, and the model's name ends in '@{asked}': leave one out",
            param="input_type",
        )  # fmt: skip
    return kind


def _is_base64(fields: dict[str, Any]) -> bool:
    given = fields.get("encoding_format")
    if given is None or given == "float":
        return False
    if given == "base64":
        return True
    shown = repr(given[:80]) if isinstance(given, str) else _named(given)
    raise Problem(
        400, f"encoding_format is {shown}: give 'float' or 'base64'", param="encoding_format"
    )


def _dimensions(fields: dict[str, Any], dim: int) -> int | None:
    given = fields.get("dimensions")
    if given is None:
        return None
    if isinstance(given, float) and given.is_integer():
        given = int(given)  # JSON knows no difference
    if isinstance(given, bool) or not isinstance(given, int):
        raise Problem(
            400,
            f"dimensions is {_named(given)}: give a whole number, 1 to {dim}",
            param="dimensions",
        )
    if not 1 <= given <= dim:
        shown = given if abs(given) < 10**9 else "beyond all bounds"
        raise Problem(
            400, f"dimensions is {shown}: this model's vectors can be cut to 1 to {dim}",
            param="dimensions", code="invalid_dimensions",
        )  # fmt: skip
    return given


def _named(value: Any) -> str:
    names = {
        "NoneType": "null", "bool": "true or false", "int": "a number", "float": "a number",
        "str": "a string", "list": "a list", "dict": "an object",
    }  # fmt: skip
    return names[type(value).__name__]
