"""What nobody foresaw: the visitor gets a page all the same."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from shop_servers import databases
from shop_servers.http import client_of
from shop_servers.servers import Redis

from contract.browser import Browser
from contract.serving import served
from shop_shared.server import Service
from shop_storefront.main import create
from shop_storefront.settings import Settings


def unreadable() -> Service:
    """An API whose answers are of another form than the shop's."""
    app = FastAPI()

    @app.get("/{path:path}")
    def answer(path: str) -> dict[str, str]:
        return {"asked": path}

    return Service(app)


@pytest.fixture
def browser(redis: Redis) -> Iterator[Browser]:
    with served(unreadable) as api:
        settings = Settings(redis_url=SecretStr(databases.create_redis(redis.url)), api_url=api)
        with served(lambda: create(settings)) as url, client_of(url) as http:
            yield Browser(http)


def test_a_failure_that_nobody_foresaw_is_told_by_a_page(browser: Browser) -> None:
    answer = browser.http.get("/products/01a2214b-fea2-73aa-8f87-0f149b3e4929")
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>Something went wrong</h1>" in answer.text
