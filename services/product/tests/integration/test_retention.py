"""What is old ends, and the account of every unit stays right."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from pydantic import SecretStr

from shop_product import retention
from shop_product.models import EXAMPLE
from shop_product.repository.store import Store, Tx
from shop_product.service import reservations
from shop_product.settings import Settings
from shop_shared.clock import now
from shop_shared.ids import uuid7
from shop_shared.stores import mongo

Stock = Callable[[int], Awaitable[UUID]]
Headers = dict[str, str]


async def place(store: Store, product_id: UUID, *, end: str | None) -> UUID:
    """Reserve a unit for an order, and let the order end."""
    order_id = uuid7()

    async def work(tx: Tx) -> None:
        await reservations.reserve(
            tx,
            order_id=order_id,
            customer_id=UUID(int=7),
            lines=[(product_id, 1)],
            currency="USD",
            reserved_until=now() + timedelta(minutes=15),
        )
        if end == "confirmed":
            await reservations.commit(tx, order_id=order_id)
        if end == "cancelled":
            await reservations.release(tx, order_id=order_id, reason="customer", restock=True)

    await store.transaction(work)
    return order_id


async def age(database: mongo.Database, collection: str, field: str, days: int) -> None:
    """Make every document of a collection so many days older."""
    earlier = {"$dateSubtract": {"startDate": f"${field}", "unit": "day", "amount": days}}
    await database[collection].update_many({}, [{"$set": {field: earlier}}])


async def accounts(database: mongo.Database) -> list[tuple[int, int]]:
    """(put in, on hand + sold) of each product: the oracle's third invariant."""
    put_in = {
        row["_id"]: row["units"]
        async for row in await database["adjustments"].aggregate(
            [{"$group": {"_id": "$product_id", "units": {"$sum": "$delta"}}}]
        )
    }
    stocks = await database["inventory"].find().to_list()
    return [(put_in.get(unit["_id"], 0), unit["on_hand"] + unit["sold"]) for unit in stocks]


async def test_reservations_that_ended_long_ago_are_deleted(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    product_id = await stock(10)
    held = await place(store, product_id, end=None)
    for end in ("confirmed", "cancelled"):
        await place(store, product_id, end=end)
    await age(database, "reservations", "updated_at", 100)
    fresh = await place(store, product_id, end="confirmed")
    before = await database["inventory"].find_one({"_id": str(product_id)})
    cutoff = now() - timedelta(days=99)
    assert await retention.delete_reservations(database, before=cutoff) == 2
    assert await retention.delete_reservations(database, before=cutoff) == 0
    kept = {row["_id"] async for row in database["reservations"].find()}
    assert kept == {str(held), str(fresh)}  # one that holds stock never ends by its age
    assert await database["inventory"].find_one({"_id": str(product_id)}) == before


async def product(http: httpx.AsyncClient, staff: Headers, sku: str, *deltas: int) -> str:
    body = {**EXAMPLE, "sku": sku, "initial_stock": 40}
    url = f"/v1/products/{(await http.post('/v1/products', json=body, headers=staff)).json()['id']}"
    for delta in deltas:
        await adjust(http, staff, url, delta)
    return url


async def adjust(http: httpx.AsyncClient, staff: Headers, url: str, delta: int) -> None:
    body = {"delta": delta, "reason": "received" if delta > 0 else "lost"}
    key = {"Idempotency-Key": f"{url} {delta}"}
    answer = await http.post(f"{url}/inventory/adjustments", json=body, headers=staff | key)
    assert answer.status_code == 201, answer.text


async def ledger(http: httpx.AsyncClient, staff: Headers, url: str) -> list[tuple[str, int]]:
    read = (await http.get(f"{url}/inventory/adjustments", headers=staff)).json()
    return [(line["reason"], line["delta"]) for line in read["items"]]


async def test_old_lines_of_a_ledger_become_its_opening_balance(
    http: httpx.AsyncClient, staff: Headers, store: Store, database: mongo.Database
) -> None:
    moved = await product(http, staff, "A", 5, -3)
    alone = await product(http, staff, "B")
    await age(database, "adjustments", "made_at", 800)
    await adjust(http, staff, moved, 7)
    await place(store, UUID(moved.rpartition("/")[2]), end="confirmed")
    before = await accounts(database)
    assert before == [(49, 49), (40, 40)]
    cutoff = now() - timedelta(days=730)
    # Two replicas at once: each line is counted once.
    fewer = await asyncio.gather(
        *(retention.add_up_ledgers(store, before=cutoff) for _ in range(3))
    )
    assert sum(fewer) == 2
    assert await ledger(http, staff, moved) == [("received", 7), ("opening_balance", 42)]
    assert await ledger(http, staff, alone) == [("initial", 40)]
    assert await accounts(database) == before
    # Later, the opening balance takes up what has become old since.
    await age(database, "adjustments", "made_at", 800)
    assert await retention.add_up_ledgers(store, before=cutoff) == 1
    assert await ledger(http, staff, moved) == [("opening_balance", 49)]
    assert await accounts(database) == before


async def test_the_account_is_right_while_lines_are_added_up_and_written(
    http: httpx.AsyncClient, staff: Headers, store: Store, database: mongo.Database
) -> None:
    url = await product(http, staff, "A")
    cutoff = now() + timedelta(days=1)  # every line is old at once
    await asyncio.gather(
        *(adjust(http, staff, url, delta) for delta in range(1, 11)),
        *(retention.add_up_ledgers(store, before=cutoff) for _ in range(5)),
    )
    assert await accounts(database) == [(95, 95)]


async def test_it_is_the_settings_that_say_how_long(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    product_id = await stock(10)
    await place(store, product_id, end="confirmed")
    await age(database, "reservations", "updated_at", 41)

    async def run(**days: Any) -> int:
        settings = Settings(database_url=SecretStr("mongodb://nowhere/none"), **days)
        await retention.run_once(store, settings)
        return await database["reservations"].count_documents({})

    assert await run() == 1
    assert await run(keep_reservations_days=42) == 1
    assert await run(keep_reservations_days=40) == 0
