"""Reservations on a real MongoDB: who gets the last unit, and who never does."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import pytest
from pymongo.errors import WriteError

from shop_product.repository.store import Store, Tx
from shop_product.service import reservations
from shop_shared.clock import now
from shop_shared.ids import uuid7
from shop_shared.stores import mongo

Stock = Callable[[int], Awaitable[UUID]]


async def place(
    store: Store, order_id: UUID, *lines: tuple[UUID, int], currency: str = "USD"
) -> None:
    async def work(tx: Tx) -> None:
        await reservations.reserve(
            tx,
            order_id=order_id,
            customer_id=UUID(int=7),
            lines=lines,
            currency=currency,
            reserved_until=now() + timedelta(minutes=15),
        )

    await store.transaction(work)


async def confirm(store: Store, order_id: UUID) -> None:
    await store.transaction(lambda tx: reservations.commit(tx, order_id=order_id))


async def cancel(store: Store, order_id: UUID, *, restock: bool = True) -> None:
    await store.transaction(
        lambda tx: reservations.release(tx, order_id=order_id, reason="customer", restock=restock),
    )


async def units(database: mongo.Database, product_id: UUID) -> tuple[int, int, int]:
    stock = await database["inventory"].find_one({"_id": str(product_id)})
    assert stock is not None
    return stock["on_hand"], stock["reserved"], stock["sold"]


async def said(database: mongo.Database, order_id: UUID) -> list[tuple[str, dict[str, Any]]]:
    rows = await database["outbox"].find({"aggregateid": str(order_id)}).sort("_id").to_list()
    return [
        (
            row["type"].removeprefix("minishop.inventory.").removesuffix(".v1"),
            orjson.loads(row["payload"]),
        )
        for row in rows
    ]


async def test_200_buyers_of_50_units_make_50_sales(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug = await stock(50)
    await asyncio.gather(*(place(store, uuid7(), (mug, 1)) for _ in range(200)))
    assert await units(database, mug) == (50, 50, 0)
    types = Counter([row["type"] async for row in database["outbox"].find()])
    assert types == {
        "minishop.inventory.reserved.v1": 50,
        "minishop.inventory.rejected.v1": 150,
        "minishop.inventory.low_stock.v1": 1,
    }


async def test_orders_that_take_the_same_products_in_other_sequence_all_end(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug, lamp = await stock(30), await stock(30)
    pairs = [((mug, 1), (lamp, 1)), ((lamp, 1), (mug, 1))] * 20
    await asyncio.gather(*(place(store, uuid7(), *pair) for pair in pairs))
    assert await units(database, mug) == (30, 30, 0)
    assert await units(database, lamp) == (30, 30, 0)


async def test_a_reservation_is_priced_and_sold(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug, order = await stock(10), uuid7()
    await place(store, order, (mug, 2))
    await confirm(store, order)
    assert await units(database, mug) == (8, 0, 2)
    (reserved, payload), (committed, _) = await said(database, order)
    assert (reserved, committed) == ("reserved", "committed")
    assert payload["total"] == {"amount": 2_998, "currency": "USD"}
    assert payload["lines"][0]["unit_price"] == {"amount": 1_499, "currency": "USD"}


async def test_another_currency_has_its_own_price(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug, order = await stock(10), uuid7()
    await place(store, order, (mug, 1), currency="IDR")
    [(_, payload)] = await said(database, order)
    assert payload["total"] == {"amount": 22_000_000, "currency": "IDR"}


async def test_an_order_with_one_missing_line_takes_nothing(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug, lamp, order = await stock(10), await stock(1), uuid7()
    await place(store, order, (mug, 1), (lamp, 2))
    assert await units(database, mug) == (10, 0, 0)
    [(kind, payload)] = await said(database, order)
    assert (kind, payload["reason"]) == ("rejected", "out_of_stock")
    assert payload["lines"] == [{"product_id": str(lamp), "requested": 2, "available": 1}]


async def test_what_is_cancelled_can_be_bought_again(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug, order = await stock(1), uuid7()
    await place(store, order, (mug, 1))
    await cancel(store, order)
    assert await units(database, mug) == (1, 0, 0)
    assert [kind for kind, _ in await said(database, order)] == ["reserved", "released"]


@pytest.mark.parametrize(("restock", "after"), [(True, (10, 0, 0)), (False, (7, 0, 3))])
async def test_sold_units_return_only_when_restocked(
    store: Store,
    database: mongo.Database,
    stock: Stock,
    restock: bool,  # noqa: FBT001 - a parameter of the test
    after: tuple[int, int, int],
) -> None:
    mug, order = await stock(10), uuid7()
    await place(store, order, (mug, 3))
    await confirm(store, order)
    await cancel(store, order, restock=restock)
    assert await units(database, mug) == after


async def test_a_cancellation_that_comes_first_keeps_the_stock_free(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug, order = await stock(10), uuid7()
    await cancel(store, order)
    await place(store, order, (mug, 3))
    assert await units(database, mug) == (10, 0, 0)
    assert await said(database, order) == []


async def test_a_late_confirmation_takes_the_units_anew(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug, order = await stock(2), uuid7()
    await place(store, order, (mug, 2))
    await cancel(store, order)
    await confirm(store, order)
    assert await units(database, mug) == (0, 0, 2)


async def test_units_taken_anew_tell_that_they_run_low(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug, order = await stock(8), uuid7()
    await place(store, order, (mug, 4))
    await cancel(store, order)
    await confirm(store, order)
    assert [payload["available"] for kind, payload in await said(database, mug)] == [4, 4]


async def test_a_late_confirmation_of_units_that_are_gone_is_rejected(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug, late, other = await stock(2), uuid7(), uuid7()
    await place(store, late, (mug, 2))
    await cancel(store, late)
    await place(store, other, (mug, 1))
    await confirm(store, late)
    assert await units(database, mug) == (2, 1, 0)
    kind, payload = (await said(database, late))[-1]
    assert (kind, payload["reason"]) == ("rejected", "expired")


async def test_an_order_never_placed_cannot_be_confirmed(store: Store) -> None:
    with pytest.raises(reservations.UnknownReservationError):
        await confirm(store, uuid7())


async def test_everything_three_times_in_any_sequence_balances(
    store: Store, database: mongo.Database, stock: Stock
) -> None:
    mug = await stock(40)
    steps: list[Callable[[], Awaitable[None]]] = []
    for number in range(12):
        order = uuid7()
        await place(store, order, (mug, 2))
        end = confirm if number % 2 else cancel
        steps += [partial(place, store, order, (mug, 2)), partial(end, store, order)] * 3
    random.shuffle(steps)
    for step in steps:
        await step()
    on_hand, reserved, sold = await units(database, mug)
    assert (on_hand, reserved, sold) == (28, 0, 12)


async def test_the_store_itself_refuses_to_oversell(database: mongo.Database, stock: Stock) -> None:
    mug = await stock(1)
    with pytest.raises(WriteError, match="failed validation"):
        await database["inventory"].update_one({"_id": str(mug)}, {"$set": {"reserved": 2}})
