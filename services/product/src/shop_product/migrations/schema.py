"""Collections, validators and indexes: made where they are missing, changed where they differ.

Run as often as you like. MongoDB has no versions to step through: the wanted state is all there is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, TEXT, IndexModel

from shop_product.repository.products import COLLATION
from shop_shared.messaging import mongo_events
from shop_shared.stores import mongo

_MONEY: Mapping[str, Any] = {
    "bsonType": "object",
    "required": ["amount", "currency"],
    "properties": {
        "amount": {"bsonType": ["int", "long"], "minimum": 0},
        "currency": {"bsonType": "string", "pattern": "^[A-Z]{3}$"},
    },
}
_COUNT: Mapping[str, Any] = {"bsonType": ["int", "long"], "minimum": 0}

VALIDATORS: Mapping[str, Mapping[str, Any]] = {
    "products": {
        "$jsonSchema": {
            "required": ["sku", "name", "category", "price", "active", "deleted", "version"],
            "properties": {
                "sku": {"bsonType": "string"},
                "name": {"bsonType": "string"},
                "category": {"bsonType": "string"},
                "price": _MONEY,
                "other_prices": {"bsonType": "array", "items": _MONEY},
                "active": {"bsonType": "bool"},
                "deleted": {"bsonType": "bool"},
                "version": {"bsonType": ["int", "long"], "minimum": 1},
            },
        }
    },
    "inventory": {
        "$jsonSchema": {
            "required": ["on_hand", "reserved", "sold", "low_stock_threshold", "version"],
            "properties": {"on_hand": _COUNT, "reserved": _COUNT, "sold": _COUNT},
        },
        "$expr": {"$gte": ["$on_hand", "$reserved"]},
    },
    "reservations": {
        "$jsonSchema": {
            "required": ["status", "lines"],
            "properties": {
                "status": {"enum": ["reserved", "committed", "released", "rejected", "restocked"]}
            },
        }
    },
    "adjustments": {
        "$jsonSchema": {
            "required": ["product_id", "delta", "reason", "made_by", "made_at"],
            "properties": {"delta": {"bsonType": ["int", "long"]}},
        }
    },
    "images": {"$jsonSchema": {"required": ["content", "digest"]}},
}

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "products": [
        IndexModel("sku", name="sku", unique=True, partialFilterExpression={"deleted": False}),
        IndexModel(
            [("deleted", ASCENDING), ("active", ASCENDING), ("_id", DESCENDING)], name="newest"
        ),
        IndexModel(
            [
                ("deleted", ASCENDING),
                ("active", ASCENDING),
                ("category", ASCENDING),
                ("_id", DESCENDING),
            ],
            name="category_newest",
        ),
        IndexModel(
            [
                ("deleted", ASCENDING),
                ("active", ASCENDING),
                ("name", ASCENDING),
                ("_id", ASCENDING),
            ],
            name="name_collated",
            collation=COLLATION,
        ),
        IndexModel(
            [("name", TEXT), ("brand", TEXT), ("tags", TEXT), ("description", TEXT)],
            name="text",
            weights={"name": 10, "brand": 5, "tags": 5, "description": 1},
            default_language="english",
        ),
    ],
    "reservations": [
        IndexModel(
            "reserved_until", name="overdue", partialFilterExpression={"status": "reserved"}
        ),
        IndexModel("updated_at", name="ended"),
    ],
    "adjustments": [
        IndexModel([("product_id", ASCENDING), ("_id", DESCENDING)], name="product"),
        IndexModel([("made_at", ASCENDING), ("product_id", ASCENDING)], name="made_at"),
        IndexModel(
            "request_key",
            name="request_key",
            unique=True,
            partialFilterExpression={"request_key": {"$type": "string"}},
        ),
    ],
}


SUPERSEDED: Mapping[str, Sequence[str]] = {"products": ["price", "category_price", "name"]}
"""Indexes of earlier versions; dropped where they are still there."""


def price_indexes(currency: str) -> list[IndexModel]:
    """Return the indexes for lists by price in a currency, of products that have one in it."""
    price = (f"amounts.{currency}", ASCENDING)
    shown = [("deleted", ASCENDING), ("active", ASCENDING)]
    partial = {price[0]: {"$exists": True}}
    return [
        IndexModel(
            [*shown, price, ("_id", ASCENDING)],
            name=f"price_{currency}",
            partialFilterExpression=partial,
        ),
        IndexModel(
            [*shown, ("category", ASCENDING), price, ("_id", ASCENDING)],
            name=f"category_price_{currency}",
            partialFilterExpression=partial,
        ),
    ]


async def migrate(database: mongo.Database, *, currencies: Sequence[str] = ()) -> None:
    """Bring ``database`` to the wanted state; lists by price in these currencies get an index."""
    await mongo_events.migrate(database)
    existing = set(await database.list_collection_names())
    for name, validator in VALIDATORS.items():
        if name in existing:
            await database.command("collMod", name, validator=validator)
        else:
            await database.create_collection(name, validator=validator)
    await database["products"].update_many({"amounts": {"$exists": False}}, _SET_AMOUNTS)
    for name, indexes in INDEXES.items():
        present = await database[name].index_information()
        for superseded in SUPERSEDED.get(name, ()):
            if superseded in present:
                await database[name].drop_index(superseded)
        await database[name].create_indexes(list(indexes))
    for currency in currencies:
        await database["products"].create_indexes(price_indexes(currency))


_SET_AMOUNTS: Sequence[Mapping[str, Any]] = [
    {
        "$set": {
            "amounts": {
                "$arrayToObject": {
                    "$map": {
                        "input": {
                            "$concatArrays": [["$price"], {"$ifNull": ["$other_prices", []]}]
                        },
                        "as": "price",
                        "in": {"k": "$$price.currency", "v": "$$price.amount"},
                    }
                }
            }
        }
    }
]
"""An update that gives products of earlier versions their `amounts`."""
