"""HTTP endpoints of the operator: /readyz and /metrics. Kopf serves /livez (main.py)."""

import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


class Probed(Protocol):
    """Anything that has a readiness."""

    @property
    def ready(self) -> bool:
        """True if it could take over now."""
        ...


@contextlib.asynccontextmanager
async def serve(probed: Probed, *, port: int) -> AsyncIterator[None]:
    """Serve until the block ends."""

    async def readyz(_: web.Request) -> web.Response:
        if probed.ready:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="not every kind was listed yet\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
