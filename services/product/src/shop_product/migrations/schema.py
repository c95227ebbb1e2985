"""Collections, validators and indexes: made where they are missing, changed where they differ.

Run as often as you like. MongoDB has no versions to step through: the wanted state is all there is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, TEXT, IndexModel

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
                ("price.amount", ASCENDING),
                ("_id", ASCENDING),
            ],
            name="price",
        ),
        IndexModel(
            [
                ("deleted", ASCENDING),
                ("active", ASCENDING),
                ("category", ASCENDING),
                ("price.amount", ASCENDING),
                ("_id", ASCENDING),
            ],
            name="category_price",
        ),
        IndexModel(
            [
                ("deleted", ASCENDING),
                ("active", ASCENDING),
                ("name", ASCENDING),
                ("_id", ASCENDING),
            ],
            name="name",
        ),
        IndexModel(
            [("name", TEXT), ("brand", TEXT), ("tags", TEXT), ("description", TEXT)],
            name="text",
            weights={"name": 10, "brand": 5, "tags": 5, "description": 1},
            default_language="english",
        ),
    ],
    "reservations": [
        IndexModel("reserved_until", name="overdue", partialFilterExpression={"status": "reserved"})
    ],
    "adjustments": [
        IndexModel([("product_id", ASCENDING), ("_id", DESCENDING)], name="product"),
        IndexModel(
            "request_key",
            name="request_key",
            unique=True,
            partialFilterExpression={"request_key": {"$type": "string"}},
        ),
    ],
}


async def migrate(database: mongo.Database) -> None:
    """Bring ``database`` to the wanted state."""
    await mongo_events.migrate(database)
    existing = set(await database.list_collection_names())
    for name, validator in VALIDATORS.items():
        if name in existing:
            await database.command("collMod", name, validator=validator)
        else:
            await database.create_collection(name, validator=validator)
    for name, indexes in INDEXES.items():
        await database[name].create_indexes(list(indexes))
