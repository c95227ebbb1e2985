"""The streaming proxy.

A request is sent to one pod within its deadline. It goes on to another when nothing was sent, or,
once, when nothing of it can have had an effect. Bodies pass through in pieces, both ways.
"""

import math
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

import aiohttp
from prometheus_client import Counter
from yarl import URL

from shop_gateway.balancer import Balancer, BreakerOpenError, Endpoint, NoEndpointError, Pool
from shop_gateway.blame import BROKEN_STATUSES, Blame, blame_for, outcome_of
from shop_gateway.body import Body
from shop_gateway.headers import Headers, as_text
from shop_gateway.room import NoRoomError
from shop_gateway.routes import RouteTable, Upstream
from shop_shared.http.deadline import Deadline, GatewayTimeout
from shop_shared.http.problems import BadGateway, BadRequest, NotFound, Problem, Unavailable
from shop_shared.observability.trace_context import current_traceparent

REFUSED = Counter(
    "gateway_refused_total", "Requests refused as too many were under way", ["service"]
)
# RFC 9110 section 9.2.2; what has a body is not replayed, it may have been read already.
_REPLAYABLE = frozenset(("GET", "HEAD", "OPTIONS", "DELETE"))
CONNECT_SECONDS = 1.0
READ_SECONDS = 60.0
"""The longest pause within an answer; live tracking sends a comment more often than that."""
MAX_CONNECTS = 3
"""So many pods are tried when none accepts the connection."""


@dataclass(frozen=True, slots=True)
class ServedRoute:
    """A service's entry of the route table in force, and where its requests are sent."""

    version: str
    addresses: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class ProxyRequest:
    """A request to send on: `target` is the raw path with its query."""

    method: str
    target: str
    headers: Headers
    body: Body

    @property
    def replayable(self) -> bool:
        """Whether it may be sent again although a pod may have acted on it."""
        return self.method in _REPLAYABLE and self.body.empty


class Proxy:
    """Forwards requests to the services of the route table."""

    def __init__(
        self, balancer: Balancer, *, deadline_seconds: float, upload_seconds: float
    ) -> None:
        self.table = RouteTable()
        self._session: aiohttp.ClientSession | None = None
        self._balancer = balancer
        self._deadline_seconds = deadline_seconds
        self._upload_seconds = upload_seconds

    def upstream(self, path: str) -> Upstream:
        """Return who answers `path`. Raises NotFound."""
        found = None if _escapes(path) else self.table.match(path)
        if found is None:
            raise NotFound(f"nothing is served at {path}")
        return found

    def served(self) -> dict[str, ServedRoute]:
        """Return what is served now, by the service's name."""
        pools = self._balancer.pools
        return {
            upstream.service: ServedRoute(version, frozenset(pools[upstream].endpoints))
            for upstream, version in self.table.versions
            if upstream in pools
        }

    @asynccontextmanager
    async def open(
        self, upstream: Upstream, request: ProxyRequest
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send the request and lend the answer once its headers are there.

        What breaks while the answer is read counts against the pod too, unless the caller did it.
        Raises BadGateway, GatewayTimeout, Unavailable; BadRequest and the body's own failures.
        """
        pool = self._balancer.pools.get(upstream) or Pool(upstream)
        await request.body.buffer()
        seconds = self._upload_seconds if request.body.upload else self._deadline_seconds
        deadline = Deadline(seconds)
        try:
            # Who is slow with a body has it pass through in pieces, and takes no place meanwhile.
            room = pool.room(request.method) if request.body.is_whole else None
            async with room.place() if room else nullcontext():
                endpoint, response = await self._call(pool, request, deadline)
        except NoRoomError as error:
            REFUSED.labels(upstream.service).inc()
            raise Unavailable(f"{upstream.service} has more to do than it can") from error
        endpoint.in_flight += 1
        try:
            async with response:
                yield response
        except aiohttp.ClientError as error:
            pool.record(endpoint, blame_for(error, request.body).outcome)
            raise request.body.failure or error from error
        finally:
            endpoint.in_flight -= 1

    async def _call(
        self, pool: Pool, request: ProxyRequest, deadline: Deadline
    ) -> tuple[Endpoint, aiohttp.ClientResponse]:
        service = pool.upstream.service
        tried: list[str] = []
        repeated = False
        while True:
            endpoint = self._choose(pool, frozenset(tried))
            tried.append(endpoint.address)
            try:
                response = await self._send(pool, endpoint, request, deadline)
            except (aiohttp.ClientError, TimeoutError, ValueError, Problem) as error:
                blame = blame_for(error, request.body)
                pool.record(endpoint, blame.outcome)
                match blame:
                    case Blame.CLIENT:
                        again = False
                    case Blame.CONNECT:
                        again = request.body.repeatable and _another(tried, pool)
                    case Blame.UPSTREAM:
                        again, repeated = request.replayable and not repeated, True
                if not again or deadline.left <= 0:
                    raise _problem(error, blame, request.body, service) from error
                continue
            pool.record(endpoint, outcome_of(response.status))
            if (
                response.status in BROKEN_STATUSES
                and request.replayable
                and not repeated
                and deadline.left > 0
            ):
                repeated = True
                response.release()
                continue
            return endpoint, response

    @staticmethod
    def _choose(pool: Pool, tried: Collection[str]) -> Endpoint:
        service = pool.upstream.service
        try:
            return pool.choose(avoid=tried)
        except BreakerOpenError as error:
            raise Unavailable(
                f"{service} is failing; it is left alone for a moment",
                retry_after=math.ceil(error.retry_after),
            ) from error
        except NoEndpointError as error:
            raise Unavailable(f"no pod of {service} is ready") from error

    async def _send(
        self, pool: Pool, endpoint: Endpoint, request: ProxyRequest, deadline: Deadline
    ) -> aiohttp.ClientResponse:
        upstream = pool.upstream
        traceparent = current_traceparent()
        endpoint.in_flight += 1
        try:
            async with deadline.limit():
                return await self._client().request(
                    request.method,
                    URL(f"http://{endpoint.host}:{upstream.port}{request.target}", encoded=True),
                    headers=[
                        *as_text(request.headers),
                        *([("traceparent", traceparent)] if traceparent else []),
                        ("host", f"{upstream.service}:{upstream.port}"),
                        ("x-request-timeout-ms", str(max(1, int(deadline.left * 1000)))),
                    ],
                    data=request.body.content(deadline),
                    allow_redirects=False,
                )
        finally:
            endpoint.in_flight -= 1

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

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _another(tried: Sequence[str], pool: Pool) -> bool:
    """Tell whether one more pod is tried when none so far has accepted the connection.

    A service's only pod is tried twice: it may just have come back.
    """
    return len(tried) < MAX_CONNECTS and (len(tried) < len(pool.endpoints) or len(tried) == 1)


def _problem(error: Exception, blame: Blame, body: Body, service: str) -> Problem:
    """Return what the caller is told of a call that failed."""
    match blame:
        case Blame.CLIENT:
            return body.failure or BadRequest("the request cannot be sent on")
        case Blame.CONNECT:
            return Unavailable(f"no pod of {service} accepts connections")
        case Blame.UPSTREAM:
            if isinstance(error, TimeoutError):
                return GatewayTimeout(f"{service} did not answer in time")
            return BadGateway(f"{service} broke the connection off")


def _escapes(path: str) -> bool:
    """Tell whether a path climbs, which could reach another path than the one that was matched."""
    return any(segment in (".", "..") for segment in path.split("/"))
