"""The entry: what is the gateway's own goes to its API, all else through the proxy.

A plain ASGI middleware, because a framework's request and response objects would cost more than
the forwarding itself.
"""

import re
import time
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from http import HTTPStatus

import aiohttp
import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop_gateway.body import Body, BodyLimits
from shop_gateway.cache import (
    MAX_BODY_BYTES,
    CachedResponse,
    Freshness,
    Key,
    ResponseCache,
    freshness_of,
    kept_headers,
)
from shop_gateway.encoding import GZIP, MIN_COMPRESSED_BYTES, is_compressible
from shop_gateway.headers import Headers, combined, first, forwarded, inbound, outbound, without
from shop_gateway.identity import CALLER, Caller, Identify
from shop_gateway.proxy import Proxy, ProxyRequest
from shop_gateway.rate_limit import RateLimit
from shop_gateway.streaming import AnswerStreams, is_endless
from shop_shared.http import problems
from shop_shared.http.deadline import HEADER as DEADLINE
from shop_shared.http.problems import ClientDisconnected, TooManyRequests
from shop_shared.http.tokens import SessionEnded
from shop_shared.observability import telemetry

log = structlog.get_logger()

SECONDS = Histogram(
    "gateway_request_seconds",
    "From the request's headers to the end of its answer, of a stream of events to its beginning",
    ["service", "method", "status"],
)
PROXIED = "proxied"
"""The route of `http_requests_total` of all that goes through to the services."""
CACHED = Counter("gateway_cache_hits_total", "Answers from the gateway's own memory")

_OWN = re.compile(
    r"\*|/(?:|docs(?:/.*)?|asyncapi\.json|livez|readyz|startupz|routez|metrics|shop/.*)"
)
_COMPOSED = re.compile(r"/(?:openapi\.json|v1/(?:home|orders/[^/]+/summary))")
_READING = frozenset(("GET", "HEAD"))
_SAFE = _READING | {"OPTIONS", "TRACE"}


@dataclass
class _Answer:
    """Sends an answer with further headers, and knows whether it has begun."""

    send: Send
    extra: Headers = field(default_factory=list)
    begun: bool = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            message = {**message, "headers": [*message["headers"], *self.extra]}
        await self.send(message)


