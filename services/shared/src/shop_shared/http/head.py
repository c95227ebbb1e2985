"""HEAD wherever GET is (RFC 9110, 9.3.2): the same headers, no content."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware: a HEAD is answered by the route's GET, whose content is left out.

    A GET that streams without end is told that its client has left once its headers are sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, with GET where the client says HEAD."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        begun = asyncio.Event()
        complete = False

        async def receive_until_begun() -> Message:
            nonlocal complete
            if complete:
                await begun.wait()
                return {"type": "http.disconnect"}
            message = await receive()
            complete = not message.get("more_body", False)
            return message

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                begun.set()

        # A copy: the server must go on to see a HEAD. What the router finds is for both.
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive_until_begun, send_headers)
        finally:
            if "route" in as_get:
                scope["route"] = as_get["route"]
