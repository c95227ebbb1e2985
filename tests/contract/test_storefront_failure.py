"""What nobody foresaw: the visitor gets a page all the same. What the API refuses is told so."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from redis.asyncio import Redis as RedisClient
from shop_servers import databases
from shop_servers.http import client_of
from shop_servers.servers import Redis

from contract.browser import Browser
from contract.serving import served
from shop_shared.http.problems import TooManyRequests
from shop_shared.http.problems import install as install_problems
from shop_shared.server import Service
from shop_storefront.api_client import ShopApi
from shop_storefront.main import create
from shop_storefront.sessions import Session, SessionStore, Tokens, User
from shop_storefront.settings import Settings

ADA = User(id="ada", email="ada@example.com", name="Ada", roles=("customer",))


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


def with_too_many_streams() -> Service:
    """An API that opens no live stream more for who asks."""
    app = FastAPI()
    install_problems(app)

    @app.get("/v1/orders/{order_id}")
    def order(order_id: str) -> dict[str, str]:
        return {"id": order_id}

    @app.get("/v1/orders/{order_id}/events")
    def events(order_id: str) -> None:
        raise TooManyRequests(f"no more streams, {order_id} neither", retry_after=5)

    return Service(app)


async def signed_in(redis_url: str) -> Session:
    async with RedisClient.from_url(redis_url) as client:
        sessions = SessionStore(client, ShopApi("http://127.0.0.1:1", timeout=1))
        tokens = Tokens("access", "refresh", time.time() + 600)
        return await sessions.sign_in(sessions.begin(), ADA, tokens)


def test_a_live_stream_that_the_api_refuses_does_not_begin(redis: Redis) -> None:
    redis_url = databases.create_redis(redis.url)
    session = asyncio.run(signed_in(redis_url))
    with served(with_too_many_streams) as api:
        settings = Settings(redis_url=SecretStr(redis_url), api_url=api)
        with served(lambda: create(settings)) as url, client_of(url) as http:
            http.cookies.set("minishop_session", session.id)
            path = "/orders/01a2214b-fea2-73aa-8f87-0f149b3e4929/events"
            answer = http.get(path, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 429
    assert "<h1>Too many requests</h1>" in answer.text
