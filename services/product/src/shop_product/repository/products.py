"""The catalogue: products, their pictures, and the lists made of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pymongo import ReturnDocument

from shop_product.repository.store import Tx, moment
from shop_shared.stores import mongo

Document = dict[str, Any]
Sort = Literal["newest", "price", "-price", "name", "relevance"]

_LISTED = {"sku": 1, "name": 1, "category": 1, "brand": 1, "price": 1, "image": 1}
_ORDERS: Mapping[Sort, tuple[str, int, int]] = {
    # sort key, its direction, the direction of the id behind it
    "newest": ("_id", -1, -1),
    "price": ("price.amount", 1, 1),
    "-price": ("price.amount", -1, -1),
    "name": ("name", 1, 1),
    "relevance": ("score", -1, -1),
}


@dataclass(frozen=True, kw_only=True)
class Query:
    """What to list. ``after`` is the sort key and id of the last product seen."""

    text: str | None = None
    category: str | None = None
    currency: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    sort: Sort = "newest"
    after: tuple[Any, str] | None = None
    limit: int = 20


def sort_key(sort: Sort, row: Document) -> Any:  # noqa: ANN401 - as the field has it
    """Return the value by which ``row`` stands where it stands."""
    if sort in ("price", "-price"):
        return row["price"]["amount"]
    return row[_ORDERS[sort][0]]


async def page(database: mongo.Database, query: Query) -> list[Document]:
    """Return the rows of one page, each with its ``available`` units."""
    field, direction, id_direction = _ORDERS[query.sort]
    conditions: list[Document] = [{"deleted": False, "active": True}]
    if query.text is not None:
        conditions.append({"$text": {"$search": query.text}})
    if query.category is not None:
        conditions.append({"category": query.category})
    if query.currency is not None:
        conditions.append({"price.currency": query.currency})
    bounds = {"$gte": query.min_price, "$lte": query.max_price}
    if given := {operator: bound for operator, bound in bounds.items() if bound is not None}:
        conditions.append({"price.amount": given})
    pipeline: list[Document] = [{"$match": {"$and": conditions}}]
    if query.sort == "relevance":
        pipeline.append({"$addFields": {"score": {"$meta": "textScore"}}})
    if query.after is not None:
        pipeline.append({"$match": _beyond(field, direction, id_direction, query.after)})
    sort = {"_id": direction} if field == "_id" else {field: direction, "_id": id_direction}
    score = {"score": 1} if query.sort == "relevance" else {}
    pipeline += [{"$sort": sort}, {"$limit": query.limit}, {"$project": {**_LISTED, **score}}]
    rows = await (await database["products"].aggregate(pipeline)).to_list()
    available = await _available(database, [row["_id"] for row in rows])
    return [{**row, "available": available.get(row["_id"], 0)} for row in rows]


def _beyond(field: str, direction: int, id_direction: int, after: tuple[Any, str]) -> Document:
    key, product_id = after
    beyond, id_beyond = ("$gt" if d == 1 else "$lt" for d in (direction, id_direction))
    if field == "_id":
        return {"_id": {beyond: product_id}}
    return {"$or": [{field: {beyond: key}}, {field: key, "_id": {id_beyond: product_id}}]}


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


async def put_image(tx: Tx, product_id: str, svg: str) -> str:
    """Keep the product's picture and return its digest, for the product's ``image``."""
    kept = {"content": svg, "digest": digest(svg)}
    await tx.database["images"].replace_one(
        {"_id": product_id}, kept, upsert=True, session=tx.session
    )
    return kept["digest"]


def digest(svg: str) -> str:
    """Return what tells one picture from another, in its address and its ETag."""
    return hashlib.sha256(svg.encode()).hexdigest()[:16]


async def image(database: mongo.Database, product_id: UUID) -> Document | None:
    """Return the product's picture: ``content`` (SVG) and its ``digest``."""
    return await database["images"].find_one({"_id": str(product_id)})


def new(product_id: UUID, fields: Document, *, at: datetime) -> Document:
    """Make the document of a new product."""
    return {
        "_id": str(product_id),
        **fields,
        "image": None,
        "deleted": False,
        "version": 1,
        "created_at": at,
        "updated_at": at,
    }
