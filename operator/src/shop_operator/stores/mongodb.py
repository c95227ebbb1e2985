"""Databases' users in MongoDB; a database itself comes into being with its first document."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from shop_operator.children.access_secret import Login
from shop_operator.children.kafka_connector import capture_role
from shop_operator.stores.account import DatabaseAccount, StoreError

_TIMEOUT_MS: Final = 5000
_AUTHENTICATION_FAILED: Final = 18
_Client = AsyncMongoClient[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class MongoDB:
    """A MongoDB replica set, and who administers it. Without a set's name, one member is asked."""

    host: str
    port: int
    replica_set: str | None
    admin: Login = field(repr=False)

    async def ensure(self, account: DatabaseAccount) -> bool:
        """Make the database's users; return whether the outbox is ready to be read.

        Raises StoreError: Unreachable, AccessDenied, NotOwned.
        """
        name = account.database
        owner = Login(name, account.owner)
        async with self._connect(self.admin, "admin") as admin:
            await _user(admin, owner, account, ("readWrite", "dbAdmin"))
            if account.capture is not None:
                await _user(admin, Login(capture_role(name), account.capture), account, ("read",))
        await self._password(owner, name)
        if account.capture is not None:
            await self._password(Login(capture_role(name), account.capture), name)
        if account.outbox is None:
            return False
        async with self._connect(owner, name) as client:
            found = await client[name].list_collection_names(filter={"name": account.outbox})
            return bool(found)

    async def stop_capture(self, database: str) -> None:
        """Drop the user that Debezium logs in as. Raises StoreError."""
        async with self._connect(self.admin, "admin") as admin:
            await _drop_user(admin, database, capture_role(database))

    async def drop(self, database: str, belongs_to: str) -> None:
        """Drop the database and its user, when they belong to that ShopService.

        Raises StoreError.
        """
        async with self._connect(self.admin, "admin") as admin:
            if await _owner_of(admin, database, database) != belongs_to:
                return
            await admin.drop_database(database)
            await _drop_user(admin, database, database)

    async def _password(self, login: Login, database: str) -> None:
        """Set a user's password when it is not the one that the Secret holds."""
        try:
            async with self._connect(login, database) as client:
                await client[database].list_collection_names()
                return
        except StoreError as error:
            if error.reason != "AccessDenied":
                raise
        async with self._connect(self.admin, "admin") as admin:
            await admin[database].command("updateUser", login.username, pwd=login.password)

    @contextlib.asynccontextmanager
    async def _connect(self, login: Login, database: str) -> AsyncIterator[_Client]:
        client: _Client = AsyncMongoClient(
            self.host,
            self.port,
            username=login.username,
            password=login.password,
            authSource=database,
            replicaSet=self.replica_set,
            directConnection=self.replica_set is None,
            serverSelectionTimeoutMS=_TIMEOUT_MS,
            connectTimeoutMS=_TIMEOUT_MS,
            maxPoolSize=1,
        )
        try:
            yield client
        except OperationFailure as error:
            denied = error.code == _AUTHENTICATION_FAILED
            raise StoreError(
                "AccessDenied" if denied else "StoreFailed",
                f"MongoDB, as {login.username} in {database}: {error}",
            ) from error
        except ConnectionFailure as error:
            raise StoreError(
                "Unreachable",
                f"MongoDB at {self.host}:{self.port} does not answer; "
                "is it running, and may the operator reach it?",
            ) from error
        except PyMongoError as error:
            raise StoreError("StoreFailed", f"MongoDB: {error}") from error
        finally:
            await client.close()


async def _user(
    admin: _Client, login: Login, account: DatabaseAccount, roles: tuple[str, ...]
) -> None:
    database = account.database
    owner = await _owner_of(admin, database, login.username)
    if owner == account.belongs_to:
        return
    if owner is not None:
        raise StoreError(
            "NotOwned",
            f"user {login.username} of database {database} in MongoDB is not of "
            f"{account.belongs_to}; choose another database.name, or hand it over: "
            f'db.updateUser("{login.username}", {{customData: {{owner: "{account.belongs_to}"}}}})',
        )
    await admin[database].command(
        "createUser",
        login.username,
        pwd=login.password,
        roles=[{"role": role, "db": database} for role in roles],
        customData={"owner": account.belongs_to},
    )


async def _owner_of(admin: _Client, database: str, user: str) -> str | None:
    """Return whose a user is; an empty string when it exists and nobody marked it."""
    found = await admin[database].command("usersInfo", user, showCustomData=True)
    if not found["users"]:
        return None
    return str((found["users"][0].get("customData") or {}).get("owner", ""))


async def _drop_user(admin: _Client, database: str, user: str) -> None:
    if await _owner_of(admin, database, user) is not None:
        await admin[database].command("dropUser", user)
