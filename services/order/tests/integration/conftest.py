"""The order service on a real PostgreSQL, called in process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order import main
from shop_order.consumers import SUBSCRIPTIONS
from shop_order.settings import Settings
from shop_order.state import OrderState
from shop_order.tracking import Tracker
from shop_shared import testing
from shop_shared.addresses import EXAMPLE
from shop_shared.http.app_state import get_state
from shop_shared.ids import uuid7
from shop_shared.messaging.subscriptions import handlers_of
from shop_shared.server import Service
from shop_shared.stores import migrations
from shop_shared.stores.postgres import transaction
from shop_shared.testing import Signer, heard, wired


@pytest.fixture(scope="module")
def settings(postgres_module_database: Database) -> Settings:
    settings = Settings(
        database_url=SecretStr(postgres_module_database.url), tracking_interval_seconds=0.01
    )
    migrations.run(settings, "shop_order")
    return settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(settings: Settings, signer: Signer) -> AsyncIterator[Service]:
    async with wired(main.create(settings), signer) as service:
        yield service


@pytest.fixture(scope="module")
def tracker(service: Service) -> Tracker:
    return get_state(service.app, OrderState).tracker


@pytest.fixture
def customer() -> UUID:
    return uuid4()


@pytest.fixture
def headers(signer: Signer, customer: UUID) -> dict[str, str]:
    return signer.headers(customer)


@pytest.fixture
def wanted() -> dict[str, Any]:
    """The body of a POST /v1/orders."""
    return {
        "items": [{"product_id": str(uuid7()), "quantity": 2}],
        "shipping_address": dict(EXAMPLE),
        "payment": {"provider": "stripe", "method": "card", "token": "pm_card_visa"},
    }


@pytest.fixture
def place(
    client: httpx.AsyncClient, headers: dict[str, str], wanted: dict[str, Any]
) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Place an order of the customer's."""

    async def place() -> dict[str, Any]:
        answer = await client.post(
            "/v1/orders", json=wanted, headers={**headers, "Idempotency-Key": uuid4().hex}
        )
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        return order

    return place


@pytest.fixture
def tell(
    engine: AsyncEngine, customer: UUID, wanted: dict[str, Any]
) -> Callable[..., Awaitable[None]]:
    """Hand the order service an event about an order."""
    product = wanted["items"][0]["product_id"]
    price = {"amount": 999, "currency": "USD"}
    total = {"amount": 1998, "currency": "USD"}
    payloads: dict[str, dict[str, Any]] = {
        "inventory.reserved": {
            "lines": [
                {
                    "product_id": product,
                    "quantity": 2,
                    "sku": "MUG-1",
                    "name": "Mug",
                    "unit_price": price,
                }
            ],
            "total": total,
            "reserved_until": "2999-01-01T00:00:00Z",
        },
        "inventory.rejected": {"reason": "out_of_stock", "lines": []},
        "inventory.released": {"reason": "expired"},
        "payment.captured": {"amount": total, "captured_at": "2026-01-01T00:00:00Z"},
        "payment.failed": {"reason": "declined", "message": "no funds"},
        "payment.refunded": {"amount": total, "total_refunded": total, "full": True},
        "payment.refund_failed": {"amount": total},
        "shipment.created": {"tracking_number": "MSTESTNUMBER0"},
        "shipment.dispatched": {},
        "shipment.in_transit": {"location": "Leeds"},
        "shipment.delivered": {},
        "shipment.failed": {"reason": "cancelled"},
    }

    async def tell(order_id: str, name: str, **changes: object) -> None:
        told = {"order_id": order_id, "customer_id": customer, **payloads[name], **changes}
        event = heard(name, order_id, told)
        async with transaction(engine) as connection:
            await handlers_of(SUBSCRIPTIONS)[event.type](connection, event)

    return tell


@pytest.fixture
def said(engine: AsyncEngine) -> Callable[[str], Awaitable[list[tuple[str, dict[str, Any]]]]]:
    """Return what the order service has published about an order: short types and payloads."""
    return partial(testing.said, engine)
