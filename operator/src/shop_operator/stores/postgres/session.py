"""Connections to a PostgreSQL server, one a login and database, open for one reconcile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import asyncpg

from shop_operator.children.access_secret import Login
from shop_operator.stores.errors import StoreError

_TIMEOUT_SECONDS: Final = 5
_COMMAND_SECONDS: Final = 30
_MARK: Final = "minishop.dev/owner="
_SETTINGS: Final = {"search_path": "pg_catalog"}
"""Who owns a database could put functions of the catalogue's names before them, which the
administrator would then call: PostgreSQL manual, "Writing SECURITY DEFINER Functions Safely"."""
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL server and its administrator."""

    host: str
    port: int
    admin: Login = field(repr=False)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator["PostgresSession"]:
        """Open a session; its connections are closed at the end."""
        async with contextlib.AsyncExitStack() as stack:
            yield PostgresSession(self, stack)


class PostgresSession:
    """Connections that are opened when first needed. Every method raises StoreError."""

    def __init__(self, server: Postgres, stack: contextlib.AsyncExitStack) -> None:
        self.server = server
        self._stack = stack
        self._open: dict[tuple[str, str], Connection] = {}

    async def admin(self, database: str = "postgres") -> Connection:
        """Return the administrator's connection to a database."""
        return await self.login(self.server.admin, database)

    async def login(self, login: Login, database: str) -> Connection:
        """Return a connection of this login to a database."""
        key = login.username, database
        if key not in self._open:
            self._open[key] = await self._connect(login, database)
            self._stack.push_async_callback(self.close, *key)
        return self._open[key]

    async def close(self, username: str, database: str) -> None:
        """Close a connection, so that its database can be dropped."""
        connection = self._open.pop((username, database), None)
        if connection is not None:
            with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError):
                await connection.close(timeout=_TIMEOUT_SECONDS)

    async def close_database(self, database: str) -> None:
        """Close every connection of this session to a database."""
        for username, opened in list(self._open):
            if opened == database:
                await self.close(username, database)

    async def has_database(self, database: str) -> bool:
        """Return True if the server has the database."""
        admin = await self.admin()
        with failures():
            found = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database)
        return found is not None

    async def owner_of_role(self, role: str) -> str | None:
        """Return the owner in a role's mark, empty without a mark, None without the role."""
        admin = await self.admin()
        with failures():
            comment = await admin.fetchval(
                "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') "
                "FROM pg_roles WHERE rolname = $1",
                role,
            )
        return None if comment is None else owner_in(comment)

    async def _connect(self, login: Login, database: str) -> Connection:
        server = self.server
        opening = asyncio.ensure_future(
            asyncpg.connect(
                host=server.host,
                port=server.port,
                user=login.username,
                password=login.password,
                database=database,
                timeout=_TIMEOUT_SECONDS,
                command_timeout=_COMMAND_SECONDS,
                server_settings=_SETTINGS,
            )
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # asyncpg leaves its socket open when it is cancelled while it connects.
            with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError):
                (await opening).terminate()
            raise
        except (
            asyncpg.InvalidAuthorizationSpecificationError,
            asyncpg.InsufficientPrivilegeError,
        ) as error:
            raise StoreError(
                "AccessDenied", f"PostgreSQL refuses {login.username} in {database}: {error}"
            ) from error
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise StoreError(
                "Unreachable",
                f"PostgreSQL at {server.host}:{server.port} does not answer "
                f"({error or 'timeout'}); is it running, and may the operator reach it?",
            ) from error


@contextlib.contextmanager
def failures() -> Iterator[None]:
    """Turn errors of PostgreSQL and of the connection into StoreError."""
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreError("StoreFailed", f"PostgreSQL: {error or repr(error)}") from error


def mark(owner: str) -> str:
    """Return the comment that marks a role as a ShopService's."""
    return _MARK + owner


def owner_in(comment: str) -> str:
    """Return the owner in a mark; empty for any other comment."""
    return comment.removeprefix(_MARK) if comment.startswith(_MARK) else ""


def quoted(identifier: str) -> str:
    """Return an identifier as SQL text."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a string as SQL text; used where parameters are not allowed."""
    return "'" + text.replace("'", "''") + "'"
