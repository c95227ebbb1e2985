"""Backups of real servers: what comes back, and that no effect is in one without its cause."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pymongo.errors import OperationFailure
from shop_servers import databases
from shop_servers.servers import Database, MongoDB, Postgres

from shop_cluster.backups import catalogue, cut
from shop_cluster.backups.postgres_server import Connection, PostgresServer
from shop_cluster.backups.stores import back_up, load
from shop_cluster.errors import ClusterError

from .hearing import (
    Client,
    DocumentService,
    SqlService,
    connected,
    effects_without_cause,
    hearing_of_each_other,
)

TABLES = """
CREATE TABLE outbox (id bigint PRIMARY KEY);
CREATE TABLE inbox (id text PRIMARY KEY);
CREATE PUBLICATION minishop FOR TABLE outbox WITH (publish = 'insert');
"""
TRAP = """
CREATE TABLE caught (who text);
CREATE FUNCTION format(text, name, name) RETURNS text LANGUAGE sql AS
$$ INSERT INTO public.caught VALUES (current_user); SELECT pg_catalog.format($1, $2, $3) $$;
"""


def said(_: str) -> None:
    """Take a report."""


@pytest.fixture
def server(postgres: Postgres) -> PostgresServer:
    return PostgresServer.reached_from_here(postgres.url)


@pytest.fixture
async def client(mongodb: MongoDB) -> AsyncIterator[Client]:
    async with Client(mongodb.url) as found:
        yield found


@pytest.fixture
def other_database(postgres: Postgres) -> Iterator[Database]:
    database = databases.create_postgres(postgres.url)
    yield database
    databases.drop_postgres(database, postgres.url)


async def drop(server: PostgresServer, client: Client, *names: str) -> None:
    """Lose the databases, and the roles that own them."""
    connection = await server.connect()
    try:
        for name in names:
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await connection.execute(f"DROP ROLE IF EXISTS {name}")
            await client.drop_database(name)
    finally:
        await connection.close()


async def test_nothing_of_a_database_s_owner_runs_as_the_administrator(
    server: PostgresServer, client: Client, postgres_database: Database, tmp_path: Path
) -> None:
    async with connected(postgres_database) as owner:
        await owner.execute(TABLES)
        await owner.execute(TRAP)
        await back_up(server, client, tmp_path, only={postgres_database.name}, report=said)
        assert await owner.fetch("SELECT who FROM caught") == []


async def test_what_was_there_comes_back_as_it_was(
    server: PostgresServer,
    client: Client,
    postgres_database: Database,
    mongodb_database: Database,
    tmp_path: Path,
) -> None:
    sql, documents = postgres_database.name, mongodb_database.name
    admin = await server.connect()
    await admin.execute(f"COMMENT ON ROLE {sql} IS 'minishop.dev/owner=shop/it''s'")
    await admin.execute(f"ALTER ROLE {sql} SET statement_timeout TO '7s'")
    await admin.execute(f"REVOKE CONNECT ON DATABASE {sql} FROM PUBLIC")
    async with connected(postgres_database) as owner:
        await owner.execute(TABLES)
        await owner.execute("CREATE TABLE kept (id serial PRIMARY KEY, at timestamptz, what jsonb)")
        await owner.execute("INSERT INTO kept (at, what) VALUES ('2026-01-01Z', '{\"a\": [1.50]}')")
        before = await owner.fetch("SELECT id, at, what::text FROM kept")
    collection = client[documents]["things"]
    await client[documents].create_collection("things", validator={"n": {"$type": "int"}})
    await collection.create_index([("n", -1), ("name", 1)], unique=True, name="by_n")
    await collection.insert_many({"n": n, "name": f"é{n}"} for n in (5, 3, 4))
    await client[documents].create_collection("empty", collation={"locale": "de", "strength": 1})
    await client[documents].create_collection(
        "view", viewOn="things", pipeline=[{"$sort": {"n": 1}}]
    )
    expected = await collection.find().to_list()
    user, owner_of = f"{documents}_cdc", {"owner": "shop/it's"}
    rights = [{"role": "read", "db": documents}]
    await client[documents].command(
        "createUser", user, pwd="secret", roles=rights, customData=owner_of
    )

    folder = await back_up(server, client, tmp_path, only={sql, documents}, report=said)
    with pytest.raises(ClusterError, match=rf"there already: .*{sql}.*; nothing was changed"):
        await load(server, client, catalogue.read(folder), folder, report=said)
    await drop(server, client, sql, documents)
    await client[documents].command("dropUser", user)
    await load(server, client, catalogue.read(folder), folder, report=said)

    row = await admin.fetchrow(
        "SELECT rolcanlogin, rolconfig, shobj_description(oid, 'pg_authid') AS comment, "
        "(SELECT rolpassword FROM pg_authid a WHERE a.oid = r.oid) AS password, "
        "has_database_privilege('public', $1, 'CONNECT') AS anybody "
        "FROM pg_roles r WHERE rolname = $1",
        sql,
    )
    assert row is not None
    assert dict(row) == {
        "rolcanlogin": True,
        "rolconfig": ["statement_timeout=7s"],
        "comment": "minishop.dev/owner=shop/it's",
        "password": None,
        "anybody": False,
    }
    # As the operator does, which finds the Secret's password refused.
    await admin.execute(f"ALTER ROLE {sql} PASSWORD '{sql}'")
    await admin.close()
    async with connected(postgres_database) as owner:
        assert await owner.fetch("SELECT id, at, what::text FROM kept") == before
        assert await owner.fetchval("INSERT INTO kept DEFAULT VALUES RETURNING id") == 2
        published = await owner.fetch("SELECT pubname, tablename FROM pg_publication_tables")
        assert list(map(tuple, published)) == [("minishop", "outbox")]
    assert await collection.find().to_list() == expected
    [made] = (await client[documents].command("usersInfo", user))["users"]
    assert (made["roles"], made["customData"]) == (rights, owner_of)
    indexes = await collection.index_information()
    assert indexes["by_n"]["key"] == [("n", -1), ("name", 1)]
    assert indexes["by_n"]["unique"]
    assert [each["n"] async for each in client[documents]["view"].find()] == [3, 4, 5]
    assert (await client[documents]["empty"].options())["collation"]["strength"] == 1
    with pytest.raises(OperationFailure, match="validation"):
        await collection.insert_one({"n": "no number"})


@dataclass(frozen=True)
class Three:
    """Two services on PostgreSQL and one on MongoDB, with nothing in them."""

    sql: list[SqlService]
    documents: DocumentService

    @property
    def names(self) -> list[str]:
        return [*(service.name for service in self.sql), self.documents.name]


@pytest.fixture
async def three(
    postgres_database: Database,
    other_database: Database,
    mongodb_database: Database,
    client: Client,
) -> Three:
    for database in (postgres_database, other_database):
        async with connected(database) as connection:
            await connection.execute(TABLES)
    for name in ("outbox", "inbox"):
        await client[mongodb_database.name].create_collection(name)
    sql = [SqlService(postgres_database), SqlService(other_database)]
    return Three(sql, DocumentService(mongodb_database, client))


async def without_a_lock(*_: object) -> None:
    """Stand where the lock is taken."""


async def late(connection: Connection) -> str:
    """Take a snapshot over a network that keeps some waiting longer than others."""
    await asyncio.sleep(random.uniform(0, 0.2))
    return await export(connection)


export = cut._export


@pytest.mark.parametrize("lock", [cut._lock, without_a_lock], ids=["locked", "not locked"])
async def test_no_effect_is_in_a_backup_without_its_cause(
    server: PostgresServer,
    client: Client,
    three: Three,
    tmp_path: Path,
    lock: Callable[..., Awaitable[None]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cut, "_lock", lock)
        patch.setattr(cut, "_export", late)
        async with hearing_of_each_other(*three.sql, three.documents):
            folders = [
                await back_up(server, client, tmp_path / n, only=three.names, report=said)
                for n in "abc"
            ]
    torn = []
    for folder in folders:
        await drop(server, client, *three.names)
        await load(server, client, catalogue.read(folder), folder, report=said)
        heard, unknown = await effects_without_cause(
            server, client, [service.name for service in three.sql], three.documents.name
        )
        assert heard > 100
        torn += unknown
    # Without it, the very same events tear the backups: the lock is what the claim rests on.
    assert bool(torn) is (lock is without_a_lock), torn[:5]


async def test_a_transaction_that_holds_an_outbox_makes_the_backup_give_up(
    server: PostgresServer,
    client: Client,
    postgres_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cut, "LOCK_SECONDS", 1)
    async with connected(postgres_database) as owner, connected(postgres_database) as other:
        await owner.execute(TABLES)
        async with owner.transaction():
            await owner.execute("INSERT INTO outbox VALUES (1)")
            with pytest.raises(ClusterError, match=r"held public.outbox for 1 s"):
                await back_up(server, client, tmp_path, only={postgres_database.name}, report=said)
        assert not any(os.scandir(tmp_path))
        # Nobody waits for what the backup left behind.
        await asyncio.wait_for(other.execute("INSERT INTO outbox VALUES (2)"), timeout=60)


async def test_what_a_backup_could_not_hold_is_said(
    server: PostgresServer, client: Client, mongodb_database: Database, tmp_path: Path
) -> None:
    name = mongodb_database.name
    await client[name].create_collection("log", capped=True, size=4096)
    with pytest.raises(ClusterError, match=rf"{name}.log: a backup can't hold a capped collection"):
        await back_up(server, client, tmp_path, only={name}, report=said)
    assert not any(os.scandir(tmp_path))


async def test_a_backup_that_is_not_whole_is_refused(
    server: PostgresServer, client: Client, postgres_database: Database, tmp_path: Path
) -> None:
    name = postgres_database.name
    folder = await back_up(server, client, tmp_path, only={name}, report=said)
    dump = folder / "postgres" / f"{name}.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-1])
    with pytest.raises(ClusterError, match="is not what was written"):
        catalogue.read(folder)
    dump.unlink()
    with pytest.raises(ClusterError, match="is missing"):
        catalogue.read(folder)
    with pytest.raises(ClusterError, match="is no backup"):
        catalogue.read(tmp_path)
    held = json.loads((folder / "catalogue.json").read_text())
    (folder / "catalogue.json").write_text(json.dumps({**held, "format": 2}))
    with pytest.raises(ClusterError, match="of format 2, this reads format 1"):
        catalogue.read(folder)
