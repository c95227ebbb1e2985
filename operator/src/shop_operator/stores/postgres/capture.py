"""Change data capture in PostgreSQL: the publication of the outbox and Debezium's slot.

Neither can be marked. A publication is its owner role's; a slot belongs to the database that it
decodes and to the capture role that made it. So both are as those roles are marked.
"""

from dataclasses import dataclass
from typing import Final

from shop_operator.children.access_secret import Login
from shop_operator.names import capture_role, slot
from shop_operator.stores.external import Found, Record
from shop_operator.stores.postgres.session import Connection, failures, owner_in, quoted
from shop_operator.stores.sessions import Sessions

_OWNER: Final = (
    "SELECT rolname, coalesce(shobj_description(r.oid, 'pg_authid'), '') AS comment, "
    "pubinsert AND NOT (pubupdate OR pubdelete OR pubtruncate) AS is_of_inserts "
    "FROM pg_publication JOIN pg_roles r ON r.oid = pubowner WHERE pubname = $1"
)
_PUBLISHED: Final = (
    "SELECT format('%I.%I', schemaname, tablename) FROM pg_publication_tables WHERE pubname = $1"
)
_FORMATTED: Final = "SELECT format('%I.%I', $1::text, $2::text)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The publication of an outbox table, which Debezium reads by its slot."""

    database: str
    outbox: str = ""
    """`schema.table`; empty if the publication is only to be released."""
    login: Login | None = None
    """What acts as the database's owner, who makes the publication; None if only to be released."""

    @property
    def name(self) -> str:
        """Name of the publication."""
        return slot(self.database)

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="postgres", kind="Publication", name=self.name, database=self.database)

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live publication; it is as its owner role is marked."""
        session = await sessions.postgres()
        if not await session.has_database(self.database):
            return None
        inside = await session.admin(self.database)
        with failures():
            row = await inside.fetchrow(_OWNER, self.name)
            if row is None:
                return None
            published = {found[0] for found in await inside.fetch(_PUBLISHED, self.name)}
            wanted = {await inside.fetchval(_FORMATTED, *self._parts())} if self.outbox else set()
        return Found(
            owner_in(row["comment"]) if row["rolname"] == self.database else "",
            f"it is owned by {row['rolname']}; in the database {self.database}: ALTER PUBLICATION "
            f"{quoted(self.name)} OWNER TO {quoted(self.database)}",
            as_declared=published == wanted and row["is_of_inserts"],
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Publish the outbox once the migration has made it, and let Debezium read it."""
        session = await sessions.postgres()
        if self.login is None:
            return
        owner = await session.login(self.login, self.database)
        table = ".".join(map(quoted, self._parts()))
        with failures():
            if await owner.fetchval("SELECT to_regclass($1)", table) is None:
                return
            await self._publish(owner, table)
            await self._grant(owner, table)

    async def release(self, sessions: Sessions) -> bool:
        """Drop the publication."""
        inside = await (await sessions.postgres()).admin(self.database)
        with failures():
            await inside.execute(f"DROP PUBLICATION {quoted(self.name)}")
        return True

    async def _publish(self, owner: Connection, table: str) -> None:
        published = {found[0] for found in await owner.fetch(_PUBLISHED, self.name)}
        live, name = await owner.fetchrow(_OWNER, self.name), quoted(self.name)
        inserts = "(publish = 'insert')"
        if live is None:
            await owner.execute(f"CREATE PUBLICATION {name} FOR TABLE {table} WITH {inserts}")
            return
        if not live["is_of_inserts"]:
            await owner.execute(f"ALTER PUBLICATION {name} SET {inserts}")
        if published != {await owner.fetchval(_FORMATTED, *self._parts())}:
            await owner.execute(f"ALTER PUBLICATION {name} SET TABLE {table}")
            for other in published:  # of an outbox that was renamed
                role = quoted(capture_role(self.database))
                await owner.execute(f"REVOKE SELECT ON {other} FROM {role}")  # noqa: S608 - quoted

    async def _grant(self, owner: Connection, table: str) -> None:
        role, schema = capture_role(self.database), self._parts()[0]
        may = (
            "SELECT has_schema_privilege($1, $2, 'USAGE') AND has_table_privilege($1, $3, 'SELECT')"
        )
        if not await owner.fetchval(may, role, schema, table):
            await owner.execute(f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {quoted(role)}")
            await owner.execute(f"GRANT SELECT ON {table} TO {quoted(role)}")

    def _parts(self) -> tuple[str, str]:
        schema, _, table = self.outbox.partition(".")
        return schema, table


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationSlot:
    """Debezium's position in the write-ahead log, which it pins. Debezium makes it."""

    database: str

    @property
    def name(self) -> str:
        """Name of the slot."""
        return slot(self.database)

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(
            store="postgres", kind="ReplicationSlot", name=self.name, database=self.database
        )

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live slot; it is as its database or its capture role is marked."""
        session = await sessions.postgres()
        admin = await session.admin()
        with failures():
            row = await admin.fetchrow(
                "SELECT database, active FROM pg_replication_slots WHERE slot_name = $1", self.name
            )
        if row is None:
            return None
        if row["database"] != self.database:
            return Found("", f"it reads the database {row['database'] or 'of a standby'}")
        roles = self.database, capture_role(self.database)
        owners = {await session.owner_of_role(role) for role in roles}
        owner = sessions.owner if sessions.owner in owners else next(filter(None, owners), "")
        return Found(owner, as_declared=row["active"])

    async def ensure(self, sessions: Sessions) -> None:
        """Do nothing: Debezium makes the slot together with its first snapshot."""

    async def release(self, sessions: Sessions) -> bool:
        """Drop the slot. Debezium is locked out first, or it would make the slot anew."""
        session = await sessions.postgres()
        admin, role = await session.admin(), capture_role(self.database)
        if await session.owner_of_role(role) == sessions.owner:
            with failures():
                await admin.execute(f"ALTER ROLE {quoted(role)} NOLOGIN")
                await admin.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE usename = $1",
                    role,
                )
        await self.drop(sessions)
        return True

    async def drop(self, sessions: Sessions) -> None:
        """Drop the slot, ending the connection that uses it."""
        admin = await (await sessions.postgres()).admin()
        with failures():
            await admin.execute(
                "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots "
                "WHERE slot_name = $1 AND active_pid IS NOT NULL",
                self.name,
            )
            await admin.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                "WHERE slot_name = $1 AND database = $2",
                self.name,
                self.database,
            )
