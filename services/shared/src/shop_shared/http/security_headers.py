"""What tells a browser how little an answer may do (OWASP's REST and HTTP headers cheat sheets)."""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = Sequence[tuple[bytes, bytes]]
HSTS_SECONDS: Final = 365 * 24 * 3600

_ALWAYS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_SECURE: Headers = ((b"strict-transport-security", b"max-age=%d" % HSTS_SECONDS),)


class SecurityHeaders:
    """ASGI middleware: adds those that an answer does not have.

    `of_path` returns a service's own for a path: its content security policy and what else differs.
    """

    def __init__(self, app: ASGIApp, *, of_path: Callable[[str], Headers]) -> None:
        self._app = app
        self._of_path = of_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and complete its answer's headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        secure = _SECURE if scope["scheme"] == "https" else ()
        wanted = (*self._of_path(scope["path"]), *_ALWAYS, *secure)

        async def send_completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = [pair for pair in wanted if pair[0] not in present]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_completed)
