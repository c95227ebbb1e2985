"""One OpenAPI document of the whole shop, put together from those of its services."""

import asyncio
import json
from typing import Any

import structlog

from shop_gateway.compose import fetch
from shop_gateway.proxy import Proxy

log = structlog.get_logger()

_METHODS = frozenset(("get", "put", "post", "delete", "patch", "head", "options"))


async def merged_openapi(proxy: Proxy, own: dict[str, Any]) -> dict[str, Any]:
    """Return the gateway's own document with the routed paths of every service that answers.

    Schemas get their service's name in front, since two services may mean different things by
    `Address`. A service that does not answer is missing and named in `x-unavailable`.
    """
    upstreams = sorted(proxy.table.upstreams, key=lambda upstream: upstream.service)
    parts = await asyncio.gather(
        *(fetch(proxy, upstream, "/openapi.json", []) for upstream in upstreams)
    )
    merged: dict[str, Any] = {**own, "paths": dict(own.get("paths", {})), "tags": []}
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
            "tags": [service],
            "operationId": f"{service}_{value.get('operationId', key)}",
        }
        if key in _METHODS
        else value
        for key, value in item.items()
    }
