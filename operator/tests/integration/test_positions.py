"""Connect's position is forgotten before what it reads goes, and nothing waits for it in vain."""

import asyncio
import secrets
from typing import Any

from shop_servers.servers import MongoDB, Postgres

from shop_operator.api.kinds import KAFKA_CONNECTOR, SECRET, SHOP_SERVICE

from .outside import Sql, deleted, gone, mongo
from .shop import Shop, eventually
from .streams import OFFSETS, capturing, kafka_names, streaming, whole
from .test_capture_lost import report_ready


async def deleted_while_it_streams(shop: Shop, admin: Sql, name: str) -> None:
    """Start, bring a service's capture to where it runs, and delete the service."""
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
    await gone(sql, "cut")
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
    await gone(sql, "cut")
    assert await admin.all_named(name) == set()


async def test_what_is_cut_keeps_its_login_until_its_position_is_forgotten(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await streaming(sql, Sql(postgres), name)
    await report_ready(sql, "cut-outbox")
    await sql.declare("cut", database=whole(name)["database"])
    await until_going(sql, "cut-outbox")
    await asyncio.sleep(1)
    assert await sql.get(SECRET, "cut-outbox")
    await forget(sql, "cut-outbox")

    async def is_without() -> bool:
        return await sql.get(SECRET, "cut-outbox") is None

    await eventually(is_without)


async def test_an_outbox_that_comes_back_while_it_is_released_is_captured_anew(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
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
    async with mongo(mongodb) as admin:
        await capturing(documents, admin, name)
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


async def _is_another(shop: Shop, before: dict[str, Any]) -> bool:
    """Return True once there is another connector of that name, which runs."""
    metadata = before["metadata"]
    live = await shop.get(KAFKA_CONNECTOR, metadata["name"], metadata["namespace"])
    if live is None or live["metadata"]["uid"] == metadata["uid"]:
        return False
    return not {"state", OFFSETS} & {*live["spec"], *live["metadata"]["annotations"]}
