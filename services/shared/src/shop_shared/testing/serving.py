"""A service in the test's process: wired as in production, with tokens of a test's signer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.types import ASGIApp

from shop_shared.server import Service, server_config
from shop_shared.settings import ServiceSettings
from shop_shared.testing.signer import Signer


@asynccontextmanager
async def wired(
    service: Service, signer: Signer | None = None, *, background: bool = False
) -> AsyncIterator[Service]:
    """Let the service take the signer's tokens, and close it at the end.

    Background: run all that runs beside HTTP but the first, the Kafka consumer, whose events a test
    tells by hand.
    """
    if signer is not None:
        service.app.state.token_verifier = signer.verifier()
    tasks = [asyncio.ensure_future(task()) for task in service.background[1:] if background]
    yield service
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ended] == [asyncio.CancelledError] * len(tasks)  # noqa: S101 - for tests
    for close in service.close:
        await close()


def client_of(service: Service) -> httpx.AsyncClient:
    """Return a client of the service's routes."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(service.app), base_url="http://service.test"
    )


@asynccontextmanager
async def served(app: ASGIApp, listener: socket.socket) -> AsyncIterator[str]:
    """Serve an app on a bound socket as services are, without lifespan, and yield its URL."""
    config = server_config(app, ServiceSettings())
    config.lifespan = "off"
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    host, port = listener.getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    server.force_exit = True
    await serving
