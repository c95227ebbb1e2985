"""Stock: units on hand, reserved and sold, a document a product, and the ledger of adjustments.

Every movement is a conditional update: it names what must still hold, and no match means that it no
longer does. The collection's validator says it once more (``0 <= reserved <= on_hand``), so not
even a bug oversells.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from uuid import UUID

from pymongo import ReturnDocument, UpdateOne

from shop_product.allocation import Offer
from shop_product.models import MAX_QUANTITY
from shop_product.repository.store import Tx, moment
from shop_shared.stores import mongo

Document = dict[str, Any]
Movement = Literal["reserve", "release", "commit", "take", "restock"]
StockState = Literal["low", "out", "oversold"]
"""Low is at or under the threshold; oversold is more reserved than there is on hand."""

_CHANGES: Mapping[Movement, Mapping[str, int]] = {
    "reserve": {"reserved": 1},
    "release": {"reserved": -1},
    "commit": {"on_hand": -1, "reserved": -1, "sold": 1},
    "take": {"on_hand": -1, "sold": 1},
    "restock": {"on_hand": 1, "sold": -1},
}
_NOT_DELETED: list[Document] = [
    {
        "$lookup": {
            "from": "products",
            "localField": "_id",
            "foreignField": "_id",
            "pipeline": [{"$match": {"deleted": False}}, {"$project": {"name": 1}}],
            "as": "product",
        }
    },
    {"$match": {"product": {"$ne": []}}},
]
"""Stages that leave the stock of products that are not deleted, and put the name beside it."""


class StockMovedError(RuntimeError):
    """Units that were there, or reserved, no longer are."""


async def offers(tx: Tx, product_ids: Iterable[UUID]) -> dict[UUID, Offer]:
    """Return what can be bought of the products, as the transaction sees it."""
    ids = [str(product_id) for product_id in product_ids]
    products = tx.database["products"].find(
        {"_id": {"$in": ids}, "deleted": False, "active": True},
        projection={"sku": 1, "name": 1, "price": 1, "other_prices": 1},
        session=tx.session,
    )
    found = {document["_id"]: document async for document in products}
    stock = tx.database["inventory"].find({"_id": {"$in": list(found)}}, session=tx.session)
    return {UUID(unit["_id"]): _offer(found[unit["_id"]], unit) async for unit in stock}


async def move(tx: Tx, movement: Movement, quantities: Mapping[str, int]) -> None:
    """Move units of several products (quantity by product id) in one round trip, all or none.

    Raises ``StockMovedError`` when a product has not what the movement needs; roll the transaction
    back.
    """
    at = moment()
    result = await tx.database["inventory"].bulk_write(
        [
            UpdateOne(
                {"_id": product_id, **_condition(movement, quantity)},
                {
                    "$inc": {
                        **{field: sign * quantity for field, sign in _CHANGES[movement].items()},
                        "version": 1,
                    },
                    "$set": {"updated_at": at},
                },
            )
            for product_id, quantity in quantities.items()
        ],
        ordered=True,
        session=tx.session,
    )
    if result.matched_count != len(quantities):
        raise StockMovedError(f"cannot {movement} {dict(quantities)}")


def _condition(movement: Movement, quantity: int) -> Document:
    if movement in ("reserve", "take"):
        return {"$expr": {"$gte": [{"$subtract": ["$on_hand", "$reserved"]}, quantity]}}
    if movement in ("release", "commit"):
        return {"reserved": {"$gte": quantity}}
    return {"sold": {"$gte": quantity}}


async def get(tx: Tx, product_id: UUID) -> Document | None:
    """Return the product's stock."""
    return await tx.database["inventory"].find_one({"_id": str(product_id)}, session=tx.session)


async def insert(tx: Tx, documents: list[Document]) -> None:
    """Open the stock of new products."""
    await tx.database["inventory"].insert_many(documents, session=tx.session)


def new(product_id: UUID | str, *, sku: str, on_hand: int, low_stock_threshold: int) -> Document:
    """Make the stock document of a new product."""
    return {
        "_id": str(product_id),
        "sku": sku,
        "on_hand": on_hand,
        "reserved": 0,
        "sold": 0,
        "low_stock_threshold": low_stock_threshold,
        "version": 1,
        "updated_at": moment(),
    }


