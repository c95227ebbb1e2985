"""OpenAPI that says what can go wrong: problems, not FastAPI's own form of validation errors.

What follows from an operation's form is added here: 400 and 503 (a store is away) everywhere, 401
where a token is asked for, 403 where a role is, 404 where a path has an id, 409 where an
Idempotency-Key is, 412 and 428 where an If-Match is, 408, 413 and 415 where a body is, 422 where
anything can be wrong. What its rules add, a route says itself:

    @router.post("/{id}/cancel", responses=documented(404, 409))
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from shop_shared.http.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

_PROBLEM = {
    "title": "Problem",
    "description": "An error (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "trace_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["not_found"]},
        "trace_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "message"],
                "properties": {"pointer": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which a try makes sense",
        "schema": {"type": "integer"},
    }
}
_CHALLENGE = {
    "WWW-Authenticate": {
        "description": "What to send, and what was wrong with the token (RFC 6750, 3)",
        "schema": {"type": "string"},
    }
}
_HEADERS = {401: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}


def documented(*statuses: int) -> Responses:
    """Return the `responses` of a route whose problems have these statuses."""
    reference = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": reference}},
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Make app.openapi() name every problem its operations can answer."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = plain()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = _PROBLEM
            for kind in ("HTTPValidationError", "ValidationError"):
                schemas.pop(kind, None)
            for item in document["paths"].values():
                for operation in item.values():
                    _document(operation)
        assert app.openapi_schema is not None  # noqa: S101 - plain() has set it
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


_OF_PARAMETERS = {"idempotency-key": {409}, "if-match": {412, 428}}


def _document(operation: dict[str, Any]) -> None:
    possible = {400, 503}  # what the HTTP server can't read; a store that is away
    if "security" in operation:
        possible.add(401)
    if any(roles for scheme in operation.get("security", ()) for roles in scheme.values()):
        possible.add(403)
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            possible.add(404)
        possible |= _OF_PARAMETERS.get(parameter["name"].lower(), set())
    if "requestBody" in operation:
        possible |= {408, 413, 415, 422}
    responses = operation["responses"]
    if responses.pop("422", None) is not None:
        possible.add(422)
    for status, response in documented(*sorted(possible)).items():
        responses.setdefault(str(status), response)
