"""A proxy in front of the API server that answers badly, late or not at all."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import kopf
from aiohttp import web

from shop_operator.api import connection

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
_PASSED_ON = ("Content-Type", "Accept", "User-Agent")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and when it came, in seconds of the monotonic clock."""

    at: float
    method: str
    path: str
    watch: bool


class Proxy:
    """Passes requests on, unless `fault` answers them."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self.asked: list[Asked] = []
        self.fault: Fault | None = None
        self.url = ""
        self._session = session
        self._server = server
        self._watches: set[asyncio.Transport] = set()

    def login(self) -> kopf.ConnectionInfo:
        """Return how an operator reaches it: without TLS, as the proxy's own user."""
        return kopf.ConnectionInfo(server=self.url)

    def cut_watches(self) -> None:
        """Break off all watches without a word."""
        for transport in list(self._watches):
            transport.abort()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        watch = "watch" in request.query
        self.asked.append(Asked(time.monotonic(), request.method, request.path, watch))
        found = None if self.fault is None else await self.fault(request)
        return found or await self._pass_on(request, watch=watch)

    async def _pass_on(self, request: web.Request, *, watch: bool) -> web.StreamResponse:
        transport = request.transport
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        if watch and transport is not None:
            self._watches.add(transport)
        try:
            async with self._session.request(
                request.method,
                self._server + str(request.rel_url),
                data=await request.read() or None,
                headers=headers,
                skip_auto_headers=_PASSED_ON,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as answer:
                passed = web.StreamResponse(
                    status=answer.status, headers={"Content-Type": answer.content_type}
                )
                await passed.prepare(request)
                async for chunk in answer.content.iter_any():
                    await passed.write(chunk)
                return passed
        except ConnectionError:
            return web.Response(status=502)  # the watch was cut
        finally:
            if transport is not None:
                self._watches.discard(transport)


def status(code: int, message: str, *, retry_after: int = 0) -> web.Response:
    """Return an error as the API server gives it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return web.json_response(body | {"message": message}, status=code, headers=headers)


@asynccontextmanager
async def proxy() -> AsyncIterator[Proxy]:
    """Serve on a free port, in front of the API server that KUBECONFIG names."""
    upstream = connection.login()
    connector = aiohttp.TCPConnector(limit=0, ssl=connection.tls(upstream))
    async with aiohttp.ClientSession(connector=connector) as session:
        found = Proxy(session, (upstream.server or "").rstrip("/"))
        app = web.Application(client_max_size=8 * 2**20)
        app.router.add_route("*", "/{path:.*}", found.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        found.url = f"http://{host}:{port}"
        try:
            yield found
        finally:
            await runner.cleanup()
