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
            opened = _connected(self.server, self.server.admin, "admin")
            self._admin = await self._stack.enter_async_context(opened)
        return self._admin

    async def log_in(self, login: Login, database: str) -> None:
        """Log in and out again. Raises StoreError AccessDenied if the server refuses."""
        with failures(f"as {login.username} in {database}", self.server):
            async with _connected(self.server, login, database) as client:
                await client[database].list_collection_names()

    async def run(self, database: str, command: str, value: str, **more: Any) -> Any:  # noqa: ANN401 - a document
        """Run a command as the administrator and return its answer."""
        with failures(command, self.server):
            admin = await self.admin()
            return await admin[database].command(command, value, **more)

    async def database_names(self) -> list[str]:
        """Return the names of the databases that have collections."""
        with failures("listDatabases", self.server):
            admin = await self.admin()
            return await admin.list_database_names()

    async def collections(self, database: str) -> list[str]:
        """Return the names of a database's collections."""
        with failures("listCollections", self.server):
            admin = await self.admin()
            return await admin[database].list_collection_names()

    async def drop_database(self, database: str) -> None:
        """Drop a database."""
        with failures("dropDatabase", self.server):
            admin = await self.admin()
            await admin.drop_database(database)

    async def user(self, user: str, database: str) -> dict[str, Any] | None:
        """Return a user: its customData, roles and authenticationRestrictions; None without it."""
        found = await self.run(
            database, "usersInfo", user, showCustomData=True, showAuthenticationRestrictions=True
        )
        return next(iter(found["users"]), None)

    async def owner_of_user(self, user: str, database: str) -> str | None:
        """Return the owner in a user's mark, empty without a mark, None without the user."""
        found = await self.user(user, database)
        return None if found is None else str((found.get("customData") or {}).get("owner", ""))


@contextlib.asynccontextmanager
async def _connected(server: MongoDB, login: Login, database: str) -> AsyncIterator[Client]:
    """Open a client that has connected and logged in, and close it at the end.

    PyMongo leaves a socket open where it is cancelled while it connects: so who is cancelled
    meanwhile waits until it has, which its time limits bound.
    """
    client: Client = AsyncMongoClient(
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
        # No connection more that measures the server's distance: it may be half made at the end.
        serverMonitoringMode="poll",
    )
    connecting = asyncio.create_task(client[database].command("ping"))
    try:
        await asyncio.shield(connecting)
        yield client
    finally:
        await asyncio.shield(_close(client, connecting))


async def _close(client: Client, connecting: asyncio.Task[Any]) -> None:
    await asyncio.wait({connecting}, timeout=_TIMEOUT_MS / 1000)
    connecting.cancel()
    await client.close()


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
