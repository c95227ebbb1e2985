"""The catalogue in MongoDB: products, their pictures, and the lists of them.

`amounts` (currency → minor units) repeats a product's prices so that each currency can be filtered
and sorted by an index of its own. Lists compare strings by COLLATION, and so do their indexes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pymongo import ReturnDocument
from pymongo.collation import Collation

from shop_product.repository.store import Tx, moment
from shop_shared.stores import mongo

Document = dict[str, Any]
Sort = Literal["newest", "price", "-price", "name", "relevance"]

COLLATION = Collation(locale="en", strength=3)
"""Unicode's root order (CLDR), which `en` does not change: apple, äpfel, Banana, Zebra."""

_LISTED = {"sku": 1, "name": 1, "category": 1, "brand": 1, "price": 1, "image": 1}


@dataclass(frozen=True, kw_only=True)
class Query:
    """What to list. ``after`` is the sort key and id of the last product seen."""

    text: str | None = None
    category: str | None = None
    currency: str | None = None
    """Only products with a price in it; bounds and the sorts by price are in it, and need it."""
    min_price: int | None = None
    max_price: int | None = None
    sort: Sort = "newest"
    active: bool = True
    after: tuple[Any, str] | None = None
    limit: int = 20

    @property
    def order(self) -> tuple[str, int]:
        """The field that is sorted by, and its direction; the id decides between equals."""
        match self.sort:
            case "newest":
                return "_id", -1
            case "price" | "-price":
                return f"amounts.{self.currency}", -1 if self.sort == "-price" else 1
            case "name":
                return "name", 1
            case "relevance":
                return "score", -1


def sort_key(query: Query, row: Document) -> Any:  # noqa: ANN401 - as the field has it
    """Return the value of the sorted field in a row."""
    if query.sort in ("price", "-price"):
        return row["amounts"][query.currency]
    return row[query.order[0]]


def amounts(document: Mapping[str, Any]) -> dict[str, int]:
    """Return all prices of a product: currency → minor units."""
    prices = [document["price"], *document.get("other_prices", ())]
    return {price["currency"]: price["amount"] for price in prices}


async def page(database: mongo.Database, query: Query) -> list[Document]:
    """Return the rows of one page, each with its ``available`` units."""
    field, direction = query.order
    pipeline: list[Document] = [{"$match": {"$and": _conditions(query)}}]
    if query.sort == "relevance":
        pipeline.append({"$addFields": {"score": {"$meta": "textScore"}}})
    if query.after is not None:
        pipeline.append({"$match": _beyond(field, direction, query.after)})
    sort = {"_id": direction} if field == "_id" else {field: direction, "_id": direction}
    shown = {**_LISTED, "score": 1} if query.sort == "relevance" else _LISTED
    if query.currency is not None:
        shown = {**shown, "amounts": 1}
    pipeline += [{"$sort": sort}, {"$limit": query.limit}, {"$project": shown}]
    collation = COLLATION if query.sort == "name" else None
    found = await database["products"].aggregate(pipeline, collation=collation)
    rows = await found.to_list()
    available = await _available(database, [row["_id"] for row in rows])
    return [{**row, "available": available.get(row["_id"], 0)} for row in rows]


def _conditions(query: Query) -> list[Document]:
    conditions: list[Document] = [{"deleted": False, "active": query.active}]
    if query.text is not None:
        conditions.append({"$text": {"$search": query.text}})
    if query.category is not None:
        conditions.append({"category": query.category})
    if query.currency is not None:
        bounds = {"$gte": query.min_price or 0}
        if query.max_price is not None:
            bounds["$lte"] = query.max_price
        conditions.append({f"amounts.{query.currency}": bounds})
    return conditions


def _beyond(field: str, direction: int, after: tuple[Any, str]) -> Document:
    key, product_id = after
    beyond = "$gt" if direction == 1 else "$lt"
    if field == "_id":
        return {"_id": {beyond: product_id}}
    return {"$or": [{field: {beyond: key}}, {field: key, "_id": {beyond: product_id}}]}


async def _available(database: mongo.Database, ids: Sequence[str]) -> dict[str, int]:
    units = database["inventory"].find({"_id": {"$in": list(ids)}}, {"on_hand": 1, "reserved": 1})
    return {unit["_id"]: unit["on_hand"] - unit["reserved"] async for unit in units}


async def categories(database: mongo.Database) -> list[Document]:
    """Return the categories of active products and how many each has."""
    pipeline: list[Document] = [
        {"$match": {"deleted": False, "active": True}},
        {"$group": {"_id": "$category", "products": {"$sum": 1}}},
        {"$sort": {"_id": 1}},
    ]
    return await (await database["products"].aggregate(pipeline)).to_list()


async def find(
    database: mongo.Database, product_id: UUID, *, hidden: bool = False, tx: Tx | None = None
) -> Document | None:
    """Return the product; one that is not active only when ``hidden`` are wanted too."""
    condition: Document = {"_id": str(product_id), "deleted": False}
    if not hidden:
        condition["active"] = True
    return await database["products"].find_one(condition, session=tx.session if tx else None)


async def available(database: mongo.Database, product_id: UUID) -> int:
    """Return the units that can be bought now."""
    return (await _available(database, [str(product_id)])).get(str(product_id), 0)


async def by_sku(tx: Tx, skus: Sequence[str]) -> dict[str, Document]:
    """Return the products that have these SKUs."""
    found = tx.database["products"].find(
        {"sku": {"$in": list(skus)}, "deleted": False}, session=tx.session
    )
    return {document["sku"]: document async for document in found}


async def insert(tx: Tx, document: Document) -> None:
    """Add a product. A SKU that is taken is a ``DuplicateKeyError``."""
    await tx.database["products"].insert_one(document, session=tx.session)


async def insert_all(tx: Tx, documents: Sequence[Document]) -> None:
    """Add products. A SKU that is taken is a ``BulkWriteError``."""
    await tx.database["products"].insert_many(list(documents), session=tx.session)


async def update(tx: Tx, product_id: UUID | str, changes: Document) -> Document:
    """Change a product and count its version up; return it as it is after."""
    after = await tx.database["products"].find_one_and_update(
        {"_id": str(product_id)},
        {"$set": {**changes, "updated_at": moment()}, "$inc": {"version": 1}},
        return_document=ReturnDocument.AFTER,
        session=tx.session,
    )
    assert after is not None  # noqa: S101 - read in the same snapshot
    return after


def new(product_id: UUID, fields: Document, *, at: datetime) -> Document:
    """Make the document of a new product."""
    return {
        "_id": str(product_id),
        **fields,
        "amounts": amounts(fields),
        "image": None,
        "images": [],
        "deleted": False,
        "version": 1,
        "created_at": at,
        "updated_at": at,
    }
