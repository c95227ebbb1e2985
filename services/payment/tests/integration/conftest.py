"""The payment service on a real PostgreSQL, and the providers' simulator, both over real HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
import pytest_asyncio
import sqlalchemy as sa
from pydantic import SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncEngine

from payment_simulator import main as simulator_main
from payment_simulator.desk import Desk
from payment_simulator.settings import Settings as SimulatorSettings
from payment_simulator.webhooks import Webhooks
from shop_payment import main
from shop_payment.consumers import SUBSCRIPTIONS
from shop_payment.settings import Settings
from shop_payment.state import PaymentState
from shop_shared.clock import now
from shop_shared.http.app_state import get_state
from shop_shared.ids import uuid7
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.messaging.subscriptions import handlers_of
from shop_shared.server import Service
from shop_shared.stores import migrations
from shop_shared.stores.postgres import transaction
from shop_shared.testing import Signer, heard, said, served, wired

PATIENCE = 60
NUMBER = "MS-7K3Q-9F25"


@dataclass(frozen=True)
class Addresses:
    """Sockets bound before anything runs, so that each side knows where the other will be."""

    payment: socket.socket
    simulator: socket.socket

    @property
    def payment_url(self) -> str:
        return _url(self.payment)

    @property
    def simulator_url(self) -> str:
        return _url(self.simulator)


def _bound() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def addresses() -> Iterator[Addresses]:
    with _bound() as payment, _bound() as simulator:
        yield Addresses(payment=payment, simulator=simulator)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulator(addresses: Addresses) -> AsyncIterator[Service]:
    settings = SimulatorSettings(
        own_url=addresses.simulator_url,
        page_url=addresses.simulator_url,
        webhook_url=f"{addresses.payment_url}/v1/webhooks",
        hang_seconds=3,
    )
    service = simulator_main.create(settings)
    async with served(service.app, addresses.simulator):
        yield service
        for close in service.close:
            await close()


@pytest.fixture(scope="module")
def settings(postgres_module_database: Database, addresses: Addresses) -> Settings:
    keys = SimulatorSettings()
    base = addresses.simulator_url
    settings = Settings(
        database_url=SecretStr(postgres_module_database.url),
        provider_timeout_seconds=1,
        breaker_failures=3,
        breaker_open_seconds=0.2,
        stripe_base_url=f"{base}/stripe",
        stripe_api_key=SecretStr(keys.stripe_api_key),
        stripe_webhook_secret=SecretStr(keys.stripe_webhook_secret),
        paypal_base_url=f"{base}/paypal",
        paypal_client_id=SecretStr(keys.paypal_client_id),
        paypal_client_secret=SecretStr(keys.paypal_client_secret),
        paypal_webhook_id=keys.paypal_webhook_id,
        paypal_certificate_origins=(base,),
        xendit_base_url=f"{base}/xendit",
        xendit_secret_key=SecretStr(keys.xendit_secret_key),
        xendit_callback_token=SecretStr(keys.xendit_callback_token),
        midtrans_base_url=f"{base}/midtrans",
        midtrans_server_key=SecretStr(keys.midtrans_server_key),
    )
    migrations.run(settings, "shop_payment")
    return settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    settings: Settings, signer: Signer, addresses: Addresses, simulator: Service
) -> AsyncIterator[Service]:
    service = main.create(settings)
    async with (
        wired(service, signer, background=True),
        served(service.app, addresses.payment),
    ):
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(service: Service, addresses: Addresses) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=addresses.payment_url, timeout=30) as client:
        yield client


class Shop:
    """What a test does to the payment service, and sees of it."""

    def __init__(self, service: Service, simulator: Service) -> None:
        self.engine: AsyncEngine = get_state(service.app, PaymentState).engine
        self.desks: dict[str, Desk] = simulator.app.state.desks
        self.webhooks: Webhooks = self.desks["stripe"].webhooks
        self.simulator = simulator
        self.customer = uuid4()

    async def hear(self, name: str, order_id: UUID, **data: object) -> None:
        """Let the service hear an event about an order."""
        await self.deliver(self.event(name, order_id, **data))

    def event(self, name: str, order_id: UUID, **data: object) -> ReceivedEvent:
        """Return an event about an order."""
        return heard(name, order_id, {"order_id": order_id, "customer_id": self.customer, **data})

    async def deliver(self, event: ReceivedEvent) -> None:
        """Let the service hear an event, past its inbox."""
        async with transaction(self.engine) as connection:
            await handlers_of(SUBSCRIPTIONS)[event.type](connection, event)

    async def order(  # noqa: PLR0913 - keyword-only, each of its own kind
        self,
        provider: str = "stripe",
        method: str = "card",
        *,
        amount: int = 1999,
        currency: str = "USD",
        token: str | None = "pm_card_visa",
        time_to_pay: timedelta = timedelta(minutes=15),
    ) -> UUID:
        """Place an order whose stock is reserved at once."""
        order_id = uuid7()
        payment = {"provider": provider, "method": method, "currency": currency, "token": token}
        await self.hear("order.placed", order_id, payment=payment, order_number=NUMBER)
        total = {"amount": amount, "currency": currency}
        until = now() + time_to_pay
        await self.hear("inventory.reserved", order_id, total=total, reserved_until=until)
        return order_id

    async def retry(  # noqa: PLR0913 - keyword-only, each of its own kind
        self,
        order_id: UUID,
        provider: str = "stripe",
        method: str = "card",
        *,
        attempt: int = 2,
        currency: str = "USD",
        token: str | None = "pm_card_visa",
    ) -> None:
        """Choose another way to pay."""
        payment = {"provider": provider, "method": method, "currency": currency, "token": token}
        await self.hear("order.payment_retried", order_id, attempt=attempt, payment=payment)

    async def cancel(self, order_id: UUID) -> None:
        await self.hear("order.cancelled", order_id, reason="customer", refund=False)

    async def said(self, order_id: UUID) -> list[str]:
        """What has been published about an order, in order."""
        return [type_ for type_, _ in await self.events(order_id)]

    async def events(self, order_id: UUID) -> list[tuple[str, dict[str, Any]]]:
        return await said(self.engine, order_id)

    async def until(self, order_id: UUID, *expected: str) -> None:
        """Wait until exactly this has been said, then until nothing is on its way."""
        async with asyncio.timeout(PATIENCE):
            while (said := await self.said(order_id)) != list(expected):
                assert len(said) <= len(expected), said
                await asyncio.sleep(0.02)
        await self.quiet(order_id)
        assert await self.said(order_id) == list(expected)

    async def quiet(self, order_id: UUID) -> None:
        """Wait until no webhook and no provider call of the order is on its way."""
        await self.webhooks.idle()
        async with asyncio.timeout(PATIENCE):
            while await self.value(_OPEN_CALLS, order_id):
                await asyncio.sleep(0.02)

    async def payment_id(self, order_id: UUID) -> UUID:
        found = await self.value("SELECT id FROM payments WHERE order_id = :id", order_id)
        assert isinstance(found, UUID)
        return found

    async def status(self, order_id: UUID) -> str:
        return str(await self.value("SELECT status FROM payments WHERE order_id = :id", order_id))

    async def reference(self, order_id: UUID) -> str:
        return str(
            await self.value("SELECT reference FROM payments WHERE order_id = :id", order_id)
        )

    async def value(self, statement: str, order_id: UUID) -> object:
        async with self.engine.connect() as connection:
            return await connection.scalar(sa.text(statement), {"id": order_id})

    async def charges(self, provider: str, order_id: UUID) -> list[dict[str, Any]]:
        """What the provider has made for the order: never more than one."""
        payment_id = str(await self.payment_id(order_id))
        return [
            charge
            for charge in self.desks[provider].charges.values()
            if payment_id in orjson.dumps(charge).decode()
        ]


_OPEN_CALLS = """
    SELECT count(*) FROM provider_calls JOIN payments ON payments.id = payment_id
    WHERE (order_id = :id OR superseded_order_id = :id) AND state = 'open'
"""


@pytest.fixture
def shop(service: Service, simulator: Service) -> Shop:
    return Shop(service, simulator)
