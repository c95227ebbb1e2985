"""A gateway and the services behind it, as real servers on loopback addresses.

Two pods of one service are two addresses of 127.0.0.0/8 with the same port.
"""

import asyncio
import errno
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from shop_gateway.main import create
from shop_gateway.rate_limit import RateLimit
from shop_gateway.settings import GatewaySettings
from shop_shared.http.request_limits import BodyLimits, LimitBodies
from shop_shared.http.tokens import RedisRevocations
from shop_shared.server import server_config
from shop_shared.settings import ServiceSettings

Gateway = Callable[..., Awaitable[httpx.AsyncClient]]


PATIENCE_SECONDS = 60.0


def bound(*addresses: str) -> list[socket.socket]:
    """Bind one port on each of the addresses, for pods of one service to listen on."""
    while True:
        with ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket()) for _ in addresses]
            port = 0
            try:
                for each, address in zip(sockets, addresses, strict=True):
                    each.bind((address, port))
                    port = each.getsockname()[1]
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue  # the first address's port is somebody's on another
            stack.pop_all()
            return sockets


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an app on a bound socket, which is closed at the end."""
    config = server_config(app, ServiceSettings())
    config.lifespan = "off"
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
        listener.close()


def port_of(listener: socket.socket) -> int:
    """Return the port that a socket is bound to."""
    return int(listener.getsockname()[1])


@pytest.fixture
async def gateway(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """Return a function that starts a gateway before the given services.

    It waits for Redis: on a busy machine what was not counted in time would not be counted at all.
    """
    monkeypatch.setattr(RateLimit, "patience_seconds", PATIENCE_SECONDS)
    monkeypatch.setattr(RedisRevocations, "patience_seconds", PATIENCE_SECONDS)
    async with AsyncExitStack() as stack:

        async def start(
            services: dict[str, tuple[list[str], ASGIApp]],
            *,
            pods: tuple[str, ...] = ("127.0.0.1",),
            **settings: Any,
        ) -> httpx.AsyncClient:
            entries = []
            for name, (paths, app) in services.items():
                # Without a pod the port is bound too, so that nobody listens there.
                listeners = bound(*(pods or ("127.0.0.1",)))
                for listener in listeners:
                    stack.enter_context(listener)
                    if pods:
                        await stack.enter_async_context(serving(app, listener))
                entries.append(
                    {
                        "service": name,
                        "headless": "127.0.0.1",
                        "port": port_of(listeners[0]),
                        "paths": paths,
                        "version": f"v-{name}",
                    }
                )
            routes = tmp_path / "routes.json"
            routes.write_text(json.dumps(entries))
            service = create(
                GatewaySettings.model_validate(
                    {"redis_url": redis_url, "routes_file": routes} | settings
                )
            )
            # The balancer and the cache's events have tests of their own.
            tasks = [
                asyncio.ensure_future(task())
                for task in (service.background[0], *service.background[3:])
            ]

            async def stop() -> None:
                for task in tasks:
                    task.cancel()
                for close in service.close:
                    await close()

            stack.push_async_callback(stop)
            [listener] = bound("127.0.0.1")
            url = f"http://127.0.0.1:{port_of(listener)}"
            await stack.enter_async_context(serving(service.app, listener))
            client = await stack.enter_async_context(
                httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS)
            )
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.02)
            return client

        yield start


LARGE = {"items": ["the same thing again"] * 200}


PUBLIC = {"Cache-Control": "public, max-age=60", "ETag": '"7"'}


class Shop:
    """A service whose calls are counted, and whose last request is kept."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.last: Request | None = None
        self.status_of_changes = 200
        self.app = Starlette(
            routes=[
                Route(f"/v1/{name}", handler, methods=["GET", "PUT", "POST"])
                for name, handler in {
                    "list": self.list_,
                    "one": self.one,
                    "stream": self.stream,
                    "picture": self.picture,
                }.items()
            ]
        )
        self.app.add_middleware(LimitBodies, limits=BodyLimits())

    async def _note(self, request: Request) -> None:
        self.calls[request.url.path] += 1
        self.last = request

    async def list_(self, request: Request) -> Response:
        await self._note(request)
        if request.method not in {"GET", "HEAD"}:
            return Response(status_code=self.status_of_changes)
        return JSONResponse(LARGE, headers=PUBLIC)

    async def one(self, request: Request) -> Response:
        await self._note(request)
        if request.headers.get("if-none-match") == '"6"':
            return Response(status_code=304, headers={"ETag": '"6"'})
        if request.headers.get("if-match", '"6"') != '"6"':
            return Response(status_code=412)
        return JSONResponse(LARGE, headers={"ETag": '"6"'})

    async def stream(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(10):
                yield b"x" * 10_000

        return StreamingResponse(pieces(), media_type="text/plain")

    async def picture(self, request: Request) -> Response:
        self.calls[request.url.path] += 1
        size = int(request.query_params.get("size", 5000))
        headers = PUBLIC if "public" in request.query_params else {}
        return Response(b"x" * size, media_type="image/png", headers=headers)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
async def client(gateway: Gateway, shop: Shop) -> httpx.AsyncClient:
    return await gateway(
        {"shop": ([f"/v1/{n}" for n in ["list", "one", "stream", "picture"]], shop.app)}
    )


ALL = ["/v1/list", "/v1/one", "/v1/stream", "/v1/none", "/v1/home", "/", "/docs", "/openapi.json"]
