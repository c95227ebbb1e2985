"""A service whose outbox is captured, and what it has in Kafka's namespace."""

from typing import Any

from shop_operator.api.kinds import KAFKA_CONNECTOR, KAFKA_TOPIC

from .outside import Mongo, Sql
from .shop import Shop

OFFSETS = "strimzi.io/connector-offsets"


def whole(name: str, on_delete: str = "Drop", kind: str = "postgres") -> dict[str, Any]:
    return {
        "database": {"kind": kind, "name": name, "onDelete": on_delete},
        "events": {
            "publishes": [{"topic": f"{name}.events", "onDelete": on_delete}],
            "subscribes": [{"topic": "other.events", "group": name, "onDelete": on_delete}],
            "outbox": {},
        },
    }


async def streaming(shop: Shop, admin: Sql, name: str, **spec: Any) -> None:
    """Start the operator, and bring a service's capture to where Debezium has its slot."""
    await shop.start()
    await shop.declare("cut", **(spec or whole(name)))
    await shop.reason("cut", "CdcReady", "OutboxMissing")
    await admin.migrate(shop, "cut", name)
    await shop.reason("cut", "CdcReady", "ConnectorNotReady")
    await admin.make_slot(name)


async def capturing(shop: Shop, admin: Mongo, name: str) -> None:
    """Start the operator, and bring a service of MongoDB to where only its connector is missing."""
    await shop.start()
    await shop.declare("cut", **whole(name, kind="mongodb"))
    await shop.reason("cut", "CdcReady", "OutboxMissing")
    await admin[name].create_collection("outbox")
    await shop.reason("cut", "CdcReady", "ConnectorNotReady")


async def kafka_names(shop: Shop) -> dict[str, dict[str, Any]]:
    """Return the metadata of everything in Kafka's namespace, by name."""
    namespace = shop.platform.kafka_namespace
    found = {}
    for kind in (KAFKA_TOPIC, KAFKA_CONNECTOR):
        for body in (await shop.client.list(kind, namespace, recent=True))["items"]:
            found[body["metadata"]["name"]] = body["metadata"]
    return found
