"""Change capture that somebody's hand took away is seen and healed within seconds (O3)."""

import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
from shop_servers.servers import MongoDB, Postgres

from shop_operator.api.kinds import KAFKA_CONNECTOR
from shop_operator.metadata import Manifest

from .outside import Sql, mongo
from .shop import Shop, eventually


def whole(name: str, kind: str = "postgres") -> dict[str, Any]:
    return {
        "database": {"kind": kind, "name": name, "onDelete": "Drop"},
        "events": {"outbox": {}},
    }


@pytest.fixture
async def streaming(sql: Shop, postgres: Postgres, name: str) -> Shop:
    """A service with an outbox, Strimzi's report and Debezium's slot."""
    admin = Sql(postgres)
    await sql.start()
    await sql.declare("lost", **whole(name))
    await sql.reason("lost", "CdcReady", "OutboxMissing")
    await admin.migrate(sql, "lost", name)
    await sql.reason("lost", "CdcReady", "ConnectorNotReady")
    await admin.make_slot(name)
    await report_ready(sql, "lost-outbox")
    await sql.reason("lost", "CdcReady", "Streaming")
    return sql


async def report_ready(shop: Shop, connector: str) -> None:
    """Write what Strimzi reports of a connector that runs."""
    namespace = shop.platform.kafka_namespace
    live = await shop.client.get(KAFKA_CONNECTOR, namespace, connector)
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    state = {"connector": {"state": "RUNNING"}, "tasks": [{"id": 0, "state": "RUNNING"}]}
    status = {
        "observedGeneration": live["metadata"]["generation"],
        "conditions": [condition],
        "connectorStatus": state,
    }
    path = KAFKA_CONNECTOR.path(namespace, connector, "status")
    await shop.client._json("PATCH", path, {}, {"status": status}, "application/merge-patch+json")


async def connector(shop: Shop) -> Manifest:
    return await shop.client.get(KAFKA_CONNECTOR, shop.platform.kafka_namespace, "lost-outbox")


async def restarted(shop: Shop) -> bool:
    """Return True once Strimzi is asked to restart the task."""
    annotations = (await connector(shop))["metadata"]["annotations"]
    return bool(annotations.get("strimzi.io/restart-task") == "0")


async def test_a_dropped_slot_restarts_debezium(
    streaming: Shop, postgres: Postgres, name: str
) -> None:
    assert not await restarted(streaming)
    await Sql(postgres).run(f"SELECT pg_drop_replication_slot('{name}_outbox')")
    await streaming.reason("lost", "CdcReady", "SlotMissing")
    assert (await streaming.condition("lost", "Ready"))["status"] == "False"
    await eventually(lambda: restarted(streaming))
    await Sql(postgres).make_slot(name)  # as Debezium does when it starts
    await streaming.reason("lost", "CdcReady", "Streaming")


async def test_a_slot_that_nobody_reads_is_told(streaming: Shop, name: str) -> None:
    """Strimzi and Connect say that the connector runs, and it does not read."""
    message = await streaming.reason("lost", "CdcReady", "SlotInactive")
    assert f"{name}_outbox" in message
    assert (await streaming.condition("lost", "Ready"))["status"] == "False"


async def test_a_dropped_publication_is_made_again(
    streaming: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await admin.run(f'DROP PUBLICATION "{name}_outbox"', database=name)

    async def published() -> bool:
        async with admin.admin(name) as inside:
            rows = await inside.fetch("SELECT tablename FROM pg_publication_tables")
        return [row["tablename"] for row in rows] == ["outbox"]

    await eventually(published)
    await eventually(lambda: restarted(streaming))
    # The old slot would decode with a catalog in which there is no publication.
    assert ("slot", f"{name}_outbox") not in await admin.all_named(name)


async def test_a_dropped_capture_role_is_made_again(
    streaming: Shop, postgres: Postgres, name: str
) -> None:
    admin, role = Sql(postgres), f"{name}_cdc"
    await admin.run(f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"', database=name)

    async def reads() -> bool:
        if ("role", role) not in await admin.all_named(name):
            return False
        async with admin.admin(name) as inside:
            may = "SELECT has_table_privilege($1, 'public.outbox', 'SELECT')"
            return bool(await inside.fetchval(may, role))

    await eventually(reads)


async def test_a_deleted_connector_is_made_again(streaming: Shop) -> None:
    before = await connector(streaming)
    namespace, uid = before["metadata"]["namespace"], before["metadata"]["uid"]
    await streaming.client.delete(KAFKA_CONNECTOR, namespace, "lost-outbox", uid=uid)

    async def back() -> bool:
        live = await streaming.get(KAFKA_CONNECTOR, "lost-outbox", namespace)
        return live is not None and live["metadata"]["uid"] != uid

    await eventually(back)


async def test_a_dropped_user_in_mongodb_is_made_again(documents: Shop, mongodb: MongoDB) -> None:
    name = f"c{secrets.token_hex(4)}"
    await documents.start()
    await documents.declare("lost", **whole(name, "mongodb"))
    await documents.reason("lost", "CdcReady", "OutboxMissing")
    async with mongo(mongodb) as admin:
        await admin[name].create_collection("outbox")
        await documents.reason("lost", "CdcReady", "ConnectorNotReady")
        await admin[name].command("dropUser", f"{name}_cdc")

        async def back() -> bool:
            found = (await admin[name].command("usersInfo"))["users"]
            return f"{name}_cdc" in {user["user"] for user in found}

        await eventually(back)
        await admin.drop_database(name)
        await admin[name].command("dropAllUsersFromDatabase")
