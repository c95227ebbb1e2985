"""OpenAPI that says what can go wrong: problems, not FastAPI's own form of validation errors.

What follows from an operation's form is added here: 400 and 503 (a store is away) everywhere, 401
where a token is asked for, 403 where a role is, 404 where a path has an id, 409 where an
Idempotency-Key is, 412 and 428 where an If-Match is, 408, 413 and 415 where a body is, 422 where
anything can be wrong; and an ETag where a thing with an id and a version is answered, or an
If-Match or If-None-Match is. What its rules add, a route says itself:

    @router.post("", responses=documented(409) | sends(201, "Location"))
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


_HEADERS = {
    "Content-Disposition": "That it is to be saved, and as what",
    "ETag": "The version, for If-Match and If-None-Match",
    "Idempotent-Replayed": "`true` where the same request was answered before",
    "Location": "Where what was made is",
    "Retry-After": "Seconds after which a try makes sense",
    "WWW-Authenticate": "What to send, and what was wrong with the token (RFC 6750, 3)",
}
_OF_PROBLEMS = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


def documented(*statuses: int) -> Responses:
    """Return the `responses` of a route whose problems have these statuses."""
    reference = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": reference}},
            **({"headers": _headers(_OF_PROBLEMS[status])} if status in _OF_PROBLEMS else {}),
        }
        for status in statuses
    }


def sends(status: int, *headers: str) -> Responses:
    """Return the `responses` of a route whose answer of this status has these headers."""
    return {status: {"headers": _headers(*headers)}}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}


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
                    _document_versions(operation, schemas)
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


def _document_versions(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    asked = {parameter["name"].lower() for parameter in operation.get("parameters", ())}
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        name = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        fields = schemas.get(name.rpartition("/")[2], {}).get("properties", {})
        is_of_version = {"id", "version"} <= fields.keys() or asked & {"if-match", "if-none-match"}
        if status == "304" or (status.startswith("2") and content and is_of_version):
            response["headers"] = {**_headers("ETag"), **response.get("headers", {})}
