"""A migrated MongoDB of one's own, and stock to sell."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr
from shop_servers.servers import Database

from shop_product import main
from shop_product.migrations.schema import migrate
from shop_product.models import EXAMPLE
from shop_product.repository import inventory
from shop_product.repository.store import Store, Tx
from shop_product.settings import Settings
from shop_shared.clock import now
from shop_shared.ids import uuid7
from shop_shared.settings import ServiceSettings
from shop_shared.stores import mongo
from shop_shared.testing import Signer, client_of, wired

Headers = dict[str, str]
Json = dict[str, Any]
Stock = Callable[[int], Awaitable[UUID]]


async def add(http: httpx.AsyncClient, staff: Headers, **fields: Any) -> Json:
    answer = await http.post("/v1/products", json={**EXAMPLE, **fields}, headers=staff)
    assert answer.status_code == 201, answer.text
    product: Json = answer.json()
    return product


async def skus(http: httpx.AsyncClient, **query: Any) -> list[str]:
    """All pages of a list, two a page."""
    found: list[str] = []
    while True:
        answer = await http.get("/v1/products", params={"limit": 2, **query})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [item["sku"] for item in page["items"]]
        if not page["next_cursor"]:
            return found
        query["cursor"] = page["next_cursor"]


@pytest.fixture
async def client(mongodb_database: Database) -> AsyncIterator[mongo.Client]:
    client = mongo.create_client(ServiceSettings(database_url=SecretStr(mongodb_database.url)))
    await migrate(client.get_default_database())
    yield client
    await client.close()


@pytest.fixture
def store(client: mongo.Client) -> Store:
    return Store(client)


@pytest.fixture
async def http(
    mongodb_database: Database, store: Store, signer: Signer
) -> AsyncIterator[httpx.AsyncClient]:
    """The service, called in process."""
    settings = Settings(database_url=SecretStr(mongodb_database.url), list_cache_seconds=60)
    service = main.create(settings)
    async with wired(service, signer), client_of(service) as http:
        yield http


@pytest.fixture
def customer(signer: Signer) -> dict[str, str]:
    return signer.headers(UUID(int=7))


@pytest.fixture
def database(store: Store) -> mongo.Database:
    return store.database


@pytest.fixture
def stock(store: Store) -> Stock:
    async def add(units: int) -> UUID:
        product_id = uuid7()

        async def work(tx: Tx) -> None:
            await tx.database["products"].insert_one(
                {
                    "_id": str(product_id),
                    "sku": f"SKU-{product_id}",
                    "name": "Mug",
                    "category": "kitchen",
                    "price": {"amount": 1_499, "currency": "USD"},
                    "other_prices": [{"amount": 22_000_000, "currency": "IDR"}],
                    "active": True,
                    "deleted": False,
                    "version": 1,
                    "created_at": now(),
                },
                session=tx.session,
            )
            await inventory.insert(
                tx,
                [inventory.new(product_id, sku="SKU", on_hand=units, low_stock_threshold=5)],
            )

        await store.transaction(work)
        return product_id

    return add
