"""What DNS says of a name that has no address any more."""

import socket
from typing import Any

import pytest

from shop_gateway.balancer import Endpoint, Pool, resolve
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
