"""The OpenAPI description of the paths under ``/v1``."""

from typing import Any

from isogloss import __version__
from isogloss.app.serve.service import Service


def describe(service: Service) -> dict[str, Any]:
    """Give the description, with the limits and names of this server."""
    limits = service.limits
    text = {"type": "string", "minLength": 1}
    request = {
        "type": "object",
        "required": ["model", "input"],
        "additionalProperties": False,
        "properties": {
            "model": {
                "type": "string",
                "description": f"{service.name!r}; with @query or @document behind it, the "
                "prompt of that side of the model is used",
                "enum": [*service.names, f"{service.name}@query", f"{service.name}@document"],
            },
            "input": {
                "oneOf": [
                    text,
                    {
                        "type": "array",
                        "items": text,
                        "minItems": 1,
                        "maxItems": limits.request_passages,
                    },
                ]
            },
            "encoding_format": {"enum": ["float", "base64", None], "default": "float"},
            "dimensions": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": service.encoder.dim,
            },
            "input_type": {
                "enum": ["document", "query", "passage", "search_document", "search_query", None],
                "default": "document",
            },
            "user": {"description": "ignored"},
        },
    }
    error = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
            }
        },
    }
    answer = {
        "type": "object",
        "required": ["object", "data", "model", "usage"],
        "properties": {
            "object": {"const": "list"},
            "data": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["object", "index", "embedding"],
                    "properties": {
                        "object": {"const": "embedding"},
                        "index": {"type": "integer"},
                        "embedding": {
                            "oneOf": [
                                {"type": "array", "items": {"type": "number"}},
                                {"type": "string"},
                            ]
                        },
                    },
                },
            },
            "model": {"type": "string"},
            "usage": {
                "type": "object",
                "required": ["prompt_tokens", "total_tokens"],
                "properties": {
                    "prompt_tokens": {"type": "integer"},
                    "total_tokens": {"type": "integer"},
                },
            },
            "truncation": {"type": "object"},
            "without_content": {"type": "array", "items": {"type": "integer"}},
        },
    }
    model = {
        "type": "object",
        "required": ["id", "object", "created", "owned_by"],
        "properties": {"id": {"type": "string"}, "object": {"const": "model"}},
    }
    models = {"type": "object", "properties": {"data": {"type": "array", "items": model}}}

    def says(about: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"description": about, "content": {"application/json": {"schema": schema}}}

    refusals = {
        "400": "a field is wrong, and which",
        "401": "the token is missing or wrong",
        "403": "the Host or Origin header is foreign",
        "404": "there is no such model",
        "408": "the body did not arrive in time",
        "413": f"above {limits.request_passages:,} inputs or {limits.request_bytes:,} bytes",
        "415": "the body is not sent as JSON",
        "429": f"{limits.queue_passages:,} passages wait; Retry-After says when to try again",
        "503": "the server is ending",
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "isogloss serve", "version": __version__},
        "paths": {
            "/v1/embeddings": {
                "post": {
                    "operationId": "create_embeddings",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": request}},
                    },
                    "responses": {
                        "200": says("one vector for each input, in their order", answer),
                        **{code: says(about, error) for code, about in refusals.items()},
                    },
                }
            },
            "/v1/models": {
                "get": {
                    "operationId": "list_models",
                    "responses": {"200": says("the models of this server", models)},
                }
            },
            "/v1/models/{name}": {
                "get": {
                    "operationId": "show_model",
                    "parameters": [
                        {
                            "name": "name",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string", "minLength": 1},
                        }
                    ],
                    "responses": {
                        "200": says("one model", model),
                        "404": says("there is none of that name", error),
                    },
                }
            },
        },
    }
