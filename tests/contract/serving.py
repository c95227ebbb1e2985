"""A service as a real HTTP server on a thread of its own: its app, its stores, no consumers."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import httpx
import uvicorn
from shop_servers.http import PATIENCE_SECONDS, client_of

from shop_shared.server import Service, server_config
from shop_shared.settings import ServiceSettings


@dataclass(frozen=True)
class Address:
    """Where a service will listen, known before it does."""

    listener: socket.socket
    host: str
    port: int

    @classmethod
    @contextmanager
    def bound(cls) -> Iterator[Self]:
        """Take a free port."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            yield cls(listener, *listener.getsockname())

    @property
    def url(self) -> str:
        """The service's URL."""
        return f"http://{self.host}:{self.port}"


@contextmanager
def served(create: Callable[[], Service], address: Address | None = None) -> Iterator[str]:
    """Serve what create makes, in the thread's own event loop, and yield its URL once ready.

    Of its background tasks only some of the gateway's run: those that read the route table, and
    whom it trusts.
    """
    with contextlib.ExitStack() as stack:
        place = address or stack.enter_context(Address.bound())
        ready = threading.Event()
        servers: list[uvicorn.Server] = []

        async def serve() -> None:
            service = create()
            server = uvicorn.Server(server_config(service.app, ServiceSettings()))
            servers.append(server)
            serving = asyncio.create_task(server.serve(sockets=[place.listener]))
            beside = [
                asyncio.ensure_future(task())
                for task in (*service.background[:1], *service.background[3:])
                if service.app.title == "Minishop gateway"
            ]
            while not server.started and not serving.done():
                await asyncio.sleep(0.01)
            ready.set()
            await serving
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
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
        # FastAPI builds its routes when the first request looks for one, with the process's
        # warnings turned off meanwhile: two services on two threads must not do that at once.
        with contextlib.suppress(httpx.TransportError), client_of(place.url) as client:
            client.get("/nowhere")
        try:
            yield place.url
        finally:
            for server in servers:
                server.should_exit = True
                server.force_exit = True
            thread.join()


def until_ready(url: str) -> None:
    """Wait until a service says that it is."""
    waiting_until = time.monotonic() + PATIENCE_SECONDS
    with client_of(url) as client:
        while client.get("/readyz").status_code != httpx.codes.OK:
            if time.monotonic() > waiting_until:
                raise TimeoutError(url)
            time.sleep(0.02)
