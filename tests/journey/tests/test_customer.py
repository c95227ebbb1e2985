"""A customer's requests: which are sent once more where a connection ends without an answer."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from shop_journey.customer import ask


@pytest.fixture
async def shy() -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a server that ends its first connection without an answer."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        if connections > 1:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
        yield client


@pytest.mark.parametrize(
    ("method", "headers"), [("GET", {}), ("POST", {"Idempotency-Key": "one"})], ids=["GET", "key"]
)
async def test_what_may_be_repeated_is_sent_once_more(
    shy: httpx.AsyncClient, method: str, headers: dict[str, str]
) -> None:
    assert await ask(shy, method, "/", headers=headers) == {}


async def test_what_would_be_done_twice_is_not(shy: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.TransportError):
        await ask(shy, "POST", "/")
