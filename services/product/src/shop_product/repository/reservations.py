"""Reservations: what each order holds. One document an order, its id the order's."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shop_product.repository.store import Tx, moment
from shop_shared.stores import mongo

Status = Literal["reserved", "committed", "released", "rejected", "restocked"]
Document = dict[str, Any]


async def get(tx: Tx, order_id: UUID) -> Document | None:
    """Return the order's reservation, whatever became of it."""
    return await tx.database["reservations"].find_one({"_id": str(order_id)}, session=tx.session)


async def insert(
    tx: Tx,
    order_id: UUID,
    *,
    status: Status,
    lines: list[Document] | None = None,
    reserved_until: datetime | None = None,
) -> None:
    """Remember the order. A second one is a ``DuplicateKeyError``."""
    at = moment()
    await tx.database["reservations"].insert_one(
        {
            "_id": str(order_id),
            "status": status,
            "lines": lines or [],
            "reserved_until": reserved_until,
            "created_at": at,
            "updated_at": at,
        },
        session=tx.session,
    )


async def move(tx: Tx, order_id: UUID, *, before: Status, after: Status) -> bool:
    """Go from one status to the next; return False when another got there first."""
    result = await tx.database["reservations"].update_one(
        {"_id": str(order_id), "status": before},
        {"$set": {"status": after, "updated_at": moment()}},
        session=tx.session,
    )
    return result.matched_count == 1


async def add_return(tx: Tx, order_id: UUID, *, return_id: UUID, units: Mapping[str, int]) -> bool:
    """Note returned units beside those sold; False where they are noted, or nothing was sold."""
    lines = [{"product_id": pid, "quantity": quantity} for pid, quantity in units.items()]
    result = await tx.database["reservations"].update_one(
        {
            "_id": str(order_id),
            "status": "committed",
            "returned.return_id": {"$ne": str(return_id)},
        },
        {
            "$push": {"returned": {"return_id": str(return_id), "lines": lines}},
            "$set": {"updated_at": moment()},
        },
        session=tx.session,
    )
    return result.matched_count == 1


async def overdue(database: mongo.Database, *, before: datetime, limit: int) -> AsyncIterator[UUID]:
    """Yield the orders whose reservation should have ended ``before`` then."""
    cursor = database["reservations"].find(
        {"status": "reserved", "reserved_until": {"$lt": before}},
        projection={"_id": 1},
        sort=[("reserved_until", 1)],
        limit=limit,
    )
    async for document in cursor:
        yield UUID(document["_id"])
