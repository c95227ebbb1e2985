"""A role and a database in PostgreSQL.

A role is marked by its comment. A database is its owner role's: it is ours if a role of the same
name owns it and that role carries our mark.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shop_operator.children.access_secret import Login
from shop_operator.spec import Deletion
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import Found, Record
from shop_operator.stores.postgres.attributes import changes
from shop_operator.stores.postgres.scram import verifier
from shop_operator.stores.postgres.session import failures, literal, mark, owner_in, quoted
from shop_operator.stores.sessions import Sessions

_LIVE: Final = (
    "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') AS comment, * "
    "FROM pg_roles WHERE rolname = $1"
)
_HAS_ALL: Final = (
    "SELECT bool_and(has_database_privilege($1::name, $1::text, each)) "
    "FROM unnest(ARRAY['CONNECT', 'CREATE', 'TEMPORARY']) AS each"
)
"""Whether a database's owner has the rights on it that an owner begins with, and may lose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role that logs in: a database's owner, or the one that Debezium captures with."""

    name: str
    database: str
    replication: bool = False
    is_locked: bool = False
    """Whether it may not log in: a member of it does (`member_role.py`)."""
    on_delete: Deletion
    password: str = field(default="", repr=False)
    """Empty if it is only to be released, or locked."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(
            store="postgres",
            kind="CaptureRole" if self.replication else "Role",
            name=self.name,
            database=self.database,
            on_delete=self.on_delete,
        )

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live role; its comment is its mark."""
        live = await self._live(sessions)
        if live is None:
            return None
        comment = literal(mark(sessions.owner))
        return Found(
            owner_in(live["comment"]),
            f"COMMENT ON ROLE {quoted(self.name)} IS {comment}",
            as_declared=not self._changes(live) and not (self.is_locked and live["rolcanlogin"]),
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Create the role with its mark, or give it its attributes; let the capture role in."""
        session, live = await sessions.postgres(), await self._live(sessions)
        if live is None:
            await self._create(sessions)
        elif options := self._changes(live):
            admin = await session.admin()
            with failures():
                await admin.execute(f"ALTER ROLE {quoted(self.name)} {options}")
        if self.is_locked and live is not None and live["rolcanlogin"]:
            await lock(sessions, self.name)
        if self.replication:
            admin, database = await session.admin(), quoted(self.database)
            with failures():
                may = "SELECT has_database_privilege($1, $2, 'CONNECT')"
                if not await admin.fetchval(may, self.name, self.database):
                    await admin.execute(
                        f"GRANT CONNECT ON DATABASE {database} TO {quoted(self.name)}"
                    )
            await ensure_login(sessions, Login(self.name, self.password), self.database)

    async def _live(self, sessions: Sessions) -> Mapping[str, Any] | None:
        """Return the live role's comment and attributes."""
        admin = await (await sessions.postgres()).admin()
        with failures():
            found: Mapping[str, Any] | None = await admin.fetchrow(_LIVE, self.name)
        return found

    def _changes(self, live: Mapping[str, Any]) -> str:
        return changes(live, "REPLICATION" if self.replication else "")

    async def _create(self, sessions: Sessions) -> None:
        session = await sessions.postgres()
        rights = "REPLICATION" if self.replication else ""
        name = quoted(self.name)
        admin = await session.admin()
        with failures():
            async with admin.transaction():
                await admin.execute(f"CREATE ROLE {name} {rights} {_login(self.password)}")
                await admin.execute(f"COMMENT ON ROLE {name} IS {literal(mark(sessions.owner))}")

    async def release(self, sessions: Sessions) -> bool:
        """Drop the role with its rights in its database, unless it is retained."""
        if self.on_delete == "Retain":
            return True
        session = await sessions.postgres()
        if self.replication and await session.has_database(self.database):
            inside = await session.admin(self.database)
            with failures():
                await inside.execute(f"DROP OWNED BY {quoted(self.name)}")
        admin = await session.admin()
        with failures():
            await admin.execute(f"DROP ROLE {quoted(self.name)}")
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database that belongs to the role of the same name."""

    name: str
    on_delete: Deletion
    login: Login | None = None
    """What its service logs in by; None if it is only to be released."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(
            store="postgres",
            kind="Database",
            name=self.name,
            database=self.name,
            on_delete=self.on_delete,
        )

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live database; it is as its owner role is marked."""
        admin = await (await sessions.postgres()).admin()
        with failures():
            row = await admin.fetchrow(
                "SELECT rolname, coalesce(shobj_description(r.oid, 'pg_authid'), '') AS comment "
                "FROM pg_database JOIN pg_roles r ON r.oid = datdba WHERE datname = $1",
                self.name,
            )
        if row is None:
            return None
        name, comment = quoted(self.name), literal(mark(sessions.owner))
        return Found(
            owner_in(row["comment"]) if row["rolname"] == self.name else "",
            f"it is owned by {row['rolname']}; CREATE ROLE {name} LOGIN; COMMENT ON ROLE {name} IS "
            f"{comment}; ALTER DATABASE {name} OWNER TO {name}",
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Create the database, let in only roles that were granted to, and check its login."""
        session = await sessions.postgres()
        admin, name = await session.admin(), quoted(self.name)
        if not await session.has_database(self.name):
            async with sessions.servers.creating:
                with failures():
                    await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
        with failures():
            if await admin.fetchval(
                "SELECT has_database_privilege('public', $1, 'CONNECT')", self.name
            ):
                await admin.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
            if not await admin.fetchval(_HAS_ALL, self.name):
                await admin.execute(f"GRANT ALL ON DATABASE {name} TO {name}")
        if self.login is not None:
            await ensure_login(sessions, self.login, self.name)

    async def release(self, sessions: Sessions) -> bool:
        """Drop the database with everything in it, unless it is retained."""
        if self.on_delete == "Retain":
            return True
        session = await sessions.postgres()
        await session.close_database(self.name)
        admin = await session.admin()
        with failures():
            await admin.execute(f"DROP DATABASE {quoted(self.name)} WITH (FORCE)")
        return True


async def ensure_login(sessions: Sessions, login: Login, database: str) -> None:
    """Log in; if the server refuses, set the password that the Secret holds."""
    known = "postgres", login.username, login.password
    if sessions.is_trusted(*known):
        return
    session = await sessions.postgres()
    try:
        await session.login(login, database)
    except StoreError as error:
        if error.reason != "AccessDenied":
            raise
        admin = await session.admin()
        sessions.distrust("postgres", login.username)
        with failures():
            await admin.execute(f"ALTER ROLE {quoted(login.username)} {_login(login.password)}")
        await session.login(login, database)
    sessions.trust(*known)


async def lock(sessions: Sessions, role: str) -> None:
    """Take a role its password and the right to log in, and end its sessions."""
    admin = await (await sessions.postgres()).admin()
    sessions.distrust("postgres", role)
    with failures():
        await admin.execute(f"ALTER ROLE {quoted(role)} NOLOGIN PASSWORD NULL")
        await admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1", role
        )


def _login(password: str) -> str:
    """Return the options of a role that logs in by a password; of one that can't without any."""
    if not password:
        return "NOLOGIN"
    return f"LOGIN PASSWORD {literal(verifier(password))} VALID UNTIL 'infinity'"
