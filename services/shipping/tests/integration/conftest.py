"""The shipping service on a real PostgreSQL and Redis, called in process."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from pydantic import SecretStr
from redis.asyncio import Redis
from shop_servers.servers import Database
from shop_servers.servers import Redis as RedisServer
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.addresses import EXAMPLE
from shop_shared.ids import uuid7
from shop_shared.messaging.subscriptions import handlers_of
from shop_shared.server import Service
from shop_shared.stores import migrations
from shop_shared.stores.postgres import transaction
from shop_shared.testing import Signer, heard, said, wired
from shop_shipping import main, worker
from shop_shipping.consumers import subscriptions
from shop_shipping.settings import Settings
from shop_shipping.simulated_carrier import SimulatedCarrier

WAITS = "call_at IS NOT NULL"
ADDRESS = {**EXAMPLE, "line2": None, "region": None, "phone": None}


@pytest.fixture(scope="module")
def settings(postgres_module_database: Database, redis: RedisServer) -> Settings:
    settings = Settings(
        database_url=SecretStr(postgres_module_database.url),
        redis_url=SecretStr(redis.url),
        carrier_secret=SecretStr("carrier-secret"),
        carrier_dispatch_seconds=0,
        carrier_transit_seconds=0,
        carrier_delivery_seconds=0,
    )
    migrations.run(settings, "shop_shipping")
    return settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(settings: Settings, signer: Signer) -> AsyncIterator[Service]:
    async with wired(main.create(settings), signer) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="module")
async def redis_client(redis: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis.url) as client:
        yield client


@dataclass
class Story:
    """An order's parcel: what is told to it, and what it says."""

    engine: AsyncEngine
    client: httpx.AsyncClient
    settings: Settings
    headers: dict[str, str]
    customer_id: UUID
    order_id: UUID = field(default_factory=uuid7)

    async def tell(self, name: str, *, line2: str | None = None) -> None:
        """Hand the shipping service an event about the order."""
        told = {
            "order_id": self.order_id,
            "order_number": "MS-7K3Q-9F25",
            "customer_id": self.customer_id,
            "shipping_address": {**ADDRESS, "line2": line2},
        }
        event = heard(f"order.{name}", self.order_id, told)
        async with transaction(self.engine) as connection:
            await handlers_of(subscriptions("simulated"))[event.type](connection, event)

    async def work(self, **changes: Any) -> int:
        """Have the worker make the calls that are due."""
        settings = self.settings.model_copy(update=changes)
        return await worker.work(self.engine, settings, SimulatedCarrier(settings))

    async def make_due(self) -> None:
        """Let the time pass until the carrier is to be called again."""
        async with transaction(self.engine) as connection:
            await connection.execute(
                sa.text("UPDATE shipments SET call_at = now() WHERE order_id = :id AND " + WAITS),
                {"id": self.order_id},
            )

    async def said(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the types and payloads published about the parcel."""
        return await said(self.engine, self.order_id)

    async def types(self) -> list[str]:
        return [type_ for type_, _ in await self.said()]

    async def shipment(self) -> dict[str, Any]:
        """Read it as its customer does."""
        params = {"order_id": str(self.order_id)}
        listed = await self.client.get("/v1/shipments", params=params, headers=self.headers)
        [item] = listed.json()["items"]
        answer = await self.client.get(f"/v1/shipments/{item['id']}", headers=self.headers)
        shipment: dict[str, Any] = answer.json()
        assert shipment.items() >= item.items()
        return shipment


@pytest.fixture
def new_story(
    engine: AsyncEngine, client: httpx.AsyncClient, settings: Settings, signer: Signer
) -> Callable[[], Story]:
    def new_story() -> Story:
        customer = uuid4()
        return Story(engine, client, settings, signer.headers(customer), customer)

    return new_story


@pytest.fixture
def story(new_story: Callable[[], Story]) -> Story:
    return new_story()
