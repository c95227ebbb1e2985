"""Two namespaces with services of the same names, beside each other (O24)."""

import secrets
from typing import Any

from shop_servers.servers import Postgres

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import DEPLOYMENT, KAFKA_CONNECTOR, KAFKA_TOPIC, SECRET

from .outside import Sql, deleted, external
from .shop import Shop
from .store_users import CACHE, QUEUE


def spec(name: str) -> dict[str, Any]:
    return {
        "database": {"kind": "postgres", "name": name, "onDelete": "Drop"},
        "events": {
            "publishes": [{"topic": "order.events", "onDelete": "Drop"}],
            "subscribes": [{"topic": "payment.events", "group": "order", "onDelete": "Drop"}],
            "outbox": {},
        },
    }


async def names(shop: Shop) -> set[str]:
    """Return the names of everything in Kafka's namespace."""
    found = set()
    for kind in (KAFKA_TOPIC, KAFKA_CONNECTOR):
        listed = await shop.client.list(kind, shop.platform.kafka_namespace, recent=True)
        found |= {body["metadata"]["name"] for body in listed["items"]}
    return found


async def test_staging_stands_beside_production(
    sql: Shop, postgres: Postgres, plane: ControlPlane
) -> None:
    name, admin = f"s{secrets.token_hex(4)}", Sql(postgres)
    production, staging = sql.namespace, f"{sql.namespace}-staging"
    plane.kubectl("create", "namespace", staging)
    both = {"namespaces": (production, staging), "cluster_scoped_namespaces": (production,)}
    sql.platform = sql.platform.model_copy(update=both | {"scope": "namespace"})
    other = Shop(sql.client, sql.platform.model_copy(update={"namespaces": (staging,)}))
    scoped = f"{staging.replace('-', '_')}__{name}"
    try:
        await sql.start()
        for shop, database in ((sql, name), (other, scoped)):
            await shop.declare("order", **spec(name))
            await shop.reason("order", "CdcReady", "OutboxMissing")
            await admin.migrate(shop, "order", database)
            await shop.reason("order", "CdcReady", "ConnectorNotReady")
        bare = {"order.events", "payment.events.order.dlt", "order-outbox"}
        bare |= {"order-outbox.heartbeat", "order-outbox.message"}
        assert await names(sql) == bare | {f"{staging}.{each}" for each in bare}
        connector = await sql.client.get(
            KAFKA_CONNECTOR, sql.platform.kafka_namespace, f"{staging}.order-outbox"
        )
        config = connector["spec"]["config"]
        assert config["topic.prefix"] == f"{staging}.order"
        assert config["slot.name"] == f"{scoped}_outbox"
        route = config["transforms.outbox.route.topic.replacement"]
        assert route == f"{staging}.${{routedByValue}}.events"
        deployment = await sql.client.get(DEPLOYMENT, staging, "order")
        env = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        assert {"name": "KAFKA_TOPIC_PREFIX", "value": f"{staging}."} in env
        await deleted(other, "order")
        assert await names(sql) == bare
        assert ("database", name) in await admin.all_named(name)
        assert await admin.all_named(scoped) == set()
        await deleted(sql, "order")
        assert await names(sql) == set()
    finally:
        await sql.stop()
        await admin.drop(name)
        await admin.drop(scoped)


async def test_of_one_name_in_two_namespaces_one_has_the_keys_and_the_queues(
    shop: Shop, plane: ControlPlane
) -> None:
    namespace = f"{shop.namespace}-other"
    plane.kubectl("create", "namespace", namespace)
    namespaces = {"namespaces": (shop.namespace, namespace)}
    shop.platform = shop.platform.model_copy(update=namespaces)
    other = Shop(shop.client, shop.platform.model_copy(update={"namespaces": (namespace,)}))
    await shop.start()
    await shop.provision("order", cache=CACHE, queue=QUEUE)
    await other.declare("order", cache=CACHE, queue=QUEUE)
    message = await other.reason("order", "SecretsReady", "NotOwned")
    assert f"{shop.namespace}/order" in message
    assert await other.get(SECRET, "order-access") is None
    assert await external(other, "order") == {}
    await deleted(shop, "order")
    await other.reason("order", "SecretsReady", "Available")


async def test_another_scope_is_refused_before_it_drops_anything(
    sql: Shop, postgres: Postgres
) -> None:
    name, admin = f"s{secrets.token_hex(4)}", Sql(postgres)
    await sql.start()
    await sql.declare("order", **spec(name))
    await sql.reason("order", "CdcReady", "OutboxMissing")
    before, recorded = await admin.all_named(name), await external(sql, "order")
    await sql.stop()
    await sql.start(scope="namespace")
    message = await sql.reason("order", "DatabaseReady", "ScopeChanged")
    assert "MINISHOP_CLUSTER_SCOPED_NAMESPACES" in message
    assert await admin.all_named(name) == before
    assert await external(sql, "order") == recorded
    assert "order.events" in await names(sql)
    await deleted(sql, "order")
    assert await admin.all_named(name) == set()
