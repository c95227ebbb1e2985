"""Heads that are too large, too many or too slow, on real sockets."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import Request

from shop_shared.http.app import create_app
from shop_shared.http.protocol import (
    MAX_FIELDS,
    MAX_FIELDS_BYTES,
    MAX_TARGET_BYTES,
    LimitedHttpProtocol,
)
from shop_shared.server import server_config
from shop_shared.settings import ServiceSettings
from shop_shared.testing import Signer


@pytest.fixture
async def port() -> AsyncIterator[int]:
    settings = ServiceSettings(host="127.0.0.1", port=0)
    app = create_app(settings, title="Limits", verifier=Signer().verifier())

    @app.get("/x{rest:path}")
    async def seen(request: Request) -> dict[str, int]:
        return {"fields": len(request.headers.raw)}

    @app.post("/streamed")
    async def streamed(request: Request) -> int:
        return sum([len(piece) async for piece in request.stream()])

    @app.post("/values")
    async def values(request: Request) -> list[str]:
        await request.body()
        return list(request.headers.values())

    @app.post("/trailers")
    async def trailers(request: Request) -> list[str]:
        await request.body()
        await asyncio.sleep(0.05)
        return list(request.headers)

    server = uvicorn.Server(server_config(app, settings))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # the test's own
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = server.force_exit = True
    await task


PATIENCE_SECONDS = 60
CHUNKED = "Transfer-Encoding: chunked"


async def exchange(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Send the pieces and return all that comes until the server closes. Raises TimeoutError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)

    sending = asyncio.create_task(send())
    answer = b""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while got := await reader.read(65536):
                answer += got
    except ConnectionResetError:
        pass  # closed as well, while the pieces were still being sent
    finally:
        sending.cancel()
        writer.close()
    return answer


def head(target: str = "/x", *fields: str) -> bytes:
    lines = [f"GET {target} HTTP/1.1", "Host: shop", "Connection: close", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def test_what_is_within_the_limits_is_answered(port: int) -> None:
    fields = [f"X-{n}: 1" for n in range(MAX_FIELDS - 2)]
    assert status(await exchange(port, head("/x", *fields))) == 200
    large = "X: " + "a" * (MAX_FIELDS_BYTES - 100)
    assert status(await exchange(port, head("/x", large))) == 200
    assert status(await exchange(port, head("/x?" + "a" * (MAX_TARGET_BYTES - 3)))) == 200


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        (["X-N: 1"] * (MAX_FIELDS + 1), 431),
        (["X: 1"] * 20_000, 431),
        (["X: " + "a" * MAX_FIELDS_BYTES], 431),
        (["X: " + "a" * 1000] * 40, 431),
        (["X" * MAX_FIELDS_BYTES + ": 1"], 431),
        (["X: " + "a" * 4_000_000], 431),
    ],
    ids=["many", "very many", "one large", "large together", "a large name", "4 MB"],
)
async def test_too_many_or_too_large_fields_are_refused(
    port: int, fields: list[str], refused: int
) -> None:
    answer = await exchange(port, head("/x", *fields))
    assert status(answer) == refused
    assert b"application/problem+json" in answer
    assert b"request_header_fields_too_large" in answer


async def test_a_head_without_end_is_refused_before_it_is_complete(port: int) -> None:
    pieces = [b"GET /x HTTP/1.1\r\nHost: shop\r\nX: ", *([b"a" * 8192] * 10)]
    assert status(await exchange(port, *pieces, pause=0.01)) == 431
    pieces = [b"GET /x HTTP/1.1\r\nHost: shop\r\n", *([b"X: 1\r\n" * 20] * 10)]
    assert status(await exchange(port, *pieces, pause=0.01)) == 431


async def test_a_long_target_is_refused(port: int) -> None:
    assert status(await exchange(port, head("/x" + "a" * MAX_TARGET_BYTES))) == 414
    answer = await exchange(port, b"GET /x", *([b"a" * 4096] * 4), pause=0.01)
    assert status(answer) == 414


async def test_what_is_no_http_is_a_400_problem(port: int) -> None:
    answer = await exchange(port, b"\x16\x03\x01 hello\r\n\r\n")
    assert status(answer) == 400
    assert b"application/problem+json" in answer


async def test_a_slow_head_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedHttpProtocol, "head_seconds", 1)
    # The rest of the head never comes: it is the server that ends this.
    answer = await exchange(port, *(bytes([byte]) for byte in head()[:25]), pause=0.05)
    assert status(answer) == 408


@pytest.mark.parametrize("said", [[], [b"\r\n"] * 2000], ids=["nothing", "blank lines"])
async def test_a_connection_without_a_request_is_closed(
    port: int, monkeypatch: pytest.MonkeyPatch, said: list[bytes]
) -> None:
    monkeypatch.setattr(LimitedHttpProtocol, "head_seconds", 1)
    assert await exchange(port, *said, pause=0.05) == b""


async def test_blank_lines_after_a_request_keep_no_connection(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LimitedHttpProtocol, "head_seconds", 1)
    answer = await exchange(port, head(), *[b"\r\n"] * 2000, pause=0.05)
    assert answer.count(b"HTTP/1.1 200") == 1


async def test_the_second_request_of_a_connection_has_its_own_limits(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LimitedHttpProtocol, "head_seconds", 2)
    first = b"GET /x HTTP/1.1\r\nHost: shop\r\n" + b"X: 1\r\n" * 90 + b"\r\n"
    answer = await exchange(port, first, first, head(), pause=1.2)
    assert answer.count(b"HTTP/1.1 200") == 3
    answer = await exchange(port, first, b"GET /x HTTP/1.1\r\n", pause=0.1)
    assert b"HTTP/1.1 408" in answer


async def test_trailers_do_not_become_fields(port: int) -> None:
    body = b"POST /trailers HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
    body += b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n"
    answer = await exchange(port, body + b"X-User-Id: admin\r\n\r\n")
    assert status(answer) == 200
    assert b"x-user-id" not in answer


@pytest.mark.parametrize(
    ("lines", "refused"),
    [
        (["GET /x HTTP/1.1"], 400),
        (["GET /x HTTP/1.1", "Host: shop", "Host: shop"], 400),
        (["GET /x HTTP/1.1", "Host: shop", "host: other"], 400),
        (["GET /x HTTP/1.1", "Host: sh op"], 400),
        (["GET /x HTTP/1.1", "Host: shop/x"], 400),
        (["GET /x HTTP/1.1", "Host: user@shop"], 400),
        (["GET /x HTTP/1.0", "Host: shop", "Host: shop"], 400),
        (["GET /x"], 505),
        (["GET /x HTTP/2.0", "Host: shop"], 505),
        (["POST /streamed HTTP/1.0", "Host: shop", "Transfer-Encoding: chunked"], 400),
        (["POST /streamed HTTP/1.1", "Host: shop", "Transfer-Encoding: gzip, chunked"], 501),
        (["POST /streamed HTTP/1.1", "Host: shop", "Transfer-Encoding: gzip"], 501),
        (["POST /streamed HTTP/1.1", "Host: shop", "Transfer-Encoding: identity"], 501),
        (["POST /streamed HTTP/1.1", "Host: shop", "Transfer-Encoding: xchunked"], 501),
    ],
    ids=str,
)
async def test_a_head_against_the_rules_is_refused(
    port: int, lines: list[str], refused: int
) -> None:
    answer = await exchange(port, "\r\n".join(lines).encode() + b"\r\n\r\n")
    assert status(answer) == refused
    assert b"application/problem+json" in answer


@pytest.mark.parametrize("host", ["shop", "shop:8000", "[::1]:80", "", "xn--bcher-kva.example"])
async def test_a_host_is_a_name_or_an_address(port: int, host: str) -> None:
    request = f"GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert status(await exchange(port, request.encode())) == 200


async def test_http_1_0_needs_no_host(port: int) -> None:
    assert status(await exchange(port, b"GET /x HTTP/1.0\r\n\r\n")) == 200


@pytest.mark.parametrize(
    "body", [b"0x2\r\n{}\r\n0\r\n\r\n", b"-2\r\n", b"zz\r\n", b"f" * 20 + b"\r\n", b"2\r\n{}XX"]
)
@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
async def test_chunks_that_are_none_are_a_400_problem(
    port: int, body: bytes, expect: bytes
) -> None:
    """Not a connection that closes without a word."""
    head = b"POST /streamed HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n" + expect
    answer = await exchange(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    final = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert status(final) == 400
    assert final.count(b"HTTP/1.1 ") == 1
    assert b"application/problem+json" in final


@pytest.mark.parametrize("space", [" ", "   "])
@pytest.mark.parametrize(
    "content",
    ["Content-Length: 2{}\r\n\r\n{{}}", f"{CHUNKED}{{}}\r\n\r\n2\r\n{{{{}}}}\r\n0\r\n\r\n"],
)
async def test_spaces_behind_a_value_are_no_part_of_it(port: int, content: str, space: str) -> None:
    request = (
        f"POST /values HTTP/1.1\r\nHost: shop{space}\r\nConnection: close{space}\r\n"
        f"Content-Type: application/json{space}\r\n{content.format(space)}"
    )
    answer = await exchange(port, request.encode())
    assert status(answer) == 200
    values = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert values == [value.strip() for value in values]


@pytest.mark.parametrize("offer", ["h2c", "websocket", "TLS/1.2, h2c"])
@pytest.mark.parametrize(
    "content",
    ["Content-Length: 2\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"],
    ids=["length", "chunks"],
)
@pytest.mark.parametrize("together", [True, False])
async def test_an_offer_of_another_protocol_changes_nothing(
    port: int, offer: str, content: str, *, together: bool
) -> None:
    """Java's client sends one with each first request, whatever its method (RFC 9110, 7.8)."""
    request = (
        "POST /streamed HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {offer}\r\nHTTP2-Settings: AAM\r\n"
        f"{content}"
    ).encode()
    everything = request + request + head("/x", "Upgrade: h2c")
    middle = everything.index(b"\r\n\r\n") + 4
    pieces = [everything] if together else [everything[:middle], everything[middle:]]
    answer = await exchange(port, *pieces, pause=0.05)
    assert answer.count(b"HTTP/1.1 200") == answer.count(b"HTTP/1.1 ") == 3
    assert answer.count(b"\r\n\r\n2") == 2  # bytes of the bodies that were read


async def test_a_server_is_asked_for_its_options(port: int) -> None:
    """RFC 9110, 9.3.7: a ping."""
    asked = b"OPTIONS * HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
    assert status(await exchange(port, asked)) == 204
    assert status(await exchange(port, asked.replace(b"OPTIONS", b"GET"))) == 404


@pytest.mark.parametrize("target", ["shop:443", "/x"])
async def test_nobody_is_connected_through(port: int, target: str) -> None:
    request = f"CONNECT {target} HTTP/1.1\r\nHost: shop\r\n\r\n"
    assert status(await exchange(port, request.encode())) == 400


@pytest.mark.parametrize("target", ["http://shop", "HTTP://shop:80?a=1"])
async def test_an_absolute_target_without_a_path_is_of_the_root(port: int, target: str) -> None:
    assert status(await exchange(port, head(target))) == 404  # nothing is there
