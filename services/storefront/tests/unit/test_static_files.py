"""Files of the pages: kept for ever by an address that has their version, and by no other."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from shop_storefront.main import create
from shop_storefront.rendering import static_version
from shop_storefront.settings import Settings

NOWHERE = {"redis_url": SecretStr("redis://127.0.0.1:1"), "api_url": "http://127.0.0.1:1"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create(Settings.model_validate(NOWHERE)).app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        yield client


@pytest.mark.parametrize("name", ["shop.css", "shop.js", "icon.svg"])
async def test_this_version_is_kept_for_ever(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.get(f"/static/{name}", params={"v": static_version(name)})
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789ab", "?v=1&v=2"])
async def test_another_version_is_not_kept_in_its_place(
    http: httpx.AsyncClient, query: str
) -> None:
    """The page is of a pod that is new, or of one before, while a release rolls out."""
    answer = await http.get(f"/static/shop.css{query}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


async def test_what_is_not_there_is_not_kept(http: httpx.AsyncClient) -> None:
    answer = await http.get("/static/none.css?v=1", headers={"Cookie": "minishop_session=a"})
    assert answer.headers["cache-control"] == "no-store"
