"""What DNS says of a name: no address any more, or addresses of IPv6 only."""

import asyncio
import socket
from typing import Any

import pytest

from shop_gateway.balancer import Balancer, Endpoint, Pool, resolve
from shop_gateway.body import no_body
from shop_gateway.proxy import Proxy, ProxyRequest
from shop_gateway.routes import Upstream
from shop_gateway.trusted_proxies import TrustedProxies

GONE = (socket.EAI_NONAME, socket.EAI_NODATA)


def answer(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Have every look-up end with this code of getaddrinfo."""

    def look_up(*_: Any, **__: Any) -> None:
        raise socket.gaierror(code, "said by the test")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def pool() -> Pool:
    upstream = Upstream("order", "order-pods", 8080)
    return Pool(upstream, endpoints={"10.0.0.1": Endpoint("10.0.0.1")})


@pytest.mark.parametrize("code", GONE)
async def test_no_request_is_sent_to_addresses_that_were_a_services(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    answer(monkeypatch, code)
    pods = pool()
    await resolve(pods)
    assert pods.endpoints == {}


@pytest.mark.parametrize("code", GONE)
async def test_addresses_that_were_a_proxys_are_trusted_no_more(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    proxies = TrustedProxies([], hosts=["localhost"])
    await proxies.resolve()
    assert proxies.trusted
    answer(monkeypatch, code)
    await proxies.resolve()
    assert proxies.trusted == []


async def test_a_look_up_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, socket.EAI_AGAIN)
    pods = pool()
    await resolve(pods)
    assert set(pods.endpoints) == {"10.0.0.1"}


async def test_pods_that_have_an_ipv6_address_only_are_reached() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        writer.close()

    try:
        server = await asyncio.start_server(serve, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with server:
        upstream = Upstream("order", "::1", server.sockets[0].getsockname()[1])
        balancer = Balancer()
        await balancer.update(frozenset((upstream,)))
        proxy = Proxy(balancer, deadline_seconds=60, upload_seconds=60)
        request = ProxyRequest(method="GET", target="/v1/orders", headers=[], body=no_body())
        async with proxy.open(upstream, request) as response:
            assert await response.read() == b"ok"
        await proxy.close()


async def test_a_pod_with_addresses_of_both_families_counts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses = {socket.AF_INET: "10.0.0.7", socket.AF_INET6: "fd00::7"}

    def look_up(_host: str, _port: int, family: int, *_: Any) -> list[Any]:
        asked = [f for f in addresses if family in (f, socket.AF_UNSPEC)]
        return [(f, socket.SOCK_STREAM, 6, "", (addresses[f], 8080)) for f in asked]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    pods = pool()
    await resolve(pods)
    assert set(pods.endpoints) == {"10.0.0.7"}
