"""A caller's fault counts for nothing: however many misbehave, an innocent one sees no change."""

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from shop_gateway.balancer import BREAKER_MIN_REQUESTS, Balancer, Pool
from shop_gateway.body import no_body
from shop_gateway.proxy import Proxy, ProxyRequest
from shop_gateway.routes import Upstream

from .conftest import Gateway, bound, port_of, serving

CROWD = BREAKER_MIN_REQUESTS + 5
LIMIT = 4096
SECONDS = 3  # an innocent is never as slow, on a loaded machine either
PATIENCE = 60.0
PATHS = [
    "/v1/orders",
    "/v1/payments",
    "/v1/shipments",
    "/v1/notifications",
    "/v1/products",
    "/v1/users",
    "/v1/auth",
    "/v1/webhooks",
]
"""Every route of the shop that the operator writes for the gateway."""
OWN = ["/", "/docs", "/openapi.json", "/v1/home", "/v1/orders/1/summary", "/docs/reader/reader.js"]
Misbehaviour = Callable[[int, str, str], Awaitable[bytes]]


async def _talk(port: int, *pieces: bytes, wait: float = 0, abort: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with contextlib.closing(writer):
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    answer = await reader.read(65536)
        if abort:  # RST instead of FIN
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    return answer


def _head(method: str, path: str, *fields: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop", "Content-Type: application/json", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


CHUNKED = "Transfer-Encoding: chunked"
LARGE = "Content-Length: 3000000"


async def broken_off(port: int, method: str, path: str) -> bytes:
    return await _talk(port, _head(method, path, "Content-Length: 100"), b'{"a":', wait=0.05)


async def reset(port: int, method: str, path: str) -> bytes:
    head = _head(method, path, CHUNKED)
    return await _talk(port, head, b'5\r\n{"a":\r\n', wait=0.05, abort=True)


async def silent(port: int, method: str, path: str) -> bytes:
    return await _talk(port, _head(method, path, "Content-Length: 100"), b'{"a":', wait=PATIENCE)


async def silent_in_chunks(port: int, method: str, path: str) -> bytes:
    return await _talk(port, _head(method, path, CHUNKED), b'5\r\n{"a":\r\n', wait=PATIENCE)


async def oversized(port: int, method: str, path: str) -> bytes:
    chunk = b"800\r\n" + b"x" * 0x800 + b"\r\n"
    return await _talk(port, _head(method, path, CHUNKED), *([chunk] * 5), wait=PATIENCE)


async def oversized_as_stated(port: int, method: str, path: str) -> bytes:
    return await _talk(port, _head(method, path, LARGE), b"x" * 100, wait=PATIENCE)


async def no_chunk(port: int, method: str, path: str) -> bytes:
    return await _talk(port, _head(method, path, CHUNKED), b"zz\r\n{}\r\n", wait=PATIENCE)


async def spaced(port: int, method: str, path: str) -> bytes:
    """Nothing wrong: spaces behind a value are no part of it (RFC 9112, 5.1)."""
    head = _head(method, path, "Content-Length: 2 ", "Connection: close")
    return await _talk(port, head, b"{}", wait=PATIENCE)


async def early_leaver(port: int, method: str, path: str) -> bytes:
    return await _talk(port, _head(method, path), abort=True)


async def trickle(port: int, method: str, path: str) -> bytes:
    """Much of the time that a caller has: the pod's own time is untouched."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with contextlib.closing(writer), contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(_head(method, path, CHUNKED))
        for _ in range(6):
            writer.write(b"1\r\n \r\n")
            await asyncio.sleep(SECONDS / 12)
        writer.write(b"2\r\n{}\r\n0\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read(65536)
    return answer


MISBEHAVIOURS: list[Misbehaviour] = [
    broken_off,
    reset,
    silent,
    silent_in_chunks,
    oversized,
    oversized_as_stated,
    no_chunk,
    spaced,
    early_leaver,
    trickle,
]


async def echo(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"length": len(body)}, headers={"X-Path": request.url.path})


def shop() -> dict[str, tuple[list[str], Starlette]]:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return {
        path.removeprefix("/v1/"): (
            [path],
            Starlette(
                routes=[
                    Route("/openapi.json", echo),
                    Route(f"{path}{{rest:path}}", echo, methods=methods),
                ]
            ),
        )
        for path in PATHS
    }


SETTINGS = {
    "max_body_bytes": LIMIT,
    "deadline_seconds": SECONDS,
    "rate_limit_address": "100000/minute",
}


async def innocent(client: httpx.AsyncClient) -> list[tuple[int, bytes]]:
    """What somebody sees who does everything right, on every route."""
    answers = [
        *[await client.get(path) for path in PATHS],
        *[await client.post(path, json={"a": 1}) for path in PATHS],
        await client.get("/v1/home"),
    ]
    return [(answer.status_code, answer.content) for answer in answers]


@pytest.fixture
async def front(gateway: Gateway) -> httpx.AsyncClient:
    return await gateway(shop(), pods=("127.0.0.1",), **SETTINGS)


@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS, ids=lambda f: f.__name__)
async def test_a_crowd_that_misbehaves_changes_nothing_for_the_innocent(
    misbehaviour: Misbehaviour, front: httpx.AsyncClient
) -> None:
    port = front.base_url.port
    assert port
    before = await innocent(front)
    assert {status for status, _ in before} == {200}
    answers = await asyncio.gather(
        *(misbehaviour(port, "POST", "/v1/notifications") for _ in range(CROWD))
    )
    statuses = Counter(answer.split(b" ", 2)[1] for answer in answers if answer)
    assert statuses.keys() <= {b"200", b"400", b"408", b"413"}
    assert await innocent(front) == before


async def test_each_misbehaviour_is_told_what_it_did(front: httpx.AsyncClient) -> None:
    port = front.base_url.port
    assert port
    for misbehaviour, status in {
        silent: 408,
        silent_in_chunks: 408,
        oversized: 413,
        oversized_as_stated: 413,
        spaced: 200,
        trickle: 200,
    }.items():
        answer = await misbehaviour(port, "POST", "/v1/orders")
        assert int(answer.split(b" ", 2)[1]) == status, misbehaviour


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_any_mixture_on_any_route_changes_nothing_for_the_innocent(
    data: st.DataObject, front: httpx.AsyncClient
) -> None:
    """Every public route, every method, every way to misbehave, all at once."""
    act = st.tuples(
        st.sampled_from(MISBEHAVIOURS),
        st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        st.sampled_from([*PATHS, *OWN, *(f"{path}/1" for path in PATHS)]),
    )
    crowd = data.draw(st.lists(act, min_size=1, max_size=2 * CROWD))
    port = front.base_url.port
    assert port
    before = await innocent(front)
    assert {status for status, _ in before} == {200}
    acts = [
        asyncio.ensure_future(misbehaviour(port, method, path))
        for misbehaviour, method, path in crowd
    ]
    await asyncio.wait(acts, timeout=2 * SECONDS)  # not everything is ever answered
    for each in acts:
        each.cancel()
    ends = await asyncio.gather(*acts, return_exceptions=True)
    assert {type(end) for end in ends} <= {bytes, asyncio.CancelledError}
    assert await innocent(front) == before


async def test_a_pod_that_accepts_no_connection_is_gone_around() -> None:
    """A full backlog drops what comes: a connection that is never made, so nothing was sent."""
    listener, deaf = bound("127.0.0.2", "127.0.0.3")
    with deaf, contextlib.ExitStack() as waiting:
        port = port_of(listener)
        deaf.listen(0)
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.settimeout(0)
            client.connect_ex(("127.0.0.3", port))
        upstream = Upstream("echo", "echo-pods", port)
        balancer = Balancer({upstream: Pool(upstream)})
        balancer.pools[upstream].update({"127.0.0.2", "127.0.0.3"})
        proxy = Proxy(balancer, deadline_seconds=60, upload_seconds=60)
        app = Starlette(routes=[Route("/v1/echo", echo, methods=["POST"])])
        async with serving(app, listener):
            for _ in range(6):
                request = ProxyRequest(method="POST", target="/v1/echo", headers=[], body=no_body())
                async with proxy.open(upstream, request) as answer:
                    assert answer.status == 200
            await proxy.close()


async def test_what_breaks_off_within_an_answer_counts_against_its_pod(gateway: Gateway) -> None:
    async def half(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x" * 100
            await asyncio.sleep(0)
            raise ConnectionResetError

        return StreamingResponse(pieces())

    app = Starlette(routes=[Route("/v1/half", half)])
    client = await gateway({"half": (["/v1/half"], app)})
    for _ in range(CROWD):
        with contextlib.suppress(httpx.RemoteProtocolError):
            await client.get("/v1/half")
    answer = await client.get("/v1/half")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) in range(1, 6)  # what is left of the breaker's five


async def test_a_service_that_no_pod_accepts_connections_of_says_so(gateway: Gateway) -> None:
    client = await gateway({"gone": (["/v1/gone"], Starlette())}, pods=())
    answer = await client.post("/v1/gone", json={})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
