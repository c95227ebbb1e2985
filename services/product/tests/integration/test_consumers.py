"""Orders' events, as they come from Kafka, and what they do to the stock."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shop_product import sweeper
from shop_product.consumers import GROUP, subscriptions
from shop_product.repository.store import Store
from shop_product.service.reservations import UnknownReservationError
from shop_shared.clock import now
from shop_shared.ids import uuid7
from shop_shared.messaging.events import InvalidEventError
from shop_shared.messaging.mongo_events import MongoInbox
from shop_shared.messaging.subscriptions import handlers_of
from shop_shared.stores import mongo
from shop_shared.testing import heard

Stock = Callable[[int], Awaitable[UUID]]
Hear = Callable[..., Awaitable[None]]


@pytest.fixture
def hear(store: Store) -> Hear:
    """Let the service hear an event as its consumer does: the inbox first."""
    inbox = MongoInbox(store.client, store.database)
    known = handlers_of(subscriptions(timedelta(minutes=15)))

    async def hear(kind: str, order: UUID, *, event_id: str | None = None, **data: Any) -> None:
        told = {"order_id": order, "customer_id": order, **data}
        event = heard(f"order.{kind}", order, told, event_id=event_id)
        async with inbox.transaction() as session:
            if event.id in await inbox.insert_new(session, GROUP, [event.id]):
                await known[event.type](session, event)

    return hear


def placed(product: UUID, quantity: int) -> dict[str, Any]:
    return {
        "lines": [{"product_id": str(product), "quantity": quantity, "note": "ignored"}],
        "payment": {"provider": "stripe", "method": "card", "currency": "USD"},
        "placed_at": "2026-01-01T00:00:00Z",
    }


async def units(database: mongo.Database, product: UUID) -> tuple[int, int, int]:
    stock = await database["inventory"].find_one({"_id": str(product)})
    assert stock is not None
    return stock["on_hand"], stock["reserved"], stock["sold"]


async def test_returned_units_are_back_on_the_shelf_once_a_return(
    hear: Hear, stock: Stock, database: mongo.Database
) -> None:
    mug, order = await stock(10), uuid7()
    await hear("placed", order, **placed(mug, 3))
    await hear("confirmed", order)

    def back(quantity: int, return_id: UUID, *, restock: bool = True) -> dict[str, Any]:
        lines = [{"product_id": str(mug), "quantity": quantity}]
        return {"return_id": return_id, "lines": lines, "restock": restock}

    first, second = back(1, uuid7()), back(1, uuid7(), restock=False)
    for _ in range(3):  # each with an id of its own: not the inbox alone keeps it from being twice
        await hear("return_received", order, **first)
        await hear("return_received", order, **second)
    assert await units(database, mug) == (8, 0, 2)
    await hear("return_received", order, **back(1, uuid7()))
    assert await units(database, mug) == (9, 0, 1)


async def test_what_was_never_sold_is_not_taken_back(
    hear: Hear, stock: Stock, database: mongo.Database
) -> None:
    mug, order = await stock(10), uuid7()
    await hear("placed", order, **placed(mug, 3))
    back = {"lines": [{"product_id": str(mug), "quantity": 1}], "restock": True}
    with pytest.raises(UnknownReservationError):
        await hear("return_received", order, return_id=uuid7(), **back)
    assert await units(database, mug) == (10, 3, 0)


async def test_the_life_of_an_order_moves_its_stock(
    hear: Hear, stock: Stock, database: mongo.Database
) -> None:
    mug, order = await stock(10), uuid7()
    await hear("placed", order, event_id="first", **placed(mug, 3))
    await hear("placed", order, event_id="first", **placed(mug, 3))
    assert await units(database, mug) == (10, 3, 0)
    await hear("confirmed", order, lines=[])
    assert await units(database, mug) == (7, 0, 3)
    await hear("cancelled", order, reason="delivery_failed", refund=True, restock=True)
    assert await units(database, mug) == (10, 0, 0)


async def test_an_order_that_nobody_pays_gives_back(
    hear: Hear, stock: Stock, database: mongo.Database
) -> None:
    mug, order = await stock(10), uuid7()
    await hear("placed", order, **placed(mug, 3))
    await hear("expired", order)
    assert await units(database, mug) == (10, 0, 0)


@pytest.mark.parametrize(
    "broken", [{}, {"lines": []}, {"lines": [{"product_id": "x", "quantity": 1}]}]
)
async def test_what_breaks_the_contract_is_a_dead_letter(
    hear: Hear, database: mongo.Database, broken: dict[str, Any]
) -> None:
    with pytest.raises(InvalidEventError):
        await hear("placed", uuid7(), payment={"currency": "USD"}, **broken)
    assert await database["inbox"].count_documents({}) == 0


async def test_a_confirmation_out_of_nowhere_is_not_swallowed(hear: Hear) -> None:
    with pytest.raises(UnknownReservationError):
        await hear("confirmed", uuid7())


async def test_the_sweeper_gives_back_what_is_long_overdue(
    hear: Hear, stock: Stock, store: Store, database: mongo.Database
) -> None:
    mug, old, young = await stock(10), uuid7(), uuid7()
    await hear("placed", old, **placed(mug, 3))
    await hear("placed", young, **placed(mug, 2))
    await database["reservations"].update_one(
        {"_id": str(old)}, {"$set": {"reserved_until": now() - timedelta(hours=2)}}
    )
    assert await sweeper.sweep(store, before=now() - timedelta(hours=1)) == 1
    assert await units(database, mug) == (10, 2, 0)
    assert await sweeper.sweep(store, before=now() - timedelta(hours=1)) == 0
    told = await database["outbox"].find_one({"aggregateid": str(old)}, sort=[("_id", -1)])
    assert told is not None
    assert told["type"] == "minishop.inventory.released.v1"
