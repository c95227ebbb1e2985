"""Errors as RFC 9457 `application/problem+json`: classes with a status, rendered in one place."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Mount
from starlette.types import Receive, Scope

from shop_shared.observability.trace_context import current_trace_id

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger(__name__)


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An error that is the caller's to know. Subclasses name their status and code."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[Mapping[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: object,
    ) -> None:
        """Take what happened in words, `errors` as [{pointer, message}], and further members."""
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.extra = extra


class ClientDisconnected(Problem):
    """The caller left before the end of the body. Nobody reads the answer; metrics show it."""

    status, code, title = 499, "client_disconnected", "The client went away"


class BadRequest(Problem):
    """The request can't be understood."""

    status, code, title = 400, "bad_request", "Bad request"


class Unauthenticated(Problem):
    """No token, or none that counts."""

    status, code, title = 401, "unauthenticated", "Authentication required"

    def __init__(self, detail: str | None = None, *, error: str | None = None) -> None:
        """Take the error of RFC 6750, 3.1: none when there was no token at all."""
        challenge = (
            f'Bearer realm="minishop", error="{error}"' if error else 'Bearer realm="minishop"'
        )
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


class Forbidden(Problem):
    """Known, and not allowed."""

    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(Problem):
    """Not there, or not for this caller to know of."""

    status, code, title = 404, "not_found", "Not found"


class Conflict(Problem):
    """The state of the thing does not allow it."""

    status, code, title = 409, "conflict", "Conflict"


class PreconditionFailed(Problem):
    """If-Match names a version that is no longer the current one."""

    status, code, title = 412, "precondition_failed", "Changed in the meantime"


class PayloadTooLarge(Problem):
    """The body is over the limit."""

    status, code, title = 413, "payload_too_large", "Request body too large"


class UnsupportedMediaType(Problem):
    """The body's type is not one this route takes."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class UnsupportedContentEncoding(UnsupportedMediaType):
    """The body is compressed (RFC 9110, 15.5.16)."""

    code, title = "unsupported_content_encoding", "Unsupported content encoding"

    def __init__(self) -> None:
        super().__init__(
            "Send the body as it is, not compressed.", headers={"Accept-Encoding": "identity"}
        )


class RequestTimeout(Problem):
    """The caller did not send the request's body in time."""

    status, code, title = 408, "request_timeout", "Request not received in time"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Connection": "close"})


class Unprocessable(Problem):
    """Understood, and not acceptable."""

    status, code, title = 422, "unprocessable", "Invalid request"


class PreconditionRequired(Problem):
    """If-Match is missing where it must not be."""

    status, code, title = 428, "precondition_required", "If-Match required"


class TooManyRequests(Problem):
    """Over a rate limit."""

    status, code, title = 429, "too_many_requests", "Too many requests"

    def __init__(self, detail: str | None = None, *, retry_after: int) -> None:
        """Take the seconds after which a try makes sense."""
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class BadGateway(Problem):
    """Someone we asked gave no usable answer."""

    status, code, title = 502, "bad_gateway", "Upstream failed"


class Unavailable(Problem):
    """A store is away; a later try may work."""

    status, code, title = 503, "unavailable", "Temporarily unavailable"

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        """Take the seconds after which a try makes sense."""
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


_BY_STATUS = {kind.status: kind for kind in Problem.__subclasses__()}


def response(problem: Problem) -> Response:
    """Render a problem."""
    content: dict[str, Any] = {
        "type": f"https://minishop.dev/problems/{problem.code.replace('_', '-')}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail or problem.title,
        "code": problem.code,
        "trace_id": current_trace_id(),
        **problem.extra,
    }
    if problem.errors is not None:
        content["errors"] = problem.errors
    return Response(
        orjson.dumps(content, default=str),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


async def answer(problem: Problem, scope: Scope, receive: Receive) -> Response:
    """Return what the application answers a problem with, outside of its routes: perhaps a page."""
    handlers = getattr(scope.get("app"), "exception_handlers", {})
    if Problem not in handlers:
        return response(problem)
    answered: Response = await handlers[Problem](Request(scope, receive), problem)
    return answered


def from_validation(errors: Sequence[Any]) -> Unprocessable:
    """Turn pydantic's errors into a 422 with a JSON pointer (RFC 6901) each.

    The pointer of a body's field is into the body; others start with their place: /query/limit.
    What was sent is not repeated.
    """
    return Unprocessable(
        "The request does not have the form it must have.",
        errors=[
            {"pointer": _pointer(error["loc"]), "message": str(error["msg"])} for error in errors
        ],
    )


def _pointer(location: Sequence[str | int]) -> str:
    parts = location[1:] if location and location[0] == "body" else location
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def of_status(
    status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> Problem:
    """Make the problem of a bare HTTP status (404 and 405 of the router)."""
    phrase = HTTPStatus(status).phrase
    kind = _BY_STATUS.get(status)
    attributes = (
        {"status": status, "code": phrase.lower().replace(" ", "_"), "title": phrase}
        if kind is None
        else {"status": status, "code": kind.code, "title": kind.title}
    )
    # A class of its own: those above ask for other arguments (Retry-After, a challenge).
    made: Problem = type("HttpProblem", (Problem,), attributes)(
        None if detail == phrase else detail, headers=headers
    )
    return made


def _allowed(app: FastAPI, scope: Scope) -> list[str]:
    """Return every method that the path has, of all its routes (RFC 9110, 15.5.6).

    What is mounted is files, to be read only. HEAD is where GET is, OPTIONS everywhere.
    """
    methods = {
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        for route in app.routes
        if route.matches({**scope, "method": method})[0] is Match.FULL
        and (method == "GET" or not isinstance(route, Mount))
    }
    return sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))


def install(app: FastAPI) -> None:
    """Make every error of app a problem; what nobody foresaw is logged and a bare 500."""

    async def of_problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)  # noqa: S101 - registered for it
        return response(error)

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_allowed(app, request.scope))
        # RFC 9110, 9.3.7: of a path, or of the server as such.
        if request.method == "OPTIONS" and ("Allow" in headers or request.scope["path"] == "*"):
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
        return response(of_status(error.status_code, error.detail, headers))

    async def of_validation(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        return response(from_validation(error.errors()))

    async def of_disconnect(_request: Request, _error: Exception) -> Response:
        # Whoever left in the middle of a body reads no answer, and is no failure of the service.
        return response(ClientDisconnected())

    app.add_exception_handler(ClientDisconnect, of_disconnect)
    app.add_exception_handler(Problem, of_problem)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)


def install_unavailable(
    app: FastAPI, kinds: Sequence[type[Exception]], *, is_temporary: Callable[[Exception], bool]
) -> None:
    """Answer 503 where a store's error of these kinds may pass; others stay a logged 500."""

    async def of_store(_request: Request, error: Exception) -> Response:
        if not is_temporary(error):
            raise error
        _log.warning("store is away", error=repr(error))
        return response(Unavailable())

    for kind in kinds:
        app.add_exception_handler(kind, of_store)
