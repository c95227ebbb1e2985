"""Under Observe each condition says what is missing of its part, and nothing is written."""

import secrets

from shop_servers.servers import Postgres

from shop_operator.api.kinds import DEPLOYMENT, KAFKA_TOPIC, SECRET

from .outside import Sql, deleted
from .shop import Shop, eventually


async def test_each_condition_says_what_is_missing(sql: Shop, postgres: Postgres) -> None:
    name = f"d{secrets.token_hex(4)}"
    await sql.start()
    spec = {
        "database": {"kind": "postgres", "name": name, "onDelete": "Drop"},
        "events": {"publishes": [{"topic": f"{name}.events"}], "outbox": {}},
        "route": {"paths": ["/observed"]},
    }
    await sql.declare("observed", **spec, managementPolicy="Observe")
    message = await sql.reason("observed", "DatabaseReady", "Missing")
    assert f"Database {name} in PostgreSQL" in message
    assert f"KafkaTopic {name}.events" in await sql.reason("observed", "EventsReady", "Missing")
    assert "Deployment observed" in await sql.reason("observed", "WorkloadReady", "Missing")
    assert "HTTPRoute observed" in await sql.reason("observed", "RouteReady", "Missing")
    await sql.reason("observed", "SecretsReady", "Missing")
    assert (await sql.condition("observed", "CdcReady"))["status"] == "False"
    assert (await sql.condition("observed", "Ready"))["status"] == "False"
    assert await Sql(postgres).all_named(name) == set()
    assert await sql.get(DEPLOYMENT, "observed") is None

    await sql.declare("observed", **spec)
    await sql.reason("observed", "DatabaseReady", "Available")
    await sql.settled("observed")
    await sql.declare("observed", **spec, managementPolicy="Observe")
    await eventually(lambda: _synced(sql, "observed"))
    assert (await sql.condition("observed", "DatabaseReady"))["reason"] == "Available"
    topic = await sql.client.get(KAFKA_TOPIC, sql.platform.kafka_namespace, f"{name}.events")
    uid = topic["metadata"]["uid"]
    namespace = sql.platform.kafka_namespace
    await sql.client.delete(KAFKA_TOPIC, namespace, f"{name}.events", uid=uid)
    assert f"{name}.events" in await sql.reason("observed", "EventsReady", "Missing")
    secret = await sql.client.get(SECRET, sql.namespace, "observed-access")
    uid = secret["metadata"]["uid"]
    await sql.client.delete(SECRET, sql.namespace, "observed-access", uid=uid)
    assert "observed-access" in await sql.reason("observed", "SecretsReady", "Missing")
    await sql.declare("observed", **spec)
    await sql.settled("observed")
    await deleted(sql, "observed")


async def _synced(shop: Shop, name: str) -> bool:
    condition = await shop.condition(name, "Synced")
    body = await shop.settled(name)
    return bool(condition["observedGeneration"] == body["metadata"]["generation"])
