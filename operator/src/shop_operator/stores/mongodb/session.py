"""Clients of a MongoDB replica set, one a login, open for one reconcile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from shop_operator.children.access_secret import Login
from shop_operator.stores.errors import StoreError

_TIMEOUT_MS: Final = 5000
_AUTHENTICATION_FAILED: Final = 18
Client = AsyncMongoClient[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class MongoDB:
    """A MongoDB replica set and its administrator. Without a set's name, one member is asked."""

    host: str
    port: int
    replica_set: str | None
    admin: Login = field(repr=False)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator["MongoSession"]:
        """Open a session; its clients are closed at the end."""
        async with contextlib.AsyncExitStack() as stack:
            yield MongoSession(self, stack)


class MongoSession:
    """The administrator's client, and logins. Every method raises StoreError."""

    def __init__(self, server: MongoDB, stack: contextlib.AsyncExitStack) -> None:
        self.server = server
        self._stack = stack
        self._admin: Client | None = None

    async def admin(self) -> Client:
        """Return the administrator's client, opened when first needed."""
        if self._admin is None:
            self._admin = self._client(self.server.admin, "admin")
            self._stack.push_async_callback(_close, self._admin)
        return self._admin

    async def log_in(self, login: Login, database: str) -> None:
        """Log in and out again. Raises StoreError AccessDenied if the server refuses."""
        client = self._client(login, database)
        try:
            with failures(f"as {login.username} in {database}", self.server):
                await client[database].list_collection_names()
        finally:
            await _close(client)

    async def run(self, database: str, command: str, value: str, **more: Any) -> Any:  # noqa: ANN401 - a document
        """Run a command as the administrator and return its answer."""
        admin = await self.admin()
        with failures(command, self.server):
            return await admin[database].command(command, value, **more)

    async def database_names(self) -> list[str]:
        """Return the names of the databases that have collections."""
        admin = await self.admin()
        with failures("listDatabases", self.server):
            return await admin.list_database_names()

    async def collections(self, database: str) -> list[str]:
        """Return the names of a database's collections."""
        admin = await self.admin()
        with failures("listCollections", self.server):
            return await admin[database].list_collection_names()

    async def drop_database(self, database: str) -> None:
        """Drop a database."""
        admin = await self.admin()
        with failures("dropDatabase", self.server):
            await admin.drop_database(database)

    async def user(self, user: str, database: str) -> dict[str, Any] | None:
        """Return a user: its customData and its roles; None without the user."""
        found = await self.run(database, "usersInfo", user, showCustomData=True)
        return next(iter(found["users"]), None)

    async def owner_of_user(self, user: str, database: str) -> str | None:
        """Return the owner in a user's mark, empty without a mark, None without the user."""
        found = await self.user(user, database)
        return None if found is None else str((found.get("customData") or {}).get("owner", ""))

    def _client(self, login: Login, database: str) -> Client:
        server = self.server
        return AsyncMongoClient(
            server.host,
            server.port,
            username=login.username,
            password=login.password,
            authSource=database,
            replicaSet=server.replica_set,
            directConnection=server.replica_set is None,
            serverSelectionTimeoutMS=_TIMEOUT_MS,
            connectTimeoutMS=_TIMEOUT_MS,
            maxPoolSize=1,
            # No connection more that measures the server's distance: of a client that closes soon
            # it may be half made, and is then left open.
            serverMonitoringMode="poll",
        )


async def _close(client: Client) -> None:
    """Close a client whole, also if this task is cancelled meanwhile."""
    await asyncio.shield(client.close())


@contextlib.contextmanager
def failures(what: str, server: MongoDB) -> Iterator[None]:
    """Turn errors of MongoDB and of the connection into StoreError."""
    try:
        yield
    except OperationFailure as error:
        denied = error.code == _AUTHENTICATION_FAILED
        reason = "AccessDenied" if denied else "StoreFailed"
        raise StoreError(reason, f"MongoDB, {what}: {error}") from error
    except ConnectionFailure as error:
        raise StoreError(
            "Unreachable",
            f"MongoDB at {server.host}:{server.port} does not answer; "
            "is it running, and may the operator reach it?",
        ) from error
    except PyMongoError as error:
        raise StoreError("StoreFailed", f"MongoDB, {what}: {error}") from error
