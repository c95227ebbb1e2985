"""Databases, roles and capture, in a real PostgreSQL and MongoDB."""

import base64
import secrets
from urllib.parse import urlsplit

import asyncpg
import pytest
from pymongo.errors import OperationFailure
from shop_servers.servers import MongoDB, Postgres

from shop_operator.api.kinds import KAFKA_CONNECTOR, SECRET

from .outside import OUTBOX, Sql, delete, deleted, mongo, mongo_owner, password
from .shop import Shop, eventually

TRAPS = """
CREATE TABLE caught (who text);
CREATE FUNCTION shobj_description(oid, text) RETURNS text LANGUAGE sql AS
$$ INSERT INTO public.caught VALUES (current_user);
   SELECT pg_catalog.shobj_description($1, $2::name) $$;
CREATE FUNCTION format(text, name, name) RETURNS text LANGUAGE sql AS
$$ INSERT INTO public.caught VALUES (current_user); SELECT pg_catalog.format($1, $2, $3) $$;
"""
"""Functions that fit the operator's questions better than the catalogue's own."""


async def test_a_service_owns_its_database_and_debezium_may_read_its_outbox(
    sql: Shop, postgres: Postgres
) -> None:
    name = f"d{secrets.token_hex(4)}"
    await sql.start()
    await sql.declare(
        "orders",
        database={"kind": "postgres", "name": name, "onDelete": "Drop"},
        events={"publishes": [{"topic": f"{name}.events"}], "outbox": {}},
    )
    message = await sql.reason("orders", "CdcReady", "OutboxMissing")
    assert "public.outbox" in message
    namespace = sql.platform.kafka_namespace
    assert await sql.get(KAFKA_CONNECTOR, "orders-outbox", namespace) is None

    owner = await Sql(postgres).login(sql, "orders", name)
    await owner.execute(OUTBOX)
    await sql.reason("orders", "CdcReady", "ConnectorNotReady")
    connector = await sql.client.get(KAFKA_CONNECTOR, namespace, "orders-outbox")
    assert connector["spec"]["config"]["slot.name"] == f"{name}_outbox"
    published = await owner.fetch("SELECT tablename FROM pg_publication_tables")
    assert [row["tablename"] for row in published] == ["outbox"]
    await owner.close()

    capture = await Sql(postgres).capture(sql, "orders", name)
    assert await capture.fetch("SELECT * FROM outbox") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await capture.execute("DELETE FROM outbox")
    await capture.execute(f"SELECT pg_create_logical_replication_slot('{name}_outbox', 'pgoutput')")
    await capture.close()

    await deleted(sql, "orders")
    assert await Sql(postgres).all_named(name) == set()


