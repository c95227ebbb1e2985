"""HTTP endpoints of the operator: /livez, /readyz and /metrics, by IPv4 and IPv6.

Kopf would serve /livez at one address only.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


class Probed(Protocol):
    """Anything that has a readiness."""

    @property
    def ready(self) -> bool:
        """True if it could take over now."""
        ...

    @property
    def leads(self) -> bool:
        """True while it may write."""
        ...


@contextlib.asynccontextmanager
async def serve(probed: Probed, *, ports: Iterable[int]) -> AsyncIterator[None]:
    """Serve at each of the ports until the block ends."""

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"ready": probed.ready, "leader": probed.leads})

    async def readyz(_: web.Request) -> web.Response:
        if probed.ready:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="not every kind was listed yet\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        for port in ports:  # without a host: at every address of both families that there are
            await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
