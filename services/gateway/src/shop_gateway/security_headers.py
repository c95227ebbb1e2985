"""What tells a browser how little an answer may do (OWASP's REST and HTTP headers cheat sheets)."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop_gateway.headers import Headers

API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
"""Of answers that are data: nothing may be loaded, run or framed."""
PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Of the storefront and the API's reader: all code and styles are files of this origin."""
HSTS_SECONDS = 365 * 24 * 3600

_PAGES = re.compile(r"/|/shop/.*|/docs(?:/.*)?")
_ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_SECURE: Headers = [(b"strict-transport-security", b"max-age=%d" % HSTS_SECONDS)]


class SecurityHeaders:
    """ASGI middleware: adds those that an answer does not have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and complete its answer's headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = PAGE_POLICY if _PAGES.fullmatch(scope["path"]) else API_POLICY
        wanted = [(b"content-security-policy", policy), *_ALWAYS]
        if scope["scheme"] == "https":
            wanted += _SECURE

        async def send_completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = [pair for pair in wanted if pair[0] not in present]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, send_completed)
