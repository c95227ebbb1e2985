"""The role by which Vault makes and ends logins of one database.

Only Vault knows its password, which `vault/database.py` sets. It holds no right of its own on data:
it may create roles, and grant them the database's owner.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shop_operator.stores.external import Found, Record
from shop_operator.stores.postgres.attributes import changes
from shop_operator.stores.postgres.scram import verifier
from shop_operator.stores.postgres.session import failures, literal, mark, owner_in, quoted
from shop_operator.stores.sessions import Sessions

_GIVEN_TO_VAULT: Final = "application_name=vault"
"""In the role's settings since Vault was given its password; anybody may read it there."""
_SIGNAL: Final = "pg_signal_backend"
_RIGHT: Final = "CREATEROLE"
_LIVE: Final = (
    "SELECT coalesce(shobj_description(r.oid, 'pg_authid'), '') AS comment, r.*, "
    "coalesce(rolvaliduntil, 'infinity') > now() AS is_valid, "
    "(SELECT count(DISTINCT roleid) FROM pg_auth_members WHERE member = r.oid AND "
    "(roleid = to_regrole($2) AND admin_option OR roleid = to_regrole($3))) AS memberships "
    "FROM pg_roles r WHERE rolname = $1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginMaker:
    """A role that creates logins for the database of the role `database`."""

    name: str
    database: str

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="postgres", kind="LoginMaker", name=self.name, database=self.database)

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
        """Create the role without a password, or make its rights again what they are to be."""
        live = await self._live(sessions)
        if live is not None and _is_declared(live):
            return
        admin, name = await (await sessions.postgres()).admin(), quoted(self.name)
        verb, right = ("CREATE", _RIGHT) if live is None else ("ALTER", changes(live, _RIGHT))
        with failures():
            async with admin.transaction():
                await admin.execute(f"{verb} ROLE {name} LOGIN {right} VALID UNTIL 'infinity'")
                await admin.execute(f"COMMENT ON ROLE {name} IS {literal(mark(sessions.owner))}")
                await admin.execute(f"GRANT {quoted(self.database)} TO {name} WITH ADMIN OPTION")
                await admin.execute(f"GRANT {_SIGNAL} TO {name}")

    async def _live(self, sessions: Sessions) -> Mapping[str, Any] | None:
        """Return the live role's comment, attributes and memberships."""
        admin = await (await sessions.postgres()).admin()
        names = self.name, quoted(self.database), _SIGNAL
        with failures():
            found: Mapping[str, Any] | None = await admin.fetchrow(_LIVE, *names)
        return found

    async def release(self, sessions: Sessions) -> bool:
        """Drop the role."""
        admin = await (await sessions.postgres()).admin()
        with failures():
            await admin.execute(f"ALTER ROLE {quoted(self.name)} NOLOGIN")
            await admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1",
                self.name,
            )
            await admin.execute(f"DROP ROLE {quoted(self.name)}")
        return True

    async def has_password(self, sessions: Sessions) -> bool:
        """Return True if the role is there and Vault was given its password."""
        admin = await (await sessions.postgres()).admin()
        with failures():
            found = await admin.fetchval(
                "SELECT rolconfig FROM pg_roles WHERE rolname = $1", self.name
            )
        return _GIVEN_TO_VAULT in (found or ())

    async def set_password(self, sessions: Sessions, password: str) -> None:
        """Set the password that Vault is given next."""
        admin, name = await (await sessions.postgres()).admin(), quoted(self.name)
        with failures():
            async with admin.transaction():
                await admin.execute(f"ALTER ROLE {name} PASSWORD {literal(verifier(password))}")
                await admin.execute(f"ALTER ROLE {name} SET {_GIVEN_TO_VAULT}")


def _is_declared(live: Mapping[str, Any]) -> bool:
    """Return True for a role that logs in and has its right, and both memberships."""
    may = live["rolcanlogin"] and live["is_valid"] and not changes(live, _RIGHT)
    return may and live["memberships"] == len(("owner", _SIGNAL))
