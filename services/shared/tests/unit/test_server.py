"""Where a service listens, and its end: what would go on for ever does not hold it up."""

import asyncio
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from shop_shared.server import server_config
from shop_shared.settings import ServiceSettings

SERVICE = """
import asyncio
from shop_shared.http.app import create_app
from shop_shared.server import Service, run
from shop_shared.settings import ServiceSettings
from fastapi.responses import StreamingResponse

settings = ServiceSettings(host="127.0.0.1", port={port}, shutdown_grace_seconds=3600)
app = create_app(settings, title="Endless")
over = asyncio.Event()

@app.get("/stream")
async def stream() -> StreamingResponse:
    async def pieces():
        yield b"first\\n"
        await over.wait()
        yield b"last\\n"
    return StreamingResponse(pieces(), media_type="text/event-stream")

run(Service(app, stopping=[over.set]), settings)
"""
PATIENCE_SECONDS = 60


def test_an_open_stream_is_ended_and_delays_nothing() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, "-c", SERVICE.format(port=port)]) as process:
        try:
            _until_it_listens(port)
            url = f"http://127.0.0.1:{port}/stream"
            with httpx.stream("GET", url, timeout=PATIENCE_SECONDS) as answer:
                lines = answer.iter_lines()
                assert next(lines) == "first"
                process.send_signal(signal.SIGTERM)
                assert next(lines) == "last"
            assert process.wait(PATIENCE_SECONDS) == 0
        finally:
            process.kill()


HANGING = """
import asyncio
from shop_shared.http.app import create_app
from shop_shared.server import Service, run
from shop_shared.settings import ServiceSettings

settings = ServiceSettings(host="127.0.0.1", port={port}, shutdown_grace_seconds={grace})
app = create_app(settings, title="Hanging")

@app.get("/hang")
async def hang() -> None:
    print("hanging", flush=True)
    await asyncio.sleep(3600)

async def batch_in_hand() -> None:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(3600)

async def close() -> None:
    await asyncio.sleep(3600)

run(Service(app, background=[batch_in_hand], close=[close]), settings)
"""
GRACE_SECONDS = 5


def test_the_end_keeps_within_the_grace_time_whatever_hangs() -> None:
    """A request, a batch and a store that all hang: each would have the whole grace time else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = HANGING.format(port=port, grace=GRACE_SECONDS)
    with (
        subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        ) as process,
        socket.socket() as client,
    ):
        try:
            _until_it_listens(port)
            client.connect(("127.0.0.1", port))
            client.sendall(b"GET /hang HTTP/1.1\r\nHost: shop\r\n\r\n")
            assert process.stdout is not None
            assert "hanging\n" in process.stdout
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)
            assert time.monotonic() - begun < 2 * GRACE_SECONDS
        finally:
            process.kill()


def _until_it_listens(port: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(port)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_it_listens_at_addresses_of_both_families() -> None:
    server = uvicorn.Server(server_config(FastAPI(), ServiceSettings(port=0)))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    listening = {listener.family for each in server.servers for listener in each.sockets}
    server.should_exit = True
    await task
    assert listening == {socket.AF_INET, socket.AF_INET6}
