"""A kept connection that ends without an answer: what is sent once more, and what is not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
import pytest

from shop_shared.http.retry import REPEATABLE, RetryTransport

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class Server:
    """Answers the first request of a connection, and closes it at the second without a word."""

    lines: list[bytes] = field(default_factory=list)
    answers_a_connection: int = 1
    open: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        with contextlib.suppress(asyncio.IncompleteReadError):  # the client has left
            await self._answer(reader, writer)
        writer.close()
        self.open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(self.answers_a_connection + 1):
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if b"content-length" in line]
            if length:
                await reader.readexactly(int(length[0].split(b":")[1]))
            self.lines.append(head.split(b"\r\n")[0])
            if number < self.answers_a_connection:
                writer.write(ANSWER)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    async with listening, httpx.AsyncClient(transport=RetryTransport(), base_url=url) as client:
        yield client
    while server.open:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "send",
    [
        lambda client: client.get("/"),
        lambda client: client.put("/", json={}),
        lambda client: client.delete("/"),
        lambda client: client.post("/", json={}, headers={"Idempotency-Key": "k"}),
        lambda client: client.post("/", json={}, extensions=REPEATABLE),
    ],
)
async def test_what_may_be_repeated_is_sent_once_more(
    server: Server, client: httpx.AsyncClient, send: Callable[..., object]
) -> None:
    for _ in range(2):
        assert (await send(client)).status_code == 204  # type: ignore[misc]  # an answer
    assert len(server.lines) == 3


async def test_what_may_not_is_not(server: Server, client: httpx.AsyncClient) -> None:
    await client.post("/", json={})
    with pytest.raises(httpx.RemoteProtocolError):
        await client.post("/", json={})
    assert len(server.lines) == 2


async def test_a_body_that_is_gone_is_not_sent_again(
    server: Server, client: httpx.AsyncClient
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"

    await client.get("/")
    with pytest.raises(httpx.RemoteProtocolError):
        await client.put("/", content=body(), headers={"Content-Length": "1"})
    assert len(server.lines) == 2


async def test_a_server_that_never_answers_is_asked_twice(
    server: Server, client: httpx.AsyncClient
) -> None:
    server.answers_a_connection = 0
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get("/")
    assert len(server.lines) == 2