async def adjust(
    tx: Tx, product_id: UUID, *, delta: int, threshold: int | None = None
) -> Document | None:
    """Add ``delta`` units on hand and return the stock after.

    None, and nothing changed, where fewer would be on hand than are reserved, or more than
    MAX_QUANTITY.
    """
    change: Document = {"$inc": {"on_hand": delta, "version": 1}, "$set": {"updated_at": moment()}}
    if threshold is not None:
        change["$set"]["low_stock_threshold"] = threshold
    return await tx.database["inventory"].find_one_and_update(
        {
            "_id": str(product_id),
            "on_hand": {"$lte": MAX_QUANTITY - delta},
            "$expr": {"$gte": [{"$add": ["$on_hand", delta]}, "$reserved"]},
        },
        change,
        return_document=ReturnDocument.AFTER,
        session=tx.session,
    )


async def record(tx: Tx, entries: list[Document]) -> None:
    """Write lines in the ledger. A repeated ``request_key`` is a ``DuplicateKeyError``."""
    await tx.database["adjustments"].insert_many(entries, session=tx.session)


async def recorded(tx: Tx, request_key: str) -> Document | None:
    """Return the ledger's line that this request made before."""
    return await tx.database["adjustments"].find_one(
        {"request_key": request_key}, session=tx.session
    )


async def low(database: mongo.Database, *, before: UUID | None, limit: int) -> list[Document]:
    """Return the stock of products that are low, newest product first.

    Low is: at or under the threshold, of products that are not deleted.
    """
    low_stock: Document = {
        "$expr": {"$lte": [{"$subtract": ["$on_hand", "$reserved"]}, "$low_stock_threshold"]}
    }
    if before is not None:
        low_stock["_id"] = {"$lt": str(before)}
    pipeline: list[Document] = [
        {"$match": low_stock},
        {"$sort": {"_id": -1}},
        *_NOT_DELETED,
        {"$limit": limit},
    ]
    found = await (await database["inventory"].aggregate(pipeline)).to_list()
    return [{**stock, "name": stock["product"][0]["name"]} for stock in found]


async def running_out(database: mongo.Database) -> dict[StockState, int]:
    """Return how many products that are not deleted are in each state."""
    available = {"$subtract": ["$on_hand", "$reserved"]}
    oversold = {"$or": [{"$lt": [available, 0]}, {"$lt": ["$reserved", 0]}]}
    branches = [
        {"case": oversold, "then": "oversold"},
        {"case": {"$eq": [available, 0]}, "then": "out"},
    ]
    runs_out = {"$or": [{"$lte": [available, "$low_stock_threshold"]}, oversold]}
    pipeline: list[Document] = [
        {"$match": {"$expr": runs_out}},
        *_NOT_DELETED,
        {
            "$group": {
                "_id": {"$switch": {"branches": branches, "default": "low"}},
                "n": {"$sum": 1},
            }
        },
    ]
    found: dict[StockState, int] = {"low": 0, "out": 0, "oversold": 0}
    async for row in await database["inventory"].aggregate(pipeline):
        found[row["_id"]] = row["n"]
    return found


async def ledger(
    database: mongo.Database, product_id: UUID, *, before: UUID | None, limit: int
) -> list[Document]:
    """Return the lines of a product's ledger, newest first."""
    condition: Document = {"product_id": str(product_id)}
    if before is not None:
        condition["_id"] = {"$lt": str(before)}
    found = database["adjustments"].find(condition, sort=[("_id", -1)], limit=limit)
    return await found.to_list()


def _offer(product: Document, stock: Document) -> Offer:
    prices = [product["price"], *product["other_prices"]]
    return Offer(
        product_id=UUID(product["_id"]),
        sku=product["sku"],
        name=product["name"],
        prices={price["currency"]: price["amount"] for price in prices},
        available=stock["on_hand"] - stock["reserved"],
        low_stock_threshold=stock["low_stock_threshold"],
    )
