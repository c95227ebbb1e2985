"""Numbers for people: unique, found as they are typed, and given to old orders too."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order import order_number, repository, service
from shop_order.models import PlaceOrder
from shop_order.settings import Settings
from shop_shared.stores import migrations
from shop_shared.stores.postgres import create_engine, transaction
from shop_shared.testing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Place = Callable[[], Awaitable[dict[str, Any]]]
Said = Callable[[str], Awaitable[list[tuple[str, dict[str, Any]]]]]
_INSERT = sa.text("""
    INSERT INTO orders (id, customer_id, status, version, lines, payment, shipping_address,
                        refunded_amount, placed_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'cancelled', 1, '[]', '{}', '{}', 0, now()
    FROM generate_series(1, 500)
""")


async def test_an_order_is_found_by_its_number_and_named_by_it_in_events(
    client: httpx.AsyncClient, place: Place, headers: dict[str, str], said: Said
) -> None:
    order = await place()
    assert order_number.parse(order["number"]) == order["number"]
    typed = order["number"].lower().replace("-", " ")
    found = await client.get("/v1/orders", params={"number": typed}, headers=headers)
    assert [each["id"] for each in found.json()["items"]] == [order["id"]]
    ((_, placed),) = await said(order["id"])
    assert placed["order_number"] == order["number"]


async def test_staff_find_anybodys_order_and_a_stranger_none(
    client: httpx.AsyncClient, place: Place, staff: dict[str, str], signer: Signer
) -> None:
    order = await place()
    query = {"number": order["number"]}
    found = await client.get("/v1/orders", params=query, headers=staff)
    assert [each["id"] for each in found.json()["items"]] == [order["id"]]
    other = await client.get("/v1/orders", params=query, headers=signer.headers(uuid4()))
    assert other.json()["items"] == []


@pytest.mark.parametrize("number", ["MS-7K3Q-9F26", "x", "", "MS-7K3Q", "7K3Q9F2\u0665"])
async def test_a_mistyped_number_is_told_apart_from_an_unknown_one(
    client: httpx.AsyncClient, staff: dict[str, str], number: str
) -> None:
    refused = await client.get("/v1/orders", params={"number": number}, headers=staff)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/query/number"
    unknown = await client.get("/v1/orders", params={"number": "MS-7K3Q-9F25"}, headers=staff)
    assert unknown.json()["items"] == []


async def test_a_number_that_is_taken_is_made_anew(
    engine: AsyncEngine, place: Place, wanted: dict[str, Any], customer: UUID
) -> None:
    taken, free = (await place())["number"], order_number.generate()
    numbers = [taken, taken, free]
    async with transaction(engine) as connection:
        order = await service.place(
            connection,
            PlaceOrder.model_validate(wanted),
            customer_id=customer,
            pending_timeout=timedelta(minutes=2),
            make_number=lambda: numbers.pop(0),
        )
        assert order.number == free
        assert await repository.lock(connection, order.id) == order


async def test_the_version_before_may_go_on_placing_orders(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(_INSERT)  # names no number
        numbers = (await connection.scalars(sa.text("SELECT number FROM orders"))).all()
    assert all(order_number.parse(number) == number for number in numbers)


async def test_old_orders_are_numbered(postgres_database: Database) -> None:
    settings = Settings(database_url=SecretStr(postgres_database.url))
    await migrations.upgrade(settings, "shop_order", "0002")
    engine = create_engine(settings)
    async with transaction(engine) as connection:
        await connection.execute(_INSERT)
    await migrations.upgrade(settings, "shop_order")
    async with transaction(engine) as connection:
        numbers = (await connection.scalars(sa.text("SELECT number FROM orders"))).all()
    await engine.dispose()
    assert len(set(numbers)) == len(numbers) == 500
    assert all(order_number.parse(number) == number for number in numbers)
