"""One OpenAPI document of the whole shop, put together from those of its services."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import structlog

from shop_gateway.compose import fetch
from shop_gateway.proxy import Proxy
from shop_gateway.routes import RouteTable
from shop_shared.http.openapi import documented

log = structlog.get_logger()

KEPT_SECONDS = 30.0
RETRY_SECONDS = 2.0
"""How soon an incomplete document is made anew."""

_OF_GATEWAY = {str(status): each for status, each in documented(429, 502, 503, 504).items()}
"""What may be answered in a service's place: over a limit, no pod, none that answers in time."""
_METHODS = frozenset(("get", "put", "post", "delete", "patch", "head", "options"))


class ShopDocument:
    """The gateway's own document with the routed paths of every service that answers.

    Schemas get their service's name in front, since two services may mean different things by
    `Address`. A service that does not answer is missing and named in `x-unavailable`. Made once a
    route table and KEPT_SECONDS, whoever asks how often: it costs a request to every service.
    """

    def __init__(
        self, proxy: Proxy, own: dict[str, Any], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._proxy = proxy
        self._own = own
        self._clock = clock
        self._making = asyncio.Lock()
        self._made: dict[str, Any] = {}
        self._made_of: RouteTable | None = None
        self._until = float("-inf")

    async def get(self) -> dict[str, Any]:
        """Return the document, made anew when it is old or the routes have changed."""
        async with self._making:
            table = self._proxy.table
            if table is not self._made_of or self._clock() >= self._until:
                self._made, self._made_of = await _merged(self._proxy, self._own), table
                whole = "x-unavailable" not in self._made
                self._until = self._clock() + (KEPT_SECONDS if whole else RETRY_SECONDS)
            return self._made


async def _merged(proxy: Proxy, own: dict[str, Any]) -> dict[str, Any]:
    upstreams = sorted(proxy.table.upstreams, key=lambda upstream: upstream.service)
    parts = await asyncio.gather(
        *(fetch(proxy, upstream, "/openapi.json") for upstream in upstreams)
    )
    info = {**own["info"], "title": "Minishop", "description": "Every public route of the shop."}
    merged: dict[str, Any] = {
        **own,
        "info": info,
        "paths": dict(own.get("paths", {})),
        "tags": [],
    }
    components: dict[str, dict[str, Any]] = {
        kind: dict(entries) for kind, entries in own.get("components", {}).items()
    }
    unavailable = []
    for upstream, part in zip(upstreams, parts, strict=True):
        if not part.ok:
            unavailable.append(upstream.service)
            continue
        document = _prefixed(part.body, upstream.service)
        merged["tags"].append(
            {"name": upstream.service, "description": document["info"].get("description", "")}
        )
        for path, item in document.get("paths", {}).items():
            if proxy.table.match(path) == upstream:
                merged["paths"].setdefault(path, _tagged(item, upstream.service))
        for kind, entries in document.get("components", {}).items():
            components.setdefault(kind, {}).update(entries)
    merged["components"] = components
    if unavailable:
        merged["x-unavailable"] = unavailable
        log.warning("openapi.incomplete", unavailable=unavailable)
    return merged


def _prefixed(document: dict[str, Any], service: str) -> dict[str, Any]:
    """Return the document with its schemas, and what refers to them, named after the service."""
    prefix = f"{service.title()}."
    text = json.dumps(document).replace('"#/components/schemas/', f'"#/components/schemas/{prefix}')
    renamed: dict[str, Any] = json.loads(text)
    components = renamed.get("components", {})
    components["schemas"] = {
        prefix + name: schema for name, schema in components.get("schemas", {}).items()
    }
    return renamed


def _tagged(item: dict[str, Any], service: str) -> dict[str, Any]:
    return {
        key: {
            **value,
            "responses": {**_OF_GATEWAY, **value.get("responses", {})},
            "tags": [service],
            "operationId": f"{service}_{value.get('operationId', key)}",
        }
        if key in _METHODS
        else value
        for key, value in item.items()
    }
