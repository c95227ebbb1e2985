"""Who takes nothing of an answer, on real sockets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.responses import Response

from shop_shared.http.slow_readers import PublicHttpProtocol
from shop_shared.server import server_config
from shop_shared.settings import ServiceSettings

ANSWER = bytes(32 * 1024 * 1024)
"""More than the two ends of a connection hold."""
PATIENCE_SECONDS = 60


@pytest.fixture
async def server() -> AsyncIterator[uvicorn.Server]:
    app = FastAPI()

    @app.get("/large")
    async def large() -> Response:
        return Response(ANSWER)

    settings = ServiceSettings(host="127.0.0.1", port=0)
    server = uvicorn.Server(server_config(app, settings, PublicHttpProtocol))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # the test's own
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server
    server.should_exit = server.force_exit = True
    await task


async def ask(server: uvicorn.Server) -> socket.socket:
    """Ask for the large answer, and read nothing of it yet."""
    client = socket.socket()
    client.settimeout(0)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, server.servers[0].sockets[0].getsockname())
    await loop.sock_sendall(client, b"GET /large HTTP/1.1\r\nHost: shop\r\n\r\n")
    return client


async def test_who_takes_nothing_is_not_waited_for(
    server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PublicHttpProtocol, "send_seconds", 0.1)
    with await ask(server) as client:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not server.server_state.total_requests:
                await asyncio.sleep(0.01)
            while server.server_state.connections:
                await asyncio.sleep(0.01)
        assert client.fileno() >= 0  # it has not closed the connection itself


async def test_who_takes_its_time_gets_all(server: uvicorn.Server) -> None:
    loop = asyncio.get_running_loop()
    taken = 0
    with await ask(server) as client:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while taken < len(ANSWER):
                await asyncio.sleep(0.001)
                taken += len(await loop.sock_recv(client, 256 * 1024))


def test_who_takes_little_at_a_time_is_waited_for() -> None:
    looks: list[Callable[[], None]] = []
    unsent = [100, 90, 80, 80]
    aborted: list[bool] = []

    def call_later(_seconds: float, look: Callable[[], None]) -> SimpleNamespace:
        looks.append(look)
        return SimpleNamespace(cancel=lambda: None)

    protocol = PublicHttpProtocol.__new__(PublicHttpProtocol)
    protocol.loop = SimpleNamespace(call_later=call_later)  # type: ignore[assignment]
    protocol.flow = SimpleNamespace(pause_writing=lambda: None)  # type: ignore[assignment]
    protocol.transport = SimpleNamespace(  # type: ignore[assignment]
        get_write_buffer_size=lambda: unsent[0], abort=lambda: aborted.append(True)
    )
    protocol.pause_writing()
    for _ in range(3):
        assert not aborted
        unsent.pop(0)
        looks.pop()()
    assert aborted == [True]
