"""Behind an ingress: its headers are believed, no others are; the cookie is Secure by TLS."""

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from shop_storefront.main import create
from shop_storefront.settings import Settings


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"redis_url": SecretStr("redis://127.0.0.1:1"), "api_url": "http://127.0.0.1:1"}


@pytest.mark.parametrize(("trusted", "is_told"), [(["127.0.0.1/32"], True), ([], False)])
async def test_hsts_is_sent_where_a_trusted_ingress_says_https(
    settings: dict[str, Any], *, trusted: list[str], is_told: bool
) -> None:
    service = create(Settings(**settings, trusted_proxies=trusted))
    transport = httpx.ASGITransport(service.app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        answer = await http.get("/static/shop.css", headers={"X-Forwarded-Proto": "https"})
    assert ("strict-transport-security" in answer.headers) is is_told


async def test_without_redis_a_page_says_so(settings: dict[str, Any]) -> None:
    service = create(Settings(**settings))
    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        answer = await http.get("/", headers={"Cookie": "minishop_session=a"})
    assert answer.status_code == 503
    assert "not available at the moment" in answer.text
    assert answer.headers["retry-after"] == "1"
