"""The second login of a database: a member of the owner, which acts as it.

Its sessions are the owner's from their first statement on (`ALTER ROLE ... SET role`), as those of
a login from Vault (ADR 75), so that what a migration makes is the owner's, whichever of the two
logins the service has. Why there are two: ADR 86.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shop_operator.children.access_secret import Login
from shop_operator.stores.external import Found, Record
from shop_operator.stores.postgres.attributes import changes
from shop_operator.stores.postgres.database import lock
from shop_operator.stores.postgres.scram import verifier
from shop_operator.stores.postgres.session import failures, literal, mark, owner_in, quoted
from shop_operator.stores.sessions import Sessions

_LIVE = (
    "SELECT coalesce(shobj_description(r.oid, 'pg_authid'), '') AS comment, r.*, "
    "coalesce(rolconfig, '{}') @> ARRAY['role=' || $2] AND EXISTS (SELECT 1 FROM pg_auth_members "
    "WHERE member = r.oid AND roleid = to_regrole($3)) AS is_member "
    "FROM pg_roles r WHERE rolname = $1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRole:
    """A role that logs in to the database of the role `database`."""

    name: str
    database: str
    password: str = field(default="", repr=False)
    """Empty if it is only to be released."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="postgres", kind="MemberRole", name=self.name, database=self.database)

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live role; its comment is its mark."""
        live = await self._live(sessions)
        if live is None:
            return None
        return Found(
            owner_in(live["comment"]),
            f"COMMENT ON ROLE {quoted(self.name)} IS {literal(mark(sessions.owner))}",
            as_declared=_is_declared(live),
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Create the role with its mark, or make it a member again.

        Whether its password is the declared one, the database's login tells.
        """
        live = await self._live(sessions)
        if live is not None and _is_declared(live):
            return
        admin = await (await sessions.postgres()).admin()
        login = Login(self.name, self.password)
        name, owner = quoted(login.username), quoted(self.database)
        rights = f"LOGIN PASSWORD {literal(verifier(login.password))}"
        if live is not None:
            rights = f"{rights} {changes(live)}"
        with failures():
            async with admin.transaction():
                verb = "CREATE" if live is None else "ALTER"
                await admin.execute(f"{verb} ROLE {name} {rights}")
                await admin.execute(f"COMMENT ON ROLE {name} IS {literal(mark(sessions.owner))}")
                await admin.execute(f"GRANT {owner} TO {name}")
                await admin.execute(f"ALTER ROLE {name} SET role TO {literal(self.database)}")

    async def release(self, sessions: Sessions) -> bool:
        """End its sessions and drop it; what it made after RESET ROLE goes to the owner."""
        session = await sessions.postgres()
        await lock(sessions, self.name)
        name = quoted(self.name)
        if await session.has_database(self.database):
            inside = await session.admin(self.database)
            with failures():
                await inside.execute(f"REASSIGN OWNED BY {name} TO {quoted(self.database)}")
                await inside.execute(f"DROP OWNED BY {name}")
        admin = await session.admin()
        with failures():
            await admin.execute(f"DROP ROLE {name}")
        return True

    async def _live(self, sessions: Sessions) -> Mapping[str, Any] | None:
        """Return the live role's comment, attributes and membership."""
        admin = await (await sessions.postgres()).admin()
        names = self.name, self.database, quoted(self.database)
        with failures():
            found: Mapping[str, Any] | None = await admin.fetchrow(_LIVE, *names)
        return found


def _is_declared(live: Mapping[str, Any]) -> bool:
    return live["rolcanlogin"] and live["is_member"] and not changes(live)