async def test_nothing_of_a_database_s_owner_runs_as_the_administrator(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await sql.start()
    database = {"kind": "postgres", "name": name, "onDelete": "Drop"}
    await sql.declare("orders", database=database, events={"outbox": {}})
    await sql.reason("orders", "CdcReady", "OutboxMissing")
    await Sql(postgres).migrate(sql, "orders", name)
    await sql.reason("orders", "CdcReady", "ConnectorNotReady")

    owner = await Sql(postgres).login(sql, "orders", name)
    await owner.execute(TRAPS)
    await owner.execute(f'ALTER DATABASE "{name}" SET search_path TO public, pg_catalog')
    published = "SELECT count(*) FROM pg_publication"
    await owner.execute(f'DROP PUBLICATION "{name}_outbox"')

    async def again() -> bool:  # so the operator looked
        return bool(await owner.fetchval(published))

    await eventually(again)
    assert {row["who"] for row in await owner.fetch("SELECT who FROM caught")} <= {name}
    await owner.close()
    await deleted(sql, "orders")


async def test_another_services_database_is_refused_until_it_is_given_up(
    sql: Shop, postgres: Postgres
) -> None:
    name = f"d{secrets.token_hex(4)}"
    await sql.start()
    database = {"kind": "postgres", "name": name, "onDelete": "Drop"}
    await sql.declare("first", database=database)
    await sql.reason("first", "DatabaseReady", "Available")
    await sql.declare("second", database=database)
    message = await sql.reason("second", "DatabaseReady", "NotOwned")
    assert f"{sql.namespace}/second" in message
    assert await sql.get(SECRET, "second-access") is None
    await delete(sql, "first")
    await sql.reason("second", "DatabaseReady", "Available")


async def test_a_database_out_of_reach_is_said_and_recovers(
    sql: Shop, postgres: Postgres, closed_port: int
) -> None:
    reachable = sql.platform.postgres_address
    await sql.start(postgres_address=f"127.0.0.1:{closed_port}")
    name = f"d{secrets.token_hex(4)}"
    await sql.declare("late", database={"kind": "postgres", "name": name, "onDelete": "Drop"})
    message = await sql.reason("late", "DatabaseReady", "Unreachable")
    assert str(closed_port) in message
    ready = await sql.condition("late", "Ready")
    assert ready["status"] == "False"
    assert ready["reason"] == "Unreachable"
    await sql.stop()
    await sql.start(postgres_address=reachable)
    await sql.reason("late", "DatabaseReady", "Available")


async def test_a_missing_administrator_is_said_and_picked_up(
    shop: Shop, postgres: Postgres
) -> None:
    at = urlsplit(postgres.url)
    await shop.start(postgres_address=f"{at.hostname}:{at.port}")
    name = f"d{secrets.token_hex(4)}"
    await shop.declare("early", database={"kind": "postgres", "name": name, "onDelete": "Drop"})
    message = await shop.reason("early", "DatabaseReady", "PlatformSecretMissing")
    assert "postgres-admin" in message
    metadata = {"name": "postgres-admin", "namespace": shop.platform.platform_namespace}
    data = dict.fromkeys(("username", "password"), base64.b64encode(b"\xff").decode())
    no_text = {"apiVersion": "v1", "kind": SECRET.kind, "metadata": metadata, "data": data}
    await shop.client.apply(no_text, manager="platform")
    await shop.reason("early", "DatabaseReady", "PlatformSecretInvalid")
    await shop.secret("postgres-admin", at.username or "", at.password or "")
    await shop.reason("early", "DatabaseReady", "Available")


async def test_mongodb_users_have_their_own_database_only(
    documents: Shop, mongodb: MongoDB
) -> None:
    name = f"d{secrets.token_hex(4)}"
    await documents.start()
    await documents.declare(
        "products",
        database={"kind": "mongodb", "name": name, "onDelete": "Drop"},
        events={"publishes": [{"topic": f"{name}.events"}], "outbox": {}},
    )
    await documents.reason("products", "CdcReady", "OutboxMissing")
    secret = await password(documents, "products")
    async with mongo_owner(mongodb, name, secret) as owner:
        await owner[name].create_collection("outbox")
        with pytest.raises(OperationFailure, match="not authorized"):
            await owner["other"]["things"].insert_one({})
    await documents.reason("products", "CdcReady", "ConnectorNotReady")

    await deleted(documents, "products")
    async with mongo(mongodb) as admin:
        assert name not in await admin.list_database_names()
        assert (await admin[name].command("usersInfo"))["users"] == []


async def test_a_user_of_mongodb_that_may_log_in_from_elsewhere_only_is_let_in_again(
    documents: Shop, mongodb: MongoDB
) -> None:
    name = f"d{secrets.token_hex(4)}"
    await documents.start()
    database = {"kind": "mongodb", "name": name, "onDelete": "Drop"}
    await documents.declare("products", database=database)
    await documents.reason("products", "DatabaseReady", "Available")
    secret = await password(documents, "products")
    await documents.stop()
    elsewhere = [{"clientSource": ["203.0.113.1"]}]
    async with mongo(mongodb) as admin:
        await admin[name].command("updateUser", name, authenticationRestrictions=elsewhere)

    async def logs_in() -> bool:
        async with mongo_owner(mongodb, name, secret) as owner:
            try:
                await owner[name].list_collection_names()
            except OperationFailure:
                return False
        return True

    assert not await logs_in()
    await documents.start()
    await eventually(logs_in)
    await deleted(documents, "products")
