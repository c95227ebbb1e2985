"""The services and their stores, once a run."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr
from shop_servers import databases
from shop_servers.http import client_of
from shop_servers.servers import MongoDB, Postgres, RabbitMQ, Redis

from contract.apps import Apps
from contract.browser import Browser, make_product
from contract.owned_resources import OwnedResources
from contract.serving import served
from contract.shop import Shop
from contract.storefront_things import Things, make_things
from contract.stores import Stores
from shop_gateway.rate_limit import RateLimit
from shop_shared.http.tokens import RedisRevocations
from shop_storefront.main import create
from shop_storefront.settings import Settings

PATIENCE_SECONDS = 60


@pytest.fixture(scope="session")
def stores(
    postgres: Postgres, mongodb: MongoDB, redis: Redis, rabbitmq: RabbitMQ
) -> Iterator[Stores]:
    stores = Stores(postgres, mongodb, redis, rabbitmq)
    yield stores
    stores.drop()


@pytest.fixture(scope="session")
def shop(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        # Redis is at hand, however busy the machine: nobody passes for want of its answer.
        patch.setattr(RedisRevocations, "patience_seconds", PATIENCE_SECONDS)
        patch.setattr(RedisRevocations, "patience_closed_seconds", PATIENCE_SECONDS)
        patch.setattr(RateLimit, "patience_seconds", PATIENCE_SECONDS)
        yield Shop(stores, tmp_path_factory.mktemp("gateway"), stack)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apps(shop: Shop) -> AsyncIterator[Apps]:
    apps = Apps(shop)
    yield apps
    await apps.close()


@pytest.fixture(scope="session")
def storefront(shop: Shop, redis: Redis) -> Iterator[str]:
    """The URL of the storefront before the whole shop; no consumers run, orders stay as placed."""
    settings = Settings(
        redis_url=SecretStr(databases.create_redis(redis.url)),
        api_url=shop.url("gateway"),
        card_tokens={"stripe": {"pm_card_visa": "pays"}},
        payment_origins=("http://pay.example",),
        trace_url="https://traces.example/{trace_id}",
        otlp_endpoint="http://collector.example:4318",  # spans are sent by who runs a service
    )
    with served(lambda: create(settings)) as url:
        yield url


@pytest.fixture
def browser(storefront: str) -> Iterator[Browser]:
    with client_of(storefront, follow_redirects=True) as http:
        yield Browser(http)


@pytest.fixture
def other_browser(storefront: str) -> Iterator[Browser]:
    with client_of(storefront, follow_redirects=True) as http:
        yield Browser(http)


@pytest.fixture
def customer(browser: Browser) -> Browser:
    """A browser of somebody who has just signed up."""
    browser.sign_up()
    return browser


@pytest.fixture
def things(customer: Browser, shop: Shop) -> Things:
    """What the customer has of each thing that pages show."""
    return make_things(customer, OwnedResources(shop))


def staff_in(browser: Browser, shop: Shop) -> Browser:
    """Return the browser with a new administrator signed in."""
    email = browser.sign_up()
    admin = shop.headers(uuid4(), "admin")
    with shop.client("gateway") as api:
        [user] = api.get("/v1/users", params={"email": email}, headers=admin).json()["items"]
        roles = {"roles": ["customer", "staff", "admin"]}
        api.put(f"/v1/users/{user['id']}/roles", json=roles, headers=admin).raise_for_status()
    browser.get("/")
    browser.post("/sign-out")
    browser.sign_in(email)
    return browser


@pytest.fixture
def staff_browser(browser: Browser, shop: Shop) -> Browser:
    """A browser of an administrator."""
    return staff_in(browser, shop)


@pytest.fixture
def staff_visitor(storefront: str, shop: Shop) -> Iterator[Browser]:
    """An administrator's browser beside a customer's."""
    with client_of(storefront, follow_redirects=True) as http:
        yield staff_in(Browser(http), shop)


@pytest.fixture(scope="module")
def staff_visit(storefront: str, shop: Shop) -> Iterator[Browser]:
    """An administrator's browser for the whole module."""
    with client_of(storefront, follow_redirects=True) as http:
        yield staff_in(Browser(http), shop)


@pytest.fixture
def product(shop: Shop) -> dict[str, Any]:
    """A product of which there are three, sold in dollars only."""
    return make_product(shop, name="Blue mug")