@dataclass(frozen=True)
class EdgeMiddleware:
    """Everything a request passes, in order: own API, cache, rate limit, proxy."""

    app: ASGIApp
    _: KW_ONLY
    proxy: Proxy
    cache: ResponseCache
    streams: AnswerStreams
    rate_limit: RateLimit
    identify: Identify
    body_limits: BodyLimits
    max_streams: int
    """Endless streams that one caller may hold open at a time."""
    _open_streams: Tally[Caller] = field(default_factory=Tally)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] != "http" or _OWN.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        traceparent = first(scope["headers"], b"traceparent")
        answer = _Answer(send)
        with telemetry.span(
            f"proxy {scope['method']}",
            kind="server",
            traceparent=traceparent.decode("latin-1") if traceparent else None,
            **{"http.request.method": scope["method"], "url.path": scope["path"]},
        ):
            try:
                if _COMPOSED.fullmatch(scope["path"]):
                    caller = await self._admit(scope, answer)
                    own = {**scope, "headers": _without_content(scope), CALLER: caller}
                    await self.app(own, receive, answer)
                else:
                    await self._serve(scope, receive, answer)
            except problems.Problem as problem:
                if answer.begun:
                    raise
                await problems.response(problem)(scope, receive, answer)
            except Exception as error:
                if answer.begun:  # breaking the connection is the only way left to say so
                    raise
                log.exception("edge.failed", path=scope["path"], error=repr(error))
                await problems.response(problems.Problem())(scope, receive, answer)

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        key: Key = (scope["raw_path"], scope["query_string"])
        method = scope["method"]
        reading = method in _READING and _may_be_cached(scope)
        if reading and (found := self.cache.get(key)):
            CACHED.inc()
            await _send_cached(*found, scope, answer)
            return
        generation = self.cache.generation
        started, begun = time.perf_counter(), 0.0
        upstream = self.proxy.upstream(scope["path"])
        status = 0
        try:
            body = Body.of(scope, receive, self.body_limits)
            caller = await self._admit(scope, answer)
            headers = inbound(scope["headers"]) + _forwarded(scope)
            if caller.session_ended:
                headers = without(headers, b"authorization")
            request = ProxyRequest(method=method, target=_target(scope), headers=headers, body=body)
            async with self.proxy.open(upstream, request) as response:
                status = response.status
                if caller.session_ended and status == HTTPStatus.UNAUTHORIZED:
                    raise SessionEnded  # the service saw no token, and says so
                if method not in _SAFE and status < HTTPStatus.BAD_REQUEST:
                    self.cache.invalidate(key)
                raw = list(response.raw_headers)
                freshness = freshness_of(status, raw) if reading else Freshness()
                # What is too large to be kept goes through in pieces, unread.
                is_small = (response.content_length or 0) <= MAX_BODY_BYTES
                if freshness and method == "GET" and is_small:
                    cached = CachedResponse(
                        kept_headers(outbound(raw)),
                        await response.read(),
                        first(raw, b"etag"),
                        freshness,
                    )
                    self.cache.put(key, cached, generation=generation)
                    await _send_cached(cached, freshness.age, scope, answer)
                elif is_endless(response):
                    begun = time.perf_counter()
                    with self._stream(caller):
                        await self.streams.pass_on(response, receive, answer)
                else:
                    await self.streams.pass_on(response, receive, answer)
        except problems.Problem as problem:
            status = problem.status
            if not isinstance(problem, ClientDisconnected) or not answer.begun:
                raise
        except aiohttp.ClientError as error:
            log.warning("proxy.broken_off", service=upstream.service, error=repr(error))
            raise
        finally:
            # What customers meet, so also what no service answered and none counts.
            telemetry.requests.labels(method, PROXIED, str(status)).inc()
            SECONDS.labels(upstream.service, method, status).observe(
                (begun or time.perf_counter()) - started, telemetry.exemplar()
            )

    async def _admit(self, scope: Scope, answer: _Answer) -> Caller:
        """Count the request and say what is left. Raises OverLimit."""
        caller = await self.identify(scope)
        quota = await self.rate_limit.check(caller)
        if quota is not None:
            answer.extra += quota.fields()
        return caller

    @contextmanager
    def _stream(self, caller: Caller) -> Iterator[None]:
        """Count an endless stream. Raises TooManyRequests."""
        if self._open_streams[caller] >= self.max_streams:
            raise TooManyRequests(
                f"at most {self.max_streams} live streams for one {caller.by}", retry_after=5
            )
        self._open_streams[caller] += 1
        try:
            yield
        finally:
            self._open_streams[caller] -= 1
            if not self._open_streams[caller]:
                del self._open_streams[caller]


def _without_content(scope: Scope) -> Headers:
    """Return the headers without those of a body that the gateway's own reads do not look at.

    Nor does a caller say how long a composed answer may take.
    """
    headers: Headers = without(scope["headers"], DEADLINE)
    return without(headers, *_OF_CONTENT) if scope["method"] in _READING else headers


_OF_CONTENT = (b"content-length", b"content-type", b"content-encoding", b"transfer-encoding")


def _may_be_cached(scope: Scope) -> bool:
    """Tell whether the cache may answer: not what only the service can judge (RFC 9111, 4.3.2)."""
    return not any(name in _FOR_THE_ORIGIN for name, _ in scope["headers"])


_FOR_THE_ORIGIN = frozenset((b"if-match", b"if-unmodified-since", b"if-range", b"range"))


def _forwarded(scope: Scope) -> Headers:
    return forwarded(
        client=scope["client"][0] if scope.get("client") else "unknown",
        scheme=scope["scheme"],
        host=first(scope["headers"], b"host") or b"",
    )


def _target(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return (path + b"?" + query if query else path).decode("latin-1")


async def _send_cached(answer: CachedResponse, age: int, scope: Scope, send: Send) -> None:
    """Send a stored answer, or 304 to who has it; with its age (RFC 9111, 5.1)."""
    headers = [*without(answer.headers, b"vary"), (b"age", b"%d" % age)]
    compressed = None
    if len(answer.body) >= MIN_COMPRESSED_BYTES and is_compressible(answer.headers):
        headers.append((b"vary", b"Accept-Encoding"))
        if first(scope["headers"], b"accept-encoding") == GZIP:
            compressed = answer.compressed
    status, body = HTTPStatus.OK, answer.body
    if answer.is_named_by(combined(scope["headers"], b"if-none-match")):
        headers = without(headers, b"content-length", b"content-type")
        status, body = HTTPStatus.NOT_MODIFIED, b""
    elif compressed is not None:
        headers = [
            *without(headers, b"content-length"),
            (b"content-encoding", GZIP),
            (b"content-length", b"%d" % len(compressed)),
        ]
        body = compressed
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
