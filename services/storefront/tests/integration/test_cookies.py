"""The session's cookie: whose it is, and for how long."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from shop_storefront.main import create
from shop_storefront.sessions import SESSION_SECONDS
from shop_storefront.settings import Settings

BY_TLS = {"X-Forwarded-Proto": "https"}
"""As an ingress says it."""


@pytest.fixture
async def http(redis_url: str) -> AsyncIterator[httpx.AsyncClient]:
    told = {"redis_url": SecretStr(redis_url), "api_url": "http://127.0.0.1:1"}
    service = create(Settings.model_validate({**told, "trusted_proxies": ["127.0.0.1/32"]}))
    transport = httpx.ASGITransport(service.app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client
    for close in service.close:
        await close()


def cookie_of(answer: httpx.Response) -> tuple[str, list[str]]:
    """Return the cookie that an answer sets, and its attributes, in small letters."""
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    return cookie, sorted(each.lower() for each in attributes)


async def test_by_tls_no_other_host_can_set_it(http: httpx.AsyncClient) -> None:
    cookie, attributes = cookie_of(await http.get("/sign-in", headers=BY_TLS))
    assert cookie.startswith("__Host-minishop_session=")
    assert {"secure", "path=/", "httponly"} <= set(attributes)
    assert not any(each.startswith("domain") for each in attributes)
    http.cookies.clear()
    again = await http.get("/sign-in", headers={**BY_TLS, "Cookie": cookie})
    assert "set-cookie" not in again.headers


async def test_what_another_host_has_set_is_no_session(http: httpx.AsyncClient) -> None:
    planted, attributes = cookie_of(await http.get("/sign-in"))
    assert planted.startswith("minishop_session=")
    assert "secure" not in attributes
    http.cookies.clear()
    answer = await http.get("/sign-in", headers={**BY_TLS, "Cookie": planted})
    assert cookie_of(answer)[0].partition("=")[2] != planted.partition("=")[2]


async def test_the_browser_does_not_forget_it_before_the_shop_does(http: httpx.AsyncClient) -> None:
    """It is set once: however often one comes by, its end stays where it was."""
    _, attributes = cookie_of(await http.get("/sign-in"))
    [age] = [int(each.partition("=")[2]) for each in attributes if each.startswith("max-age")]
    assert age > 10 * SESSION_SECONDS
