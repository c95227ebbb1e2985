"""What is outside the namespace, as a test makes it, looks at it and deletes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from pymongo import AsyncMongoClient
from shop_servers.servers import MongoDB, Postgres, RabbitMQ, Redis

from shop_operator.api.kinds import EVENT, SECRET, SHOP_SERVICE
from shop_operator.children.access_secret import decode, password_in
from shop_operator.metadata import Manifest

from .shop import PATIENCE_SECONDS, Shop, eventually

_OF_LEASES = (
    "SELECT DISTINCT m.rolname AS name FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member "
    "JOIN pg_roles r ON r.oid = a.roleid WHERE r.rolname LIKE $1 AND m.rolname LIKE 'v-%'"
)
OUTBOX = "CREATE TABLE outbox (id uuid PRIMARY KEY, time timestamptz)"
Mongo = AsyncMongoClient[dict[str, Any]]


def logins(redis: Redis, rabbitmq: RabbitMQ) -> dict[str, Any]:
    """Return the settings by which the operator reaches the running Redis and RabbitMQ."""
    at = urlsplit(redis.url)
    return {
        "redis_admin_address": f"{at.hostname}:{at.port}",
        "rabbitmq_management_url": rabbitmq.management_url,
    }


async def administrators(shop: Shop, redis: Redis, rabbitmq: RabbitMQ) -> None:
    """Write the Secrets of their administrators."""
    cache, queue = urlsplit(redis.url), urlsplit(rabbitmq.url)
    await shop.secret("redis-auth", cache.username or "default", cache.password or "")
    await shop.secret("rabbitmq-auth", queue.username or "", queue.password or "")


async def password(shop: Shop, name: str) -> str:
    """Return the password of the database's owner in a service's Secret."""
    secret = await shop.client.get(SECRET, shop.namespace, f"{name}-access")
    return password_in(decode(secret["data"]["database_url"])) or ""


async def delete(shop: Shop, name: str) -> None:
    """Ask for a ShopService to be deleted."""
    service = await shop.client.get(SHOP_SERVICE, shop.namespace, name)
    await shop.client.delete(SHOP_SERVICE, shop.namespace, name, uid=service["metadata"]["uid"])


async def deleted(shop: Shop, name: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Delete a ShopService and wait until it is gone."""
    await delete(shop, name)
    await gone(shop, name, seconds=seconds)


async def gone(shop: Shop, name: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a ShopService is gone."""

    async def reached() -> bool:
        return await shop.get(SHOP_SERVICE, name) is None

    await eventually(reached, seconds=seconds)


async def has_event(shop: Shop, reason: str, *, note: str = "") -> bool:
    """Whether something was reported for this reason; Events come a moment after the status."""
    events = await shop.client.list(EVENT, shop.namespace)
    return any(e["reason"] == reason and note in e["note"] for e in events["items"])


async def external(shop: Shop, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return `status.external` by kind and name."""
    body = await shop.get(SHOP_SERVICE, name) or {}
    entries = body.get("status", {}).get("external") or ()
    return {(entry["kind"], entry["name"]): entry for entry in entries}


async def remembers(shop: Shop, name: str, wanted: set[tuple[str, str]]) -> None:
    """Wait until `status.external` has these kinds and names."""
    seen: list[set[tuple[str, str]]] = []

    async def reached() -> bool:
        seen.append(set(await external(shop, name)))
        return seen[-1] == wanted

    await eventually(reached, why=lambda: f"it remembers {seen[-1]}")


async def status(shop: Shop, name: str) -> Manifest:
    """Return a ShopService's status."""
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, name)
    found: Manifest = body.get("status", {})
    return found


@dataclass(frozen=True)
class Sql:
    """PostgreSQL as its administrator sees it."""

    server: Postgres

    @asynccontextmanager
    async def admin(self, database: str = "postgres") -> AsyncIterator[Any]:
        """Connect as the administrator."""
        connection = await asyncpg.connect(self.server.url, database=database)
        try:
            yield connection
        finally:
            await connection.close()

    async def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements one after the other."""
        async with self.admin(database) as admin:
            for statement in statements:
                await admin.execute(statement)

    async def all_named(self, name: str) -> set[tuple[str, str]]:
        """Return (kind, name) of every database, role and slot whose name has this start."""
        async with self.admin() as admin:
            rows = await admin.fetch(
                "SELECT 'database' AS kind, datname::text AS name FROM pg_database "
                "UNION ALL SELECT 'role', rolname FROM pg_roles "
                "UNION ALL SELECT 'slot', slot_name FROM pg_replication_slots"
            )
        return {(row["kind"], row["name"]) for row in rows if row["name"].startswith(name)}

    async def login(self, shop: Shop, service: str, database: str) -> Any:
        """Connect as the owner of a service's database."""
        return await self.connect(database, await password(shop, service))

    async def connect(self, database: str, secret: str, *, user: str = "") -> Any:
        """Connect to a database by this password, as its owner unless another user is named."""
        at = urlsplit(self.server.url)
        return await asyncpg.connect(
            host=at.hostname,
            port=at.port,
            user=user or database,
            password=secret,
            database=database,
        )

    async def capture(self, shop: Shop, service: str, database: str) -> Any:
        """Connect as Debezium does for a service."""
        secret = await shop.client.get(SECRET, shop.namespace, f"{service}-outbox")
        user, word = (decode(secret["data"][part]) for part in ("username", "password"))
        return await self.connect(database, word, user=user)

    async def migrate(self, shop: Shop, service: str, database: str, table: str = "outbox") -> None:
        """Make the outbox, as the service's migration would."""
        owner = await self.login(shop, service, database)
        await owner.execute(OUTBOX.replace("outbox", table))
        await owner.close()

    async def make_slot(self, database: str) -> None:
        """Make the replication slot, as Debezium would."""
        async with self.admin(database) as admin:
            await admin.execute(
                f"SELECT pg_create_logical_replication_slot('{database}_outbox', 'pgoutput')"
            )

    async def drop(self, name: str) -> None:
        """Remove what a test made: databases, roles and slots whose names start so."""
        found = await self.all_named(name)
        async with self.admin() as admin:
            # From 16 on, a role can't go while a login is there that it gave to a lease.
            for row in await admin.fetch(_OF_LEASES, f"{name}%"):
                found.add(("role of a lease", row["name"]))
            order = ("slot", "database", "role of a lease", "role")
            for kind, each in sorted(found, key=lambda item: order.index(item[0])):
                if kind == "slot":
                    await admin.execute("SELECT pg_drop_replication_slot($1)", each)
                elif kind == "database":
                    await admin.execute(f'DROP DATABASE "{each}" WITH (FORCE)')
                else:
                    await admin.execute(f'DROP ROLE "{each}"')


@asynccontextmanager
async def mongo_owner(
    server: MongoDB, database: str, secret: str, *, user: str = ""
) -> AsyncIterator[Mongo]:
    """Connect to a database of MongoDB as its owner, unless another user is named."""
    host, _, port = server.server.rpartition(":")
    async with AsyncMongoClient[dict[str, Any]](
        host,
        int(port),
        username=user or database,
        password=secret,
        authSource=database,
        directConnection=True,
        serverMonitoringMode="poll",  # as of the servers' own URLs
    ) as client:
        yield client


@asynccontextmanager
async def mongo(server: MongoDB) -> AsyncIterator[Mongo]:
    """Connect to MongoDB as its administrator."""
    async with AsyncMongoClient[dict[str, Any]](server.url, directConnection=True) as client:
        yield client
