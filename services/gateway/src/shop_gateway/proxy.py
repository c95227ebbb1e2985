"""The streaming proxy.

A request is sent to one pod within its deadline; when nothing of it can have had an effect, it is
tried once more on another pod. Bodies pass through in pieces, both ways.
"""

import asyncio
import math
import time

import aiohttp
import structlog
from starlette.types import Receive, Send
from yarl import URL

from shop_gateway.balancer import (
    Balancer,
    BreakerOpenError,
    Endpoint,
    NoEndpointError,
    Pool,
)
from shop_gateway.body import Body
from shop_gateway.headers import Headers, as_text, outbound
from shop_gateway.routes import RouteTable, Upstream
from shop_shared.http.problems import BadGateway, NotFound, PayloadTooLarge, Problem, Unavailable
from shop_shared.observability.trace_context import current_traceparent

log = structlog.get_logger()

# RFC 9110 section 9.2.2; what has a body is not replayed, it may have been read already.
_REPLAYABLE = frozenset(("GET", "HEAD", "OPTIONS", "DELETE"))
CONNECT_SECONDS = 1.0
READ_SECONDS = 60.0
"""The longest pause within an answer; live tracking sends a comment more often than that."""
_TRY_ANOTHER = frozenset((502, 503, 504))


class GatewayTimeout(Problem):
    """The service did not begin its answer within the deadline."""

    status, code, title = 504, "gateway_timeout", "Upstream timed out"


class Proxy:
    """Forwards requests to the services of the route table."""

    def __init__(
        self, balancer: Balancer, *, deadline_seconds: float, upload_seconds: float
    ) -> None:
        self.table = RouteTable()
        self._session: aiohttp.ClientSession | None = None
        self._endless: set[asyncio.Task[None]] = set()
        self._balancer = balancer
        self._deadline_seconds = deadline_seconds
        self._upload_seconds = upload_seconds

    def upstream(self, path: str) -> Upstream:
        """Return who answers `path`. Raises NotFound."""
        found = None if _escapes(path) else self.table.match(path)
        if found is None:
            raise NotFound(f"nothing is served at {path}")
        return found

    async def open(
        self, upstream: Upstream, method: str, target: str, headers: Headers, body: Body
    ) -> aiohttp.ClientResponse:
        """Send the request and return the answer once its headers are there.

        `target` is the raw path with its query. Raises BadGateway, GatewayTimeout,
        Unavailable, PayloadTooLarge.
        """
        pool = self._balancer.pools.get(upstream) or Pool(upstream)
        seconds = self._upload_seconds if body.upload else self._deadline_seconds
        deadline = time.monotonic() + seconds
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
                raise Unavailable(
                    f"{upstream.service} is failing; it is left alone for a moment",
                    retry_after=math.ceil(error.retry_after),
                ) from error
            except NoEndpointError as error:
                raise Unavailable(f"no pod of {upstream.service} is ready") from error
            except TimeoutError as error:
                raise GatewayTimeout(f"{upstream.service} did not answer in time") from error
            except aiohttp.ClientConnectionError as error:
                if isinstance(error.__cause__, PayloadTooLarge):
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
        headers: Headers,
        body: Body,
        deadline: float,
    ) -> aiohttp.ClientResponse:
        left = deadline - time.monotonic()
        upstream = pool.upstream
        traceparent = current_traceparent()
        try:
            async with asyncio.timeout(left):
                response = await self._client().request(
                    method,
                    URL(f"http://{endpoint.address}:{upstream.port}{target}", encoded=True),
                    headers=[
                        *as_text(headers),
                        *([("traceparent", traceparent)] if traceparent else []),
                        ("host", f"{upstream.service}:{upstream.port}"),
                        ("x-request-timeout-ms", str(int(left * 1000))),
                    ],
                    data=None if body.empty else body.pieces(),
                    allow_redirects=False,
                )
        except (aiohttp.ClientError, TimeoutError):
            pool.record(endpoint, ok=False)
            raise
        pool.record(endpoint, ok=response.status not in _TRY_ANOTHER)
        return response

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:  # made late: it needs the running loop
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept", "Content-Type"),
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
                ),
            )
        return self._session

    def stop(self) -> None:
        """End streams that would go on for ever: their clients connect to a gateway that stays."""
        for gone in list(self._endless):
            gone.cancel()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def stream(self, response: aiohttp.ClientResponse, receive: Receive, send: Send) -> None:
        """Pass an answer on as it comes. A client that goes away ends it at the service too."""
        headers = outbound(response.raw_headers)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        endless = response.content_type == "text/event-stream"
        gone = asyncio.create_task(_disconnect(receive)) if endless else None
        if gone:
            self._endless.add(gone)
            gone.add_done_callback(self._endless.discard)
            gone.add_done_callback(lambda _: response.close())
        try:
            async for piece in response.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except aiohttp.ClientError:
            if gone is None or not gone.done():
                raise
        finally:
            if gone:
                gone.cancel()
        await send({"type": "http.response.body", "body": b""})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _escapes(path: str) -> bool:
    """Tell whether a path climbs, which could reach another path than the one that was matched."""
    return any(segment in (".", "..") for segment in path.split("/"))
