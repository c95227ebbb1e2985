"""What is no longer declared is released as it was declared, however long it takes (O4, O8)."""

import asyncio
import secrets
from typing import Any

from shop_servers.servers import MongoDB, Postgres

from shop_operator.api.kinds import KAFKA_CONNECTOR, KAFKA_TOPIC, SECRET, SHOP_SERVICE

from .outside import Sql, deleted, mongo, remembers
from .shop import Shop, eventually
from .test_capture_lost import report_ready

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
    """Declare a service and bring its capture to where Debezium has its slot."""
    await shop.declare("cut", **(spec or whole(name)))
    await shop.reason("cut", "CdcReady", "OutboxMissing")
    await admin.migrate(shop, "cut", name)
    await shop.reason("cut", "CdcReady", "ConnectorNotReady")
    await admin.make_slot(name)


async def kafka_names(shop: Shop) -> dict[str, dict[str, Any]]:
    """Return the metadata of everything in Kafka's namespace, by name."""
    namespace = shop.platform.kafka_namespace
    found = {}
    for kind in (KAFKA_TOPIC, KAFKA_CONNECTOR):
        for body in (await shop.client.list(kind, namespace, recent=True))["items"]:
            found[body["metadata"]["name"]] = body["metadata"]
    return found


async def test_what_was_cut_from_the_spec_goes(sql: Shop, postgres: Postgres, name: str) -> None:
    admin = Sql(postgres)
    await sql.start()
    await streaming(sql, admin, name)
    await sql.declare("cut")

    async def released() -> bool:
        return not await admin.all_named(name) and not await kafka_names(sql)

    await eventually(released, why=lambda: "something is left")
    await remembers(sql, "cut", set())
    await deleted(sql, "cut")


