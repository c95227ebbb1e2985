"""Each request: in its trace, counted, timed; what nobody foresaw is logged and a bare 500."""

import time
from http import HTTPStatus
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop_shared.http import problems
from shop_shared.observability import telemetry

_log = structlog.get_logger(__name__)
_QUIET = {"/livez", "/readyz", "/startupz", "/metrics"}


class ObserveRequests:
    """ASGI middleware, outermost: trace, metrics, a log line for what fails."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and see what comes of it."""
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        begun = 0.0

        async def note(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status = message["status"]
                # How long a stream of events goes on is for who follows it to say.
                if (_header(message, b"content-type") or "").startswith("text/event-stream"):
                    begun = time.perf_counter()
            await send(message)

        with telemetry.span(
            scope["method"],
            kind="server",
            traceparent=_header(scope, b"traceparent"),
            **{"http.request.method": scope["method"], "url.path": scope["path"]},
        ):
            try:
                await self._app(scope, receive, note)
            except Exception:
                _log.exception("request failed", method=scope["method"], path=scope["path"])
                if status:  # Begun: all that can be done is to break the connection off.
                    raise
                status = 500
                answer = await _unforeseen(scope, receive)
                await answer(scope, receive, send)
            finally:
                seconds = (begun or time.perf_counter()) - started
                route = _route(scope)
                telemetry.name_span(f"{scope['method']} {route}")
                if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    telemetry.fail_span(str(status))
                telemetry.requests.labels(scope["method"], route, str(status)).inc()
                telemetry.duration.labels(scope["method"], route).observe(
                    seconds, telemetry.exemplar()
                )
                _log.debug(
                    "request", method=scope["method"], route=route, status=status, seconds=seconds
                )


async def _unforeseen(scope: Scope, receive: Receive) -> Response:
    """Return a bare 500 as the application answers problems: perhaps by a page."""
    problem = problems.Problem()
    try:
        return await problems.answer(problem, scope, receive)
    except Exception:  # noqa: BLE001 - what failed may be what pages are made of
        _log.exception("answer of a failure failed", path=scope["path"])
        return problems.response(problem)


def _header(headed: Scope | Message, name: bytes) -> str | None:
    for key, value in headed["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def _route(scope: Scope) -> str:
    """Return the route's template; paths as they come would be labels without end."""
    route: Any = scope.get("route")
    return getattr(route, "path", None) or "unmatched"
