"""Fresh databases as the operator hands them to a service: an owner without other rights."""

import asyncio
import secrets
import ssl
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import httpx
from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from shop_servers.http import PATIENCE_SECONDS, client_of
from shop_servers.redis import DATABASES
from shop_servers.servers import BaoNamespace, Database, OpenBao, RabbitMQ
from shop_servers.servers import Redis as RedisServer

T = TypeVar("T")


def create_postgres(admin_url: str) -> Database:
    """A PostgreSQL database with an owner role of the same name."""
    name = _name()

    async def create() -> None:
        connection = await asyncpg.connect(admin_url)
        try:
            await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
            await connection.execute(f"CREATE DATABASE {name} OWNER {name}")
        finally:
            await connection.close()

    _run(create())
    server = urlsplit(admin_url)
    return Database(
        name=name,
        url=f"postgresql://{name}:{name}@{server.hostname}:{server.port}/{name}",
        admin_url=server._replace(path=f"/{name}").geturl(),
    )


def drop_postgres(database: Database, admin_url: str) -> None:
    """Drop the database with its slots, even when someone is connected, and the owner."""
    name = database.name

    async def drop() -> None:
        connection = await asyncpg.connect(admin_url)
        try:
            await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await connection.execute(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
                " WHERE database = $1 AND active",
                name,
            )
            for (slot,) in await connection.fetch(
                "SELECT slot_name FROM pg_replication_slots WHERE database = $1", name
            ):
                await _drop_slot(connection, slot)
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await connection.execute(f"DROP ROLE {name}")
        finally:
            await connection.close()

    _run(drop())


async def _drop_slot(connection: "asyncpg.Connection[asyncpg.Record]", slot: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await connection.execute("SELECT pg_drop_replication_slot($1)", slot)
            except asyncpg.ObjectInUseError:  # its walsender is still ending
                await asyncio.sleep(0.05)
            except asyncpg.UndefinedObjectError:
                return
            else:
                return


def create_mongodb(admin_url: str) -> Database:
    """A MongoDB database with an owner of the same name (user in the database itself)."""
    name = _name()

    async def create() -> None:
        async with AsyncMongoClient[dict[str, Any]](admin_url) as client:
            await client[name].command("createUser", name, pwd=name, roles=["dbOwner"])

    _run(create())
    server = urlsplit(admin_url)
    owned = server._replace(
        netloc=f"{name}:{name}@{server.hostname}:{server.port}",
        path=f"/{name}",
        query=server.query.replace("authSource=admin", f"authSource={name}"),
    )
    return Database(
        name=name,
        url=owned.geturl(),
        admin_url=server._replace(path=f"/{name}").geturl(),
    )


def drop_mongodb(database: Database, admin_url: str) -> None:
    """Drop the database and its user."""

    async def drop() -> None:
        async with AsyncMongoClient[dict[str, Any]](admin_url) as client:
            await client[database.name].command("dropAllUsersFromDatabase")
            await client.drop_database(database.name)

    _run(drop())


def create_redis(url: str) -> str:
    """The URL of an empty Redis database; the server counts who has which, round and round."""

    async def create() -> str:
        async with Redis.from_url(url) as client:
            number = 1 + await client.incr("shop_servers:databases") % (DATABASES - 1)
        fresh = f"{url}/{number}"
        async with Redis.from_url(fresh) as client:
            await client.flushdb()
        return fresh

    return _run(create())


def create_vhost(url: str, management_url: str) -> str:
    """The AMQP URL of a fresh RabbitMQ virtual host."""
    name = _name()
    _vhost(management_url, "PUT", name)
    return f"{url}/{name}"


def drop_vhost(vhost_url: str, management_url: str) -> None:
    """Delete the virtual host with all its queues."""
    _vhost(management_url, "DELETE", urlsplit(vhost_url).path.removeprefix("/"))


def _vhost(management_url: str, method: str, name: str) -> None:
    with client_of(f"{management_url}/api", auth=("guest", "guest")) as client:
        client.request(method, f"/vhosts/{name}").raise_for_status()


def drop_users(redis: RedisServer, rabbitmq: RabbitMQ, prefix: str) -> None:
    """Drop the users of Redis and RabbitMQ whose names begin so."""

    async def drop() -> None:
        async with Redis.from_url(redis.url, decode_responses=True) as client:
            found = [str(name) for name in await client.acl_users()]
            found = [name for name in found if name.startswith(prefix)]
            if found:
                await client.acl_deluser(*found)

    _run(drop())
    at = urlsplit(rabbitmq.url)
    login = at.username or "", at.password or ""
    users = f"{rabbitmq.management_url}/api/users"
    with client_of(users, auth=login) as client:
        for user in client.get("").raise_for_status().json():
            if user["name"].startswith(prefix):
                client.delete(f"/{user['name']}").raise_for_status()


def create_bao_namespace(server: OpenBao) -> BaoNamespace:
    """An empty namespace in OpenBao."""
    name = _name()
    _bao(server, "POST", name)
    return BaoNamespace(server=server, name=name)


def drop_bao_namespace(namespace: BaoNamespace) -> None:
    """Delete the namespace with everything in it; its leases are revoked."""
    _bao(namespace.server, "DELETE", namespace.name)


def _bao(server: OpenBao, method: str, name: str) -> None:
    url, headers = f"{server.url}/v1/sys/namespaces/{name}", {"X-Vault-Token": server.token}
    trust = ssl.create_default_context(cafile=server.ca)
    answer = httpx.request(method, url, headers=headers, verify=trust, timeout=PATIENCE_SECONDS)
    answer.raise_for_status()


def _name() -> str:
    return f"test_{secrets.token_hex(6)}"


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    # In a thread, because the test's own event loop belongs to this one.
    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(asyncio.run, coroutine).result()
