"""Orders that have waited too long are ended, by one sweeper each."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order import service, sweeper
from shop_shared.clock import now
from shop_shared.stores.postgres import transaction

pytestmark = pytest.mark.asyncio(loop_scope="module")

Place = Callable[[], Awaitable[dict[str, Any]]]
Tell = Callable[..., Awaitable[None]]
Said = Callable[[str], Awaitable[list[tuple[str, dict[str, Any]]]]]
Read = Callable[[str], Awaitable[dict[str, Any]]]


@pytest.fixture
def read(client: httpx.AsyncClient, headers: dict[str, str]) -> Read:
    async def read(order_id: str) -> dict[str, Any]:
        order: dict[str, Any] = (await client.get(f"/v1/orders/{order_id}", headers=headers)).json()
        return order

    return read


@pytest_asyncio.fixture(loop_scope="module")
async def overdue(engine: AsyncEngine, place: Place) -> str:
    """A pending order whose time is up."""
    order_id: str = (await place())["id"]
    async with transaction(engine) as connection:
        await connection.execute(
            sa.text("UPDATE orders SET deadline = :past WHERE id = :id"),
            {"past": now() - timedelta(seconds=1), "id": UUID(order_id)},
        )
    return order_id


async def test_an_order_without_the_stocks_answer_is_cancelled(
    engine: AsyncEngine,
    overdue: str,
    said: Said,
    client: httpx.AsyncClient,
    headers: dict[str, str],
) -> None:
    await sweeper.sweep(engine)
    order = (await client.get(f"/v1/orders/{overdue}", headers=headers)).json()
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "reservation_timeout")
    assert [type_ for type_, _ in await said(overdue)] == ["placed", "cancelled"]


async def test_an_order_not_paid_in_time_expires(
    engine: AsyncEngine, place: Place, tell: Tell, said: Said, read: Read
) -> None:
    order_id = (await place())["id"]
    await tell(order_id, "inventory.reserved", reserved_until="2020-01-01T00:00:00Z")
    await sweeper.sweep(engine)
    order = await read(order_id)
    assert order["status"] == "expired"
    assert [type_ for type_, _ in await said(order_id)] == ["placed", "expired"]
    await tell(order_id, "payment.captured")
    await sweeper.sweep(engine)
    assert len(await said(order_id)) == 2


async def test_an_order_in_time_is_left_alone(
    engine: AsyncEngine, place: Place, read: Read
) -> None:
    order_id = (await place())["id"]
    await sweeper.sweep(engine)
    order = await read(order_id)
    assert order["status"] == "pending"


async def test_sweepers_do_not_wait_for_each_other(
    engine: AsyncEngine, overdue: str, said: Said
) -> None:
    async with transaction(engine) as first:
        assert await service.sweep(first, at=now(), limit=100) == 1
        async with asyncio.timeout(60), transaction(engine) as second:
            assert await service.sweep(second, at=now(), limit=100) == 0
    assert [type_ for type_, _ in await said(overdue)] == ["placed", "cancelled"]
