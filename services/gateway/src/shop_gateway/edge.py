"""The entry: what is the gateway's own goes to its API, all else through the proxy.

A plain ASGI middleware, because a framework's request and response objects would cost more than
the forwarding itself.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address

import aiohttp
import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Receive, Scope, Send

from shop_gateway.body import Body, BodyLimits
from shop_gateway.cache import CachedResponse, Freshness, Key, ResponseCache, freshness_of
from shop_gateway.headers import Headers, first, forwarded, inbound, outbound
from shop_gateway.identity import Identify
from shop_gateway.proxy import Proxy
from shop_gateway.rate_limit import RateLimit
from shop_shared.http import problems
from shop_shared.observability import telemetry

log = structlog.get_logger()

SECONDS = Histogram(
    "gateway_request_seconds",
    "From the request's headers to the end of its answer",
    ["service", "method", "status"],
)
CACHED = Counter("gateway_cache_hits_total", "Answers from the gateway's own memory")

_OWN = re.compile(r"/(?:|docs|openapi\.json|asyncapi\.json|livez|readyz|startupz|metrics|shop/.*)")
_COMPOSED = re.compile(r"/v1/(?:home|orders/[^/]+/summary)")


@dataclass(frozen=True)
class EdgeMiddleware:
    """Everything a request passes, in order: own API, cache, rate limit, proxy."""

    app: ASGIApp
    _: KW_ONLY
    proxy: Proxy
    cache: ResponseCache
    rate_limit: RateLimit
    identify: Identify
    body_limits: BodyLimits
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] != "http" or _OWN.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return
        traceparent = first(scope["headers"], b"traceparent")
        with telemetry.span(
            f"proxy {scope['method']}",
            kind="server",
            traceparent=traceparent.decode("latin-1") if traceparent else None,
            **{"http.request.method": scope["method"], "url.path": scope["path"]},
        ):
            try:
                if _COMPOSED.fullmatch(scope["path"]):
                    await self._admit(scope)
                    await self.app(scope, receive, send)
                else:
                    await self._serve(scope, receive, send)
            except problems.Problem as problem:
                await problems.response(problem)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        key: Key = (
            scope["raw_path"],
            scope["query_string"],
            first(scope["headers"], b"accept-encoding") or b"",
        )
        reading = scope["method"] == "GET"
        if reading and (answer := self.cache.get(key)):
            CACHED.inc()
            await _answer(answer, scope, send)
            return
        started = time.perf_counter()
        upstream = self.proxy.upstream(scope["path"])
        status = 0
        try:
            forwarded = await self._admit(scope)
            response = await self.proxy.open(
                upstream,
                scope["method"],
                _target(scope),
                inbound(scope["headers"]) + forwarded,
                Body.of(scope, receive, self.body_limits),
            )
            async with response:
                status = response.status
                freshness = (
                    freshness_of(status, list(response.raw_headers)) if reading else Freshness()
                )
                if freshness:
                    answer = CachedResponse(
                        outbound(response.raw_headers),
                        await response.read(),
                        first(response.raw_headers, b"etag"),
                        freshness,
                    )
                    self.cache.put(key, answer)
                    await _answer(answer, scope, send)
                else:
                    await self.proxy.stream(response, receive, send)
        except problems.Problem as problem:
            status = problem.status
            raise
        except aiohttp.ClientError as error:
            # The answer has begun: breaking the connection is the only way left to say so.
            log.warning("proxy.broken_off", service=upstream.service, error=repr(error))
            raise
        finally:
            SECONDS.labels(upstream.service, scope["method"], status).observe(
                time.perf_counter() - started
            )

    async def _admit(self, scope: Scope) -> Headers:
        """Count the request, and return what it is forwarded with.

        Raises SessionEnded, TooManyRequests.
        """
        forwarded = self._forwarded(scope)
        client = forwarded[0][1].decode("latin-1").partition(",")[0]
        await self.rate_limit.check(*await self.identify(scope, client))
        return forwarded

    def _forwarded(self, scope: Scope) -> Headers:
        peer = scope["client"][0] if scope.get("client") else "unknown"
        trusted = peer != "unknown" and any(
            ip_address(peer) in network for network in self.trusted_proxies
        )
        return forwarded(
            client=peer,
            scheme=scope["scheme"],
            host=first(scope["headers"], b"host") or b"",
            before=dict(scope["headers"]) if trusted else {},
        )


def _target(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return (path + b"?" + query if query else path).decode("latin-1")


async def _answer(answer: CachedResponse, scope: Scope, send: Send) -> None:
    unchanged = answer.etag is not None and first(scope["headers"], b"if-none-match") == answer.etag
    headers = answer.headers
    if unchanged:
        headers = [pair for pair in headers if pair[0] not in (b"content-length", b"content-type")]
    status = HTTPStatus.NOT_MODIFIED if unchanged else HTTPStatus.OK
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if unchanged else answer.body})
