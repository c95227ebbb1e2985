"""Each kind of child, changed and deleted by another hand, is put right."""

import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from shop_servers.servers import Postgres

from shop_operator.api.kinds import CONFIG_MAP, IN_KAFKA_NAMESPACE, IN_SERVICE_NAMESPACES, POD
from shop_operator.metadata import Manifest

from .harm import HARM, SPEC, change_and_delete, children
from .shop import Shop, eventually

CAPTURE = {"KafkaConnector", "Role", "RoleBinding"}
"""Kinds that only an outbox brings."""
ELSEWHERE = {"ConfigMap", "Ingress", "ScaledObject"}
"""Kinds that the service of `SPEC` has not: each has a test of its own."""


def test_harm_is_known_for_every_kind() -> None:
    kinds = {kind.kind for kind in (*IN_SERVICE_NAMESPACES, *IN_KAFKA_NAMESPACE)}
    assert set(HARM) == kinds - {POD.kind}


async def test_every_kind_without_a_database_is_put_right(shop: Shop) -> None:
    await shop.start()
    await shop.declare("all", **SPEC)
    found = await children(shop, "all")
    assert {child["kind"] for child in found} == set(HARM) - CAPTURE - ELSEWHERE
    for child in found:
        await change_and_delete(shop, child)


async def test_a_scaled_object_is_put_right(shop: Shop) -> None:
    await shop.start()
    events = {"subscribes": [{"topic": "other.events", "group": "lagging"}]}
    await shop.declare("lagging", autoscaling={"min": 0, "max": 3, "lag": {}}, events=events)
    found = await children(shop, "lagging")
    [child] = [child for child in found if child["kind"] == "ScaledObject"]
    assert "HorizontalPodAutoscaler" not in {child["kind"] for child in found}
    await change_and_delete(shop, child)


async def test_an_ingress_is_put_right(shop: Shop) -> None:
    await shop.start(edge="ingress")
    await shop.declare("entered", route=SPEC["route"])
    [child] = [child for child in await children(shop, "entered") if child["kind"] == "Ingress"]
    await change_and_delete(shop, child)


async def test_the_table_of_routes_is_put_right(shop: Shop) -> None:
    await shop.start()
    await shop.declare("routed", route={"paths": ["/routed"], "via": "gateway"})
    table: list[Manifest] = []

    async def written() -> bool:
        live = await shop.get(CONFIG_MAP, shop.platform.route_table)
        table[:] = [live] if live and "/routed" in live["data"]["routes.json"] else []
        return bool(table)

    await eventually(written, seconds=60)
    await change_and_delete(shop, table[0])


async def test_what_reads_an_outbox_is_put_right(capturing: Shop) -> None:
    found = [c for c in await children(capturing, "captured") if c["kind"] in CAPTURE]
    assert {child["kind"] for child in found} == CAPTURE
    for child in found:
        await change_and_delete(capturing, child)


@pytest.fixture
async def capturing(shop: Shop, postgres: Postgres) -> AsyncIterator[Shop]:
    """A shop with a service `captured`, whose outbox is there and read."""
    at = urlsplit(postgres.url)
    await shop.secret("postgres-admin", at.username or "", at.password or "")
    address = f"{at.hostname}:{at.port}"
    await shop.start(postgres_address=address)
    name = f"d{secrets.token_hex(4)}"
    database = {"kind": "postgres", "name": name, "onDelete": "Drop"}
    await shop.declare("captured", database=database, events={"outbox": {}})
    await shop.reason("captured", "DatabaseReady", "Available", seconds=60)
    admin = await asyncpg.connect(postgres.url, database=name)
    await admin.execute(f'SET ROLE "{name}"')
    await admin.execute("CREATE TABLE outbox (id uuid PRIMARY KEY, time timestamptz)")
    await admin.close()
    await shop.reason("captured", "CdcReady", "ConnectorNotReady", seconds=60)
    yield shop
    await shop.stop()
    admin = await asyncpg.connect(postgres.url)
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.execute(f'DROP ROLE IF EXISTS "{name}_cdc"')
    await admin.execute(f'DROP ROLE IF EXISTS "{name}"')
    await admin.close()
