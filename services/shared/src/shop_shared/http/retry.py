"""Calls to other services that survive a server which closes a kept connection just then.

A pod that goes, or whose kept connection has been idle long enough, closes it without an answer;
a request that was on its way meets the end of the connection. One that may be repeated is sent once
more, on another connection. Source: RFC 9110, 9.2.2; RFC 9112, 9.3.1.
"""

import httpx

_CONNECTION_ENDED = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})

REPEATABLE = {"repeatable": True}
"""As a request's `extensions`: it changes nothing, whatever its method."""


class RetryTransport(httpx.AsyncBaseTransport):
    """A connection pool whose requests are sent twice at most."""

    def __init__(self, pool: httpx.AsyncBaseTransport | None = None) -> None:
        self._pool = pool or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises what the pool raises, of the second try if there was one."""
        try:
            return await self._pool.handle_async_request(request)
        except _CONNECTION_ENDED:
            if not _may_be_repeated(request):
                raise
        return await self._pool.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


def _may_be_repeated(request: httpx.Request) -> bool:
    """Say so of what changes nothing when it is done twice, and whose body is still here."""
    return isinstance(request.stream, httpx.ByteStream) and (
        request.method in _IDEMPOTENT
        or "Idempotency-Key" in request.headers
        or bool(request.extensions.get("repeatable"))
    )
