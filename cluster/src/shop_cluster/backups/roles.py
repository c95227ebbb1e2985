"""The roles of PostgreSQL that databases need, without passwords: the operator sets those anew.

Roles that make others are left out (Vault's, whose password only Vault knows; the operator makes
them anew, ADR 75), and so are logins that end by themselves, which are leases of Vault's.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from shop_cluster.backups.postgres_server import Connection

_ROLES: Final = """
    SELECT r.rolname AS name, rolcanlogin AS login, rolreplication AS replication,
           coalesce(shobj_description(r.oid, 'pg_authid'), '') AS comment,
           ARRAY(SELECT o.rolname::text FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid
                 WHERE m.member = r.oid ORDER BY 1) AS member_of,
           coalesce(rolconfig, '{}') AS settings
    FROM pg_roles r
    WHERE NOT rolsuper AND NOT rolcreaterole AND rolname NOT LIKE 'pg\\_%'
      AND coalesce(rolvaliduntil, 'infinity') = 'infinity'
    ORDER BY rolname
"""
_QUOTED: Final = "SELECT quote_ident($1)"


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role; its comment is by what the operator knows whose it is."""

    name: str
    login: bool
    replication: bool
    comment: str
    member_of: Sequence[str]
    settings: Sequence[str]
    """Each `name=value`, as ALTER ROLE … SET has them."""

    def as_json(self) -> dict[str, Any]:
        """Return it as a backup's catalogue has it."""
        return {**asdict(self), "member_of": [*self.member_of], "settings": [*self.settings]}


async def read_roles(connection: Connection) -> list[Role]:
    """Return the server's roles."""
    return [Role(**dict(row)) for row in await connection.fetch(_ROLES)]


async def create_missing(connection: Connection, roles: Sequence[Role]) -> None:
    """Make those roles that are not there, as they were, but without a password."""
    there = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    new = [role for role in roles if role.name not in there]
    for role in new:
        name = await _quoted(connection, role.name)
        rights = f"{'LOGIN' if role.login else 'NOLOGIN'} {'REPLICATION' * role.replication}"
        await connection.execute(f"CREATE ROLE {name} {rights}")
        comment = await connection.fetchval("SELECT quote_literal($1)", role.comment)
        await connection.execute(f"COMMENT ON ROLE {name} IS {comment}")
        for setting in role.settings:
            key, _, value = setting.partition("=")
            text = await connection.fetchval("SELECT quote_literal($1)", value)
            await connection.execute(
                f"ALTER ROLE {name} SET {await _quoted(connection, key)} TO {text}"
            )
    known = there | {role.name for role in roles}
    for role in new:
        for owner in known.intersection(role.member_of):
            await connection.execute(
                f"GRANT {await _quoted(connection, owner)}"
                f" TO {await _quoted(connection, role.name)}"
            )


async def _quoted(connection: Connection, name: str) -> str:
    quoted: str = await connection.fetchval(_QUOTED, name)
    return quoted
