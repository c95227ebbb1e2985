"""Kong's Admin API as far as its Ingress Controller uses it without a database.

Source: Kong Gateway 3.9, "Admin API"; what the controller asks for was seen with version 3.4.0.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shop_edge.envoy.control import EnvoyAwayError
from shop_edge.envoy.snapshot import Ports
from shop_edge.errors import InvalidConfigError
from shop_edge.gateway import Gateway
from shop_edge.plugins.registry import KNOWN, schema

VERSION: Final = "3.9.1"
"""The version of Kong whose API this is; the controller asks for 3.4.1 or newer."""
_LARGEST: Final = 64 * 1024 * 1024
_NOT_FOUND: Final = {"message": "Not found"}


def admin_api(gateway: Gateway, ports: Ports) -> Starlette:
    """Return the Admin API: whoever reaches it decides where requests go."""

    async def root(_: Request) -> Response:
        return JSONResponse(_root(ports))

    async def status(_: Request) -> Response:
        return JSONResponse(_status(gateway))

    async def plugin_schema(request: Request) -> Response:
        found = schema(request.path_params["name"])
        if found is None:
            return JSONResponse(_NOT_FOUND, 404)
        return JSONResponse(found)

    async def read(_: Request) -> Response:
        return JSONResponse({"config": json.dumps(gateway.document)})

    async def write(request: Request) -> Response:
        return await _write(gateway, request)

    return Starlette(
        routes=[
            Route("/", root),
            Route("/status", status),
            Route("/schemas/plugins/{name}", plugin_schema),
            Route("/config", read, methods=["GET"]),
            Route("/config", write, methods=["POST"]),
        ],
        exception_handlers={404: _missing},
    )


def status_api(gateway: Gateway) -> Starlette:
    """Return what anybody may ask: whether a configuration is in force."""

    async def ready(_: Request) -> Response:
        if gateway.is_configured:
            return JSONResponse({"message": "ready"})
        waiting = "no configuration available (empty configuration present)"
        return JSONResponse({"message": waiting}, 503)

    async def status(_: Request) -> Response:
        return JSONResponse(_status(gateway))

    return Starlette(routes=[Route("/status/ready", ready), Route("/status", status)])


async def _write(gateway: Gateway, request: Request) -> Response:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            return JSONResponse({"message": "Payload too large"}, 413)
    try:
        document = json.loads(body)
    except ValueError as error:
        return _refused(InvalidConfigError([], reason=f"not JSON: {error}"))
    if not isinstance(document, dict):
        return _refused(InvalidConfigError([], reason="expected an object"))
    try:
        hash_ = await gateway.configure(document)
    except InvalidConfigError as error:
        return _refused(error)
    except EnvoyAwayError as error:
        return JSONResponse({"message": str(error)}, 503)
    return JSONResponse({"config_hash": hash_}, 201)


def _refused(error: InvalidConfigError) -> Response:
    return JSONResponse(error.body(), 400)


async def _missing(_: Request, __: Exception) -> Response:
    return JSONResponse(_NOT_FOUND, 404)


def _status(gateway: Gateway) -> Mapping[str, Any]:
    return {
        "configuration_hash": gateway.hash,
        "memory": {"workers_lua_vms": [], "lua_shared_dicts": {}},
        "server": {},
    }


def _root(ports: Ports) -> Mapping[str, Any]:
    listening = [
        {"ip": "0.0.0.0", "port": port, "ssl": ssl, "listener": f"0.0.0.0:{port}"}  # noqa: S104 - of Envoy
        for port, ssl in ((ports.http, False), (ports.https, True))
    ]
    return {
        "version": VERSION,
        "tagline": "kong-standin: Envoy behind Kong's Admin API",
        "node_id": "00000000-0000-0000-0000-000000000000",
        "configuration": {
            "database": "off",
            "role": "traditional",
            "router_flavor": "traditional_compatible",
            "proxy_listeners": listening,
        },
        "plugins": {
            "available_on_server": {name: {"version": VERSION} for name in KNOWN},
            "enabled_in_cluster": [],
        },
    }
