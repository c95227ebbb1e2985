"""The role by which Vault makes and ends logins of one database.

Only Vault knows its password, which `vault/database.py` sets. It holds no right of its own on data:
it may create roles, and grant them the database's owner.
"""

from dataclasses import dataclass
from typing import Final

from shop_operator.stores.external import Found, Record
from shop_operator.stores.postgres.scram import verifier
from shop_operator.stores.postgres.session import failures, literal, mark, owner_in, quoted
from shop_operator.stores.sessions import Sessions

_GIVEN_TO_VAULT: Final = "application_name=vault"
"""In the role's settings since Vault was given its password; anybody may read it there."""
_SIGNAL: Final = "pg_signal_backend"
_MEMBERSHIPS: Final = (
    "SELECT count(*) FROM pg_auth_members "
    "WHERE member = to_regrole($1) AND (roleid = to_regrole($2) AND admin_option "
    "OR roleid = to_regrole('pg_signal_backend'))"
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
        admin = await (await sessions.postgres()).admin()
        with failures():
            row = await admin.fetchrow(
                "SELECT coalesce(shobj_description(oid, 'pg_authid'), '') AS comment, "
                "rolcanlogin AND rolcreaterole AND NOT rolsuper "
                "AND coalesce(rolvaliduntil, 'infinity') > now() AS may FROM pg_roles "
                "WHERE rolname = $1",
                self.name,
            )
            if row is None:
                return None
            memberships = await admin.fetchval(
                _MEMBERSHIPS, quoted(self.name), quoted(self.database)
            )
        return Found(
            owner_in(row["comment"]),
            f"COMMENT ON ROLE {quoted(self.name)} IS {literal(mark(sessions.owner))}",
            as_declared=row["may"] and memberships == len((self.database, _SIGNAL)),
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Create the role without a password, or give it back the rights that it lost."""
        live = await self.read(sessions)
        if live is not None and live.as_declared:
            return
        admin = await (await sessions.postgres()).admin()
        name, rights = quoted(self.name), "LOGIN CREATEROLE NOSUPERUSER VALID UNTIL 'infinity'"
        with failures():
            async with admin.transaction():
                verb = "CREATE" if live is None else "ALTER"
                await admin.execute(f"{verb} ROLE {name} {rights}")
                await admin.execute(f"COMMENT ON ROLE {name} IS {literal(mark(sessions.owner))}")
                await admin.execute(f"GRANT {quoted(self.database)} TO {name} WITH ADMIN OPTION")
                await admin.execute(f"GRANT {_SIGNAL} TO {name}")

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
