"""The streaming proxy: an ASGI application, since a framework's request object would cost more
than the forwarding itself.

A request is sent to one pod within its deadline; when nothing of it can have had an effect, it is
tried once more on another pod. Bodies pass through in pieces, both ways.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import structlog
from opentelemetry import propagate
from starlette.types import Message, Receive, Scope, Send
from yarl import URL

from shop_gateway import headers as h
from shop_gateway.balancer import (
    Balancer,
    BreakerOpenError,
    Endpoint,
    NoEndpointError,
    Pool,
)
from shop_gateway.problems import (
    BadGateway,
    BodyTooLarge,
    GatewayTimeout,
    NoRoute,
    ServiceUnavailable,
)
from shop_gateway.routes import RouteTable, Upstream

log = structlog.get_logger()

# RFC 9110 section 9.2.2; what has a body is not replayed, it may have been read already.
_REPLAYABLE = frozenset(("GET", "HEAD", "OPTIONS", "DELETE"))
_TRY_ANOTHER = frozenset((502, 503, 504))


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the proxy lets through, in bytes and seconds."""

    body_bytes: int
    upload_bytes: int
    deadline_seconds: float


class Proxy:
    """Forwards requests to the services of the route table."""

    def __init__(self, session: aiohttp.ClientSession, balancer: Balancer, limits: Limits) -> None:
        self.table = RouteTable()
        self._session = session
        self._balancer = balancer
        self._limits = limits

    def upstream(self, path: str) -> Upstream:
        """Return who answers `path`. Raises NoRoute."""
        found = None if _escapes(path) else self.table.match(path)
        if found is None:
            raise NoRoute(f"nothing is served at {path}")
        return found

    async def open(
        self, upstream: Upstream, method: str, target: str, headers: h.Headers, body: "Body"
    ) -> aiohttp.ClientResponse:
        """Send the request and return the answer once its headers are there.

        `target` is the raw path with its query. Raises BadGateway, GatewayTimeout,
        ServiceUnavailable, BodyTooLarge.
        """
        pool = self._balancer.pools.get(upstream) or Pool(upstream)
        deadline = time.monotonic() + self._limits.deadline_seconds
        replayable = method in _REPLAYABLE and body.empty
        avoid: str | None = None
        for last in (False, True):
            try:
                pool.breaker.check()
                with pool.endpoint(avoid=avoid) as endpoint:
                    avoid = endpoint.address
                    response = await self._send(
                        pool, endpoint, method, target, headers, body, deadline
                    )
            except BreakerOpenError as error:
                raise ServiceUnavailable(
                    f"{upstream.service} is failing; it is left alone for a moment",
                    retry_after=error.retry_after,
                ) from error
            except NoEndpointError as error:
                raise ServiceUnavailable(f"no pod of {upstream.service} is ready") from error
            except TimeoutError as error:
                raise GatewayTimeout(f"{upstream.service} did not answer in time") from error
            except aiohttp.ClientConnectionError as error:
                if isinstance(error.__cause__, BodyTooLarge):
                    raise error.__cause__ from None
                unsent = isinstance(error, aiohttp.ClientConnectorError)
                if last or not (replayable or (unsent and not body.started)):
                    raise BadGateway(f"{upstream.service} broke the connection off") from error
            else:
                if last or not replayable or response.status not in _TRY_ANOTHER:
                    return response
                response.release()
        raise AssertionError  # the second turn returns or raises

    async def _send(  # noqa: PLR0913, PLR0917 -- one call's parts, each used once
        self,
        pool: Pool,
        endpoint: Endpoint,
        method: str,
        target: str,
        headers: h.Headers,
        body: "Body",
        deadline: float,
    ) -> aiohttp.ClientResponse:
        left = deadline - time.monotonic()
        upstream = pool.upstream
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        ok = False
        try:
            async with asyncio.timeout(left):
                response = await self._session.request(
                    method,
                    URL(f"http://{endpoint.address}:{upstream.port}{target}", encoded=True),
                    headers=[
                        *h.as_text(headers),
                        *carrier.items(),
                        ("host", f"{upstream.service}:{upstream.port}"),
                        ("x-request-timeout-ms", str(int(left * 1000))),
                    ],
                    data=None if body.empty else body.pieces(),
                    allow_redirects=False,
                )
            ok = response.status not in _TRY_ANOTHER
        finally:
            pool.record(endpoint, ok=ok)
        return response

    async def stream(self, response: aiohttp.ClientResponse, receive: Receive, send: Send) -> None:
        """Pass an answer on as it comes. A client that goes away ends it at the service too."""
        headers = h.outbound(response.raw_headers)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        endless = response.content_type == "text/event-stream"
        async with _ended_by_disconnect(receive) if endless else _undisturbed():
            async for piece in response.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class Body:
    """A request's body as it comes from the client, counted."""

    def __init__(self, scope: Scope, receive: Receive, limits: Limits) -> None:
        raw = h.first(scope["headers"], b"content-length")
        kind = h.first(scope["headers"], b"content-type") or b""
        self._limit = limits.upload_bytes if b"ndjson" in kind else limits.body_bytes
        length = int(raw) if raw and raw.isdigit() else 0
        if length > self._limit:
            raise BodyTooLarge(f"a body may have {self._limit} bytes, this one has {length}")
        self.empty = not length and h.first(scope["headers"], b"transfer-encoding") is None
        self.started = False
        self._receive = receive

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body. Raises BodyTooLarge, ConnectionError when the client goes away."""
        self.started = True
        total = 0
        more = True
        while more:
            message: Message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("the client went away")
            piece = message.get("body", b"")
            total += len(piece)
            if total > self._limit:
                raise BodyTooLarge(f"a body may have {self._limit} bytes")
            more = message.get("more_body", False)
            if piece:
                yield piece