async def test_what_was_cut_and_deleted_at_once_goes(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await sql.start()
    await streaming(sql, admin, name)
    await sql.stop()
    await sql.declare("cut")
    operator = sql.start()
    await operator
    await deleted(sql, "cut")
    assert await admin.all_named(name) == set()
    assert await kafka_names(sql) == {}


async def test_retained_things_stay_and_the_slot_goes(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await sql.start()
    await streaming(sql, admin, name, **whole(name, "Retain"))
    await sql.declare("cut")

    async def released() -> bool:
        return await admin.all_named(name) == {("database", name), ("role", name)}

    await eventually(released)
    await remembers(sql, "cut", set())
    # The same service may have its database back, with what is in it.
    await sql.declare("cut", **whole(name))
    await sql.reason("cut", "DatabaseReady", "Available")
    owner = await admin.login(sql, "cut", name)
    assert await owner.fetchval("SELECT count(*) FROM outbox") == 0
    await owner.close()
    await deleted(sql, "cut")
    assert await admin.all_named(name) == set()


async def test_a_store_that_is_away_is_waited_for(
    sql: Shop, postgres: Postgres, name: str, closed_port: int
) -> None:
    admin = Sql(postgres)
    reachable = sql.platform.postgres_address
    await sql.start()
    await streaming(sql, admin, name)
    await sql.stop()
    await sql.start(postgres_address=f"127.0.0.1:{closed_port}")
    await sql.declare("cut", database=whole(name)["database"])  # without its outbox
    message = await sql.reason("cut", "Synced", "Unreachable")
    assert f"{name}_outbox" in message
    assert ("slot", f"{name}_outbox") in await admin.all_named(name)
    await sql.declare("cut")  # and without its database
    await sql.stop()
    await sql.start(postgres_address=f"127.0.0.1:{closed_port}")
    await sql.reason("cut", "Synced", "Unreachable")
    await sql.stop()
    await sql.start(postgres_address=reachable)

    async def released() -> bool:
        return not await admin.all_named(name)

    await eventually(released, seconds=30)
    await sql.settled("cut")


async def test_a_renamed_topic_goes_as_it_was_declared(shop: Shop) -> None:
    await shop.start()
    namespace = shop.platform.kafka_namespace
    topics = [{"topic": "a.dropped", "onDelete": "Drop"}, {"topic": "a.kept"}]
    await shop.declare("renaming", events={"publishes": topics})
    await shop.settled("renaming")
    for topic in ("a.dropped", "a.kept"):  # as Strimzi does, so that what is asked of it shows
        held = {"metadata": {"finalizers": ["strimzi.io/topic-operator"]}}
        await shop.client.merge(KAFKA_TOPIC, namespace, topic, held)
    await shop.declare("renaming", events={"publishes": [{"topic": "a.renamed"}]})

    async def deleting() -> bool:
        found = await kafka_names(shop)
        return all("deletionTimestamp" in found[topic] for topic in ("a.dropped", "a.kept"))

    await eventually(deleting)
    found = await kafka_names(shop)
    assert "strimzi.io/managed" not in found["a.dropped"]["annotations"]
    assert found["a.kept"]["annotations"]["strimzi.io/managed"] == "false"
    for topic in ("a.dropped", "a.kept"):
        free = {"metadata": {"finalizers": None}}
        await shop.client.merge(KAFKA_TOPIC, namespace, topic, free)
    await remembers(shop, "renaming", {("KafkaTopic", "a.renamed")})


async def test_a_renamed_outbox_is_published_in_place_of_the_old(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await sql.start()
    await streaming(sql, admin, name)
    await admin.migrate(sql, "cut", name, "outbox_two")
    spec = whole(name)
    await sql.declare("cut", **spec | {"events": {"outbox": {"table": "outbox_two"}}})

    async def published() -> bool:
        async with admin.admin(name) as inside:
            rows = await inside.fetch("SELECT tablename FROM pg_publication_tables")
            old = await inside.fetchval(
                "SELECT has_table_privilege($1, 'outbox', 'SELECT')", f"{name}_cdc"
            )
        return [row["tablename"] for row in rows] == ["outbox_two"] and not old

    await eventually(published)
    assert ("slot", f"{name}_outbox") in await admin.all_named(name)


async def test_mongodb_releases_likewise(documents: Shop, mongodb: MongoDB) -> None:
    name = f"r{secrets.token_hex(4)}"
    await documents.start()
    await documents.declare("cut", **whole(name, kind="mongodb"))
    await documents.reason("cut", "CdcReady", "OutboxMissing")
    async with mongo(mongodb) as admin:
        await admin[name].create_collection("outbox")
        await documents.reason("cut", "CdcReady", "ConnectorNotReady")
        await documents.declare("cut", database=whole(name, kind="mongodb")["database"])

        async def users() -> list[str]:
            found = (await admin[name].command("usersInfo"))["users"]
            return [user["user"] for user in found]

        async def capture_gone() -> bool:
            return await users() == [name]

        await eventually(capture_gone)
        await documents.declare("cut")

        async def all_gone() -> bool:
            return not await users() and name not in await admin.list_database_names()

        await eventually(all_gone)


async def deleted_while_it_streams(shop: Shop, admin: Sql, name: str) -> None:
    """Start, bring a service's capture to where it runs, and delete the service."""
    await shop.start()
    await streaming(shop, admin, name)
    await report_ready(shop, "cut-outbox")
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, "cut")
    uid = body["metadata"]["uid"]
    await shop.client.delete(SHOP_SERVICE, shop.namespace, "cut", uid=uid)


async def until_going(shop: Shop, connector: str) -> dict[str, Any]:
    """Return a connector once Strimzi is asked to stop it and to reset its offsets."""
    seen: dict[str, Any] = {}

    async def asked() -> bool:
        live = await shop.get(KAFKA_CONNECTOR, connector, shop.platform.kafka_namespace)
        seen.update(live or {})
        return bool(seen["metadata"]["annotations"].get(OFFSETS) == "reset")

    await eventually(asked)
    return seen


async def forget(shop: Shop, connector: str) -> None:
    """Take the annotation off, as Strimzi does when it has reset the offsets."""
    namespace = shop.platform.kafka_namespace
    patch = {"metadata": {"annotations": {OFFSETS: None}}}
    await shop.client.merge(KAFKA_CONNECTOR, namespace, connector, patch, manager="strimzi")


async def test_a_deleted_service_has_its_position_forgotten_before_its_database_goes(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await deleted_while_it_streams(sql, admin, name)
    live = await until_going(sql, "cut-outbox")
    assert live["spec"]["state"] == "stopped"
    message = await sql.reason("cut", "Ready", "Releasing")
    assert "has to forget its position" in message
    assert ("database", name) in await admin.all_named(name)  # it still reads there
    assert await sql.get(SECRET, "cut-outbox")  # Connect needs it, to reset the offsets
    await forget(sql, "cut-outbox")
    await eventually(lambda: _is_gone(sql, "cut"))
    assert await admin.all_named(name) == set()
    assert await kafka_names(sql) == {}


async def test_a_position_that_nobody_can_forget_any_more_holds_nothing_up(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    """Without its login Connect can't reset the offsets: as in a namespace that is deleted."""
    admin = Sql(postgres)
    await deleted_while_it_streams(sql, admin, name)
    await until_going(sql, "cut-outbox")
    login = await sql.client.get(SECRET, sql.namespace, "cut-outbox")
    await sql.client.delete(SECRET, sql.namespace, "cut-outbox", uid=login["metadata"]["uid"])
    await eventually(lambda: _is_gone(sql, "cut"))
    assert await admin.all_named(name) == set()


async def test_what_is_cut_keeps_its_login_until_its_position_is_forgotten(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await sql.start()
    await streaming(sql, Sql(postgres), name)
    await report_ready(sql, "cut-outbox")
    await sql.declare("cut", database=whole(name)["database"])
    await until_going(sql, "cut-outbox")
    await asyncio.sleep(1)
    assert await sql.get(SECRET, "cut-outbox")
    await forget(sql, "cut-outbox")

    async def gone() -> bool:
        return await sql.get(SECRET, "cut-outbox") is None

    await eventually(gone)


async def test_an_outbox_that_comes_back_while_it_is_released_is_captured_anew(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await sql.start()
    await streaming(sql, admin, name)
    await report_ready(sql, "cut-outbox")
    before = await sql.client.get(KAFKA_CONNECTOR, sql.platform.kafka_namespace, "cut-outbox")
    spec = whole(name)
    await sql.declare("cut", **spec | {"events": {"publishes": spec["events"]["publishes"]}})
    await until_going(sql, "cut-outbox")
    await sql.declare("cut", **spec)
    await sql.reason("cut", "CdcReady", "CaptureBeginsAnew")
    await forget(sql, "cut-outbox")
    await eventually(lambda: _is_another(sql, before))


async def test_a_database_of_mongodb_that_was_dropped_is_captured_anew(
    documents: Shop, mongodb: MongoDB
) -> None:
    name = f"r{secrets.token_hex(4)}"
    await documents.start()
    await documents.declare("cut", **whole(name, kind="mongodb"))
    await documents.reason("cut", "CdcReady", "OutboxMissing")
    async with mongo(mongodb) as admin:
        await admin[name].create_collection("outbox")
        await documents.reason("cut", "CdcReady", "ConnectorNotReady")
        await report_ready(documents, "cut-outbox")
        await documents.reason("cut", "CdcReady", "Streaming")
        namespace = documents.platform.kafka_namespace
        before = await documents.client.get(KAFKA_CONNECTOR, namespace, "cut-outbox")
        await admin.drop_database(name)
        await until_going(documents, "cut-outbox")
        await documents.reason("cut", "CdcReady", "CaptureBeginsAnew")
        await admin[name].create_collection("outbox")  # as a migration does
        await forget(documents, "cut-outbox")
        await eventually(lambda: _is_another(documents, before))
        await deleted(documents, "cut")


async def _is_gone(shop: Shop, name: str) -> bool:
    return await shop.get(SHOP_SERVICE, name) is None


async def _is_another(shop: Shop, before: dict[str, Any]) -> bool:
    """Return True once there is another connector of that name, which runs."""
    metadata = before["metadata"]
    live = await shop.get(KAFKA_CONNECTOR, metadata["name"], metadata["namespace"])
    if live is None or live["metadata"]["uid"] == metadata["uid"]:
        return False
    return not {"state", OFFSETS} & {*live["spec"], *live["metadata"]["annotations"]}
