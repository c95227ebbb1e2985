"""A service as a real HTTP server on a thread of its own: its app, its stores, no consumers."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from shop_shared.server import Service


@contextmanager
def served(create: Callable[[], Service]) -> Iterator[str]:
    """Serve what create makes, in the thread's own event loop, and yield its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    ready = threading.Event()
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        service = create()
        config = uvicorn.Config(
            service.app,
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
        )
        server = uvicorn.Server(config)
        servers.append(server)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        ready.set()
        await serving
        for close in service.close:
            await close()

    def run() -> None:
        try:
            asyncio.run(serve())
        finally:
            ready.set()  # a service that does not start is seen by its first caller

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for server in servers:
            server.should_exit = True
            server.force_exit = True
        thread.join()
        listener.close()
