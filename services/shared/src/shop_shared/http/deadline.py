"""Deadlines: how long a request may take to be answered, passed on from the gateway.

The gateway says in `X-Request-Timeout-Ms` how long it will wait for the beginning of an answer.
Work that nobody waits for any more is cancelled, so a crowd that has given up costs nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop_shared.http import problems
from shop_shared.http.problems import Problem

HEADER = b"x-request-timeout-ms"
_log = structlog.get_logger(__name__)


class GatewayTimeout(Problem):
    """The answer did not begin within the deadline."""

    status, code, title = 504, "gateway_timeout", "Not answered in time"


class Deadline:
    """A time limit in seconds that stands still while the caller is waited for.

    So a caller who sends a body slowly takes nothing from the time of the side that answers.
    Needs a running event loop.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + seconds
        self._paused_at: float | None = None
        self._timer: asyncio.Timeout | None = None

    @property
    def left(self) -> float:
        """Seconds left; below zero when it has passed."""
        now = self._loop.time() if self._paused_at is None else self._paused_at
        return self._ends_at - now

    @contextlib.asynccontextmanager
    async def limit(self) -> AsyncIterator[None]:
        """Cancel what runs inside when the time is up. Raises TimeoutError then."""
        until = self._ends_at if self._paused_at is None else None
        async with asyncio.timeout_at(until) as timer:
            self._timer = timer
            try:
                yield
            finally:
                self._reschedule(None)
                self._timer = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock inside."""
        if self._paused_at is not None:
            yield
            return
        self._paused_at = self._loop.time()
        self._reschedule(None)
        try:
            yield
        finally:
            self._ends_at += self._loop.time() - self._paused_at
            self._paused_at = None
            self._reschedule(self._ends_at)

    def lift(self) -> None:
        """Let what runs inside `limit` go on for as long as it takes."""
        self._reschedule(None)
        self._timer = None

    def _reschedule(self, when: float | None) -> None:
        if self._timer is not None and not self._timer.expired():
            self._timer.reschedule(when)


class EnforceDeadline:
    """ASGI middleware: a request whose caller has given up is cancelled and answered 504.

    An answer that has begun may take as long as it takes: streams have no deadline.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application within the time that the request's header names, if it does."""
        raw = dict(scope["headers"]).get(HEADER, b"") if scope["type"] == "http" else b""
        if not (raw.isdigit() and len(raw) < 10):  # noqa: PLR2004 - 11 days
            await self._app(scope, receive, send)
            return
        deadline = Deadline(int(raw) / 1000)
        begun = complete = False

        async def receive_unhurried() -> Message:
            nonlocal complete
            if complete:  # what comes now is that the caller leaves
                return await receive()
            with deadline.paused():
                message = await receive()
            complete = not message.get("more_body", False)
            return message

        async def send_first(message: Message) -> None:
            nonlocal begun
            if not begun:
                begun = True
                deadline.lift()
            await send(message)

        try:
            async with deadline.limit():
                await self._app(scope, receive_unhurried, send_first)
        except TimeoutError:
            if begun or deadline.left > 0:
                raise
            _log.warning("request past its deadline", path=scope["path"], milliseconds=int(raw))
            await problems.response(GatewayTimeout())(scope, receive, send)
