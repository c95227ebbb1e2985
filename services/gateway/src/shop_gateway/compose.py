"""Answers made of several services' answers, asked in parallel.

A part that cannot be had is marked and does not spoil the others.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import structlog

from shop_gateway.body import no_body
from shop_gateway.headers import Headers
from shop_gateway.proxy import Proxy, ProxyRequest
from shop_gateway.routes import Upstream
from shop_shared.http.problems import BadGateway, Problem

log = structlog.get_logger()

_OK = range(200, 300)


@dataclass(frozen=True)
class Part:
    """One service's answer: its status and its JSON body (a problem's when it is none of 2xx)."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        """Whether the service gave what was asked for."""
        return self.status in _OK

    def as_json(self) -> dict[str, Any]:
        """Return the part as it stands in the whole answer."""
        if self.ok:
            return {"status": "ok", "data": self.body}
        reason = self.body.get("detail") if isinstance(self.body, dict) else None
        return {"status": "unavailable", "reason": reason}


async def fetch(
    proxy: Proxy, upstream: Upstream, target: str, *, authorization: bytes | None = None
) -> Part:
    """GET `target` (a path with its query) of a service. Raises nothing: the part tells.

    The request is the gateway's own: of the caller's headers only `Authorization` goes along. (The
    proxy adds the trace.)
    """
    headers: Headers = [(b"accept", b"application/json")]
    if authorization is not None:
        headers.append((b"authorization", authorization))
    request = ProxyRequest(method="GET", target=target, headers=headers, body=no_body())
    try:
        async with proxy.open(upstream, request) as response:
            return Part(response.status, orjson.loads(await response.read()))
    except Problem as problem:
        return Part(problem.status, {"detail": problem.detail})
    except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
        log.warning("compose.part_failed", target=target, error=repr(error))
        return Part(BadGateway.status, {"detail": "the service's answer could not be read"})


async def fetch_all(
    proxy: Proxy, targets: dict[str, str], *, authorization: bytes | None = None
) -> dict[str, Part]:
    """GET every target in parallel of whichever service the route table names for it."""

    async def one(target: str) -> Part:
        try:
            upstream = proxy.upstream(target.partition("?")[0])
        except Problem as problem:
            return Part(problem.status, {"detail": problem.detail})
        return await fetch(proxy, upstream, target, authorization=authorization)

    parts = await asyncio.gather(*(one(target) for target in targets.values()))
    return dict(zip(targets, parts, strict=True))
