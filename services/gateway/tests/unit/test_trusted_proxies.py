"""Trust follows DNS: whom it names now, beside the fixed networks."""

from ipaddress import ip_network

import pytest
from starlette.types import Receive, Scope, Send

from shop_gateway.trusted_proxies import ForwardedHeaders, TrustedProxies


async def client_of(middleware: ForwardedHeaders, seen: list[str], address: str) -> str:
    async def receive() -> dict[str, object]:
        raise AssertionError

    async def send(_: object) -> None:
        raise AssertionError

    scope: Scope = {
        "type": "http",
        "scheme": "http",
        "client": (address, 1),
        "headers": [(b"x-forwarded-for", b"203.0.113.7")],
    }
    await middleware(scope, receive, send)
    return seen.pop()


async def test_an_address_is_trusted_while_dns_names_it() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["client"][0])

    proxies = TrustedProxies([ip_network("10.1.0.0/16")], hosts=["localhost"])
    middleware = ForwardedHeaders(app, proxies=proxies)
    assert await client_of(middleware, seen, "127.0.0.1") == "127.0.0.1"
    await proxies.resolve()
    assert await client_of(middleware, seen, "127.0.0.1") == "203.0.113.7"
    assert await client_of(middleware, seen, "127.0.0.2") == "127.0.0.2"
    assert await client_of(middleware, seen, "10.1.2.3") == "203.0.113.7"


async def test_a_failure_of_dns_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = TrustedProxies([], hosts=["localhost"])
    await proxies.resolve()
    before = proxies.trusted
    assert "127.0.0.1" in before
    monkeypatch.setattr("shop_gateway.trusted_proxies._addresses", _away)
    await proxies.resolve()
    assert proxies.trusted is before


async def _away(_host: str) -> None:
    return None
