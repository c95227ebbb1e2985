"""A password that was changed by hand or by rotation is what the Secret says again.

The servers demand their passwords, so each test would fail if the operator set none.
"""

import secrets
from collections.abc import AsyncIterator
from typing import Protocol

import asyncpg
import pytest
from pymongo.errors import OperationFailure
from shop_servers.servers import MongoDB, Postgres

from shop_operator.api.kinds import SECRET
from shop_operator.children.access_secret import decode, encode

from .outside import Sql, deleted, mongo, mongo_owner, password
from .shop import Shop, eventually

ROTATED = "rotated-by-a-person"
AUTHENTICATION_FAILED = 18


class Store(Protocol):
    """A store with one login whose name is its database's."""

    kind: str
    shop: Shop
    name: str

    async def may(self, secret: str) -> bool:
        """Return True if the password is the login's."""
        ...

    async def change(self, secret: str) -> None:
        """Change the login's password as an administrator would, behind the operator's back."""
        ...


class PostgresStore:
    """In PostgreSQL."""

    kind = "postgres"

    def __init__(self, shop: Shop, server: Postgres, name: str) -> None:
        self.shop, self.name, self._sql = shop, name, Sql(server)

    async def may(self, secret: str) -> bool:
        try:
            connection = await self._sql.connect(self.name, secret)
        except asyncpg.InvalidPasswordError:
            return False
        await connection.close()
        return True

    async def change(self, secret: str) -> None:
        await self._sql.run(f"ALTER ROLE {self.name} PASSWORD '{secret}'")


class MongoStore:
    """In MongoDB."""

    kind = "mongodb"

    def __init__(self, shop: Shop, server: MongoDB, name: str) -> None:
        self.shop, self.name, self._server = shop, name, server

    async def may(self, secret: str) -> bool:
        async with mongo_owner(self._server, self.name, secret) as client:
            try:
                await client[self.name].list_collection_names()
            except OperationFailure as error:
                if error.code != AUTHENTICATION_FAILED:
                    raise
                return False
        return True

    async def change(self, secret: str) -> None:
        async with mongo(self._server) as admin:
            await admin[self.name].command("updateUser", self.name, pwd=secret)


@pytest.fixture(params=["postgres", "mongodb"])
async def store(
    sql: Shop, documents: Shop, postgres: Postgres, mongodb: MongoDB, request: pytest.FixtureRequest
) -> AsyncIterator[Store]:
    """A store with a ShopService whose database is there."""
    name = f"w{secrets.token_hex(4)}"
    of_kind: dict[str, Store] = {
        "postgres": PostgresStore(sql, postgres, name),
        "mongodb": MongoStore(documents, mongodb, name),
    }
    found = of_kind[request.param]
    await found.shop.start()
    database = {"kind": found.kind, "name": name, "onDelete": "Drop"}
    await found.shop.declare("users", database=database)
    await found.shop.reason("users", "DatabaseReady", "Available")
    yield found
    await deleted(found.shop, "users")


async def test_only_the_password_in_the_secret_opens(store: Store) -> None:
    assert await store.may(await password(store.shop, "users"))
    assert not await store.may("wrong")
    assert not await store.may(store.name)


async def test_a_password_changed_in_the_store_is_put_right(store: Store) -> None:
    before = await password(store.shop, "users")
    await store.change("changed-by-hand")
    assert not await store.may(before)
    # A login that worked is trusted for a minute: another operator has seen none.
    await store.shop.stop()
    await store.shop.start()
    await eventually(lambda: store.may(before))
    assert not await store.may("changed-by-hand")
    assert await password(store.shop, "users") == before
    await store.shop.reason("users", "DatabaseReady", "Available")


async def test_a_password_rotated_in_the_secret_is_set_in_the_store(store: Store) -> None:
    shop, before = store.shop, await password(store.shop, "users")
    live = await shop.client.get(SECRET, shop.namespace, "users-access")
    url = decode(live["data"]["database_url"]).replace(before, ROTATED)
    await shop.client.merge(
        SECRET, shop.namespace, "users-access", {"data": {"database_url": encode(url)}}
    )
    await eventually(lambda: store.may(ROTATED))
    assert not await store.may(before)
    assert await password(shop, "users") == ROTATED
