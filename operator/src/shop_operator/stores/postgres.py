"""Databases, owners and replication roles in PostgreSQL.

An administrator makes roles and databases; what is inside a database, its owner does. Each step
looks first, so that a second pass writes nothing.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from shop_operator.children.access_secret import Login
from shop_operator.children.kafka_connector import capture_role, slot
from shop_operator.stores.account import DatabaseAccount, StoreError

_TIMEOUT_SECONDS: Final = 5
_MARK: Final = "minishop.dev/owner="


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL server, and who administers it."""

    host: str
    port: int
    admin: Login = field(repr=False)

    async def ensure(self, account: DatabaseAccount) -> bool:
        """Make the database and its roles; return whether the outbox is ready to be read.

        Raises StoreError: Unreachable, AccessDenied, NotOwned.
        """
        owner = Login(account.database, account.owner)
        async with self._connect(self.admin, "postgres") as admin:
            await self._role(admin, owner, account, "LOGIN")
            if account.capture is not None:
                login = Login(capture_role(account.database), account.capture)
                await self._role(admin, login, account, "LOGIN REPLICATION")
            await self._database(admin, account)
        await self._password(owner, account.database)
        if account.capture is not None:
            await self._password(
                Login(capture_role(account.database), account.capture), account.database
            )
        if account.outbox is None:
            return False
        async with self._connect(owner, account.database) as connection:
            return await _publish(connection, account, account.outbox)

    async def stop_capture(self, database: str) -> None:
        """Drop the slot, the publication and the replication role: a slot left pins the log.

        Raises StoreError.
        """
        async with self._connect(self.admin, "postgres") as admin:
            await _drop_slot(admin, slot(database))
            if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
                return
            role = capture_role(database)
            exists = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
        async with self._connect(self.admin, database) as connection:
            await connection.execute(f"DROP PUBLICATION IF EXISTS {_quoted(slot(database))}")
            if exists:
                await connection.execute(f"DROP OWNED BY {_quoted(role)}")
                await connection.execute(f"DROP ROLE {_quoted(role)}")

    async def drop(self, database: str, belongs_to: str) -> None:
        """Drop the database and its owner, when they belong to that ShopService.

        Raises StoreError.
        """
        async with self._connect(self.admin, "postgres") as admin:
            if await _mark_of(admin, database) != _MARK + belongs_to:
                return
            await admin.execute(f"DROP DATABASE IF EXISTS {_quoted(database)} WITH (FORCE)")
            await admin.execute(f"DROP ROLE IF EXISTS {_quoted(database)}")

    async def _role(
        self,
        admin: "asyncpg.Connection[asyncpg.Record]",
        login: Login,
        account: DatabaseAccount,
        rights: str,
    ) -> None:
        mark = await _mark_of(admin, login.username)
        wanted = _MARK + account.belongs_to
        if mark == wanted:
            return
        if mark is not None:
            raise StoreError(
                "NotOwned",
                f"role {login.username} in PostgreSQL is not of {account.belongs_to}; choose "
                f"another database.name, or hand it over: "
                f"COMMENT ON ROLE {_quoted(login.username)} IS '{wanted}'",
            )
        async with admin.transaction():
            password = _literal(login.password)
            name = _quoted(login.username)
            await admin.execute(f"CREATE ROLE {name} {rights} PASSWORD {password}")
            await admin.execute(f"COMMENT ON ROLE {name} IS {_literal(wanted)}")

    async def _database(
        self, admin: "asyncpg.Connection[asyncpg.Record]", account: DatabaseAccount
    ) -> None:
        name = account.database
        owner = await admin.fetchval(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", name
        )
        if owner is None:
            await admin.execute(f"CREATE DATABASE {_quoted(name)} OWNER {_quoted(name)}")
            await admin.execute(f"REVOKE CONNECT ON DATABASE {_quoted(name)} FROM PUBLIC")
        elif owner != name:
            raise StoreError(
                "NotOwned",
                f"database {name} in PostgreSQL is owned by {owner}; choose another database.name, "
                f"or hand it over: ALTER DATABASE {_quoted(name)} OWNER TO {_quoted(name)}",
            )
        if account.capture is not None:
            role = capture_role(name)
            if not await admin.fetchval(
                "SELECT has_database_privilege($1, $2, 'CONNECT')", role, name
            ):
                await admin.execute(f"GRANT CONNECT ON DATABASE {_quoted(name)} TO {_quoted(role)}")

    async def _password(self, login: Login, database: str) -> None:
        """Set a role's password when it is not the one that the Secret holds."""
        try:
            async with self._connect(login, database):
                return
        except StoreError as error:
            if error.reason != "AccessDenied":
                raise
        async with self._connect(self.admin, "postgres") as admin:
            password = _literal(login.password)
            await admin.execute(f"ALTER ROLE {_quoted(login.username)} LOGIN PASSWORD {password}")

    @contextlib.asynccontextmanager
    async def _connect(
        self, login: Login, database: str
    ) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        try:
            connection = await asyncpg.connect(
                host=self.host,
                port=self.port,
                user=login.username,
                password=login.password,
                database=database,
                timeout=_TIMEOUT_SECONDS,
                command_timeout=30,
            )
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
                f"PostgreSQL at {self.host}:{self.port} does not answer ({error or 'timeout'}); "
                "is it running, and may the operator reach it?",
            ) from error
        try:
            yield connection
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise StoreError("StoreFailed", f"PostgreSQL: {error}") from error
        finally:
            await connection.close(timeout=_TIMEOUT_SECONDS)


async def _publish(
    connection: "asyncpg.Connection[asyncpg.Record]", account: DatabaseAccount, outbox: str
) -> bool:
    """Publish the outbox once the migration has made it; say whether it is published."""
    table = ".".join(_quoted(part) for part in outbox.split("."))
    if await connection.fetchval("SELECT to_regclass($1)", table) is None:
        return False
    name = slot(account.database)
    role = _quoted(capture_role(account.database))
    if not await connection.fetchval("SELECT 1 FROM pg_publication WHERE pubname = $1", name):
        await connection.execute(
            f"CREATE PUBLICATION {_quoted(name)} FOR TABLE {table} WITH (publish = 'insert')"
        )
    readable = await connection.fetchval(
        "SELECT has_table_privilege($1, $2, 'SELECT')", capture_role(account.database), table
    )
    if not readable:
        await connection.execute(
            f"GRANT USAGE ON SCHEMA {_quoted(outbox.partition('.')[0])} TO {role}"
        )
        await connection.execute(f"GRANT SELECT ON {table} TO {role}")
    return True


async def _drop_slot(admin: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
    held = await admin.fetchrow(
        "SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1", name
    )
    if held is None:
        return
    if held["active_pid"] is not None:
        await admin.execute("SELECT pg_terminate_backend($1, 5000)", held["active_pid"])
    await admin.execute("SELECT pg_drop_replication_slot($1)", name)


async def _mark_of(admin: "asyncpg.Connection[asyncpg.Record]", role: str) -> str | None:
    """Return whose a role is; an empty string when it exists and nobody marked it."""
    found: str | None = await admin.fetchval(
        "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_roles WHERE rolname = $1",
        role,
    )
    return found


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
