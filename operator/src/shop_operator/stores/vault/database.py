"""Logins of PostgreSQL that Vault makes for a lease: a connection, and a role of its engine.

Each login is a member of the database's owner and acts as it from the first statement on, so that
what a migration makes is the owner's. A lease that ends takes its sessions with it. The connection
is marked in its URL, as the name that its sessions show; the role by a comment in its statements.

Source: OpenBao, "Database secrets engine (API)"; PostgreSQL manual, "Role Membership".
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from shop_operator.names import alternate
from shop_operator.stores.external import Found, Record
from shop_operator.stores.postgres.login_maker import LoginMaker
from shop_operator.stores.postgres.session import literal, quoted
from shop_operator.stores.sessions import Sessions
from shop_operator.stores.vault.marks import mark, owner_in
from shop_operator.stores.vault.session import VaultSession, is_told

_PASSWORD_BYTES: Final = 24
_LEASE_SECONDS: Final = 3600
_LONGEST_SECONDS: Final = 24 * 3600
_PLUGIN: Final = "postgresql-database-plugin"
_LOGIN: Final = '"{{name}}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How Vault reaches one database: as the role that makes its logins."""

    name: str
    database: str
    at: str = ""
    """host:port, as Vault reaches it; empty if the connection is only to be released."""
    rotated: str = ""
    """The rotation that its password is of; another has Vault given a new one."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(
            store="vault", kind="DatabaseConnection", name=self.name, database=self.database
        )

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live connection; its URL carries its mark."""
        vault = await sessions.vault()
        live = await vault.read(self._path(vault))
        if live is None:
            return None
        details = live.get("connection_details") or {}
        url = str(details.get("connection_url", ""))
        wanted = self._fields(sessions)
        as_declared = (
            live.get("plugin_name") == _PLUGIN
            and live.get("allowed_roles") == wanted["allowed_roles"]
            and url == wanted["connection_url"]
            and details.get("username") == wanted["username"]
        )
        if as_declared and self.at:
            as_declared = await self._maker.has_password(sessions)
        hint = f"add application_name={mark(sessions.owner)} to its connection_url"
        return Found(owner_in(unquote(url)), hint, as_declared=as_declared, read_whole=True)

    async def ensure(self, sessions: Sessions) -> None:
        """Give Vault the connection with a new password, if it differs or has none."""
        live = await self.read(sessions)
        if live is not None and live.as_declared:
            return
        vault, password = await sessions.vault(), secrets.token_urlsafe(_PASSWORD_BYTES)
        await self._maker.set_password(sessions, password)
        await vault.write(self._path(vault), self._fields(sessions) | {"password": password})

    async def release(self, sessions: Sessions) -> bool:
        """Delete the connection."""
        vault = await sessions.vault()
        await vault.delete(self._path(vault))
        return True

    @property
    def _maker(self) -> LoginMaker:
        return LoginMaker(name=login_maker(self.database), database=self.database)

    def _path(self, vault: VaultSession) -> str:
        return f"{vault.settings.vault_database_mount}/config/{self.name}"

    def _fields(self, sessions: Sessions) -> dict[str, Any]:
        name = quote(f"{mark(sessions.owner)} {self.rotated}".strip(), safe="")
        # The database's owner could have its role call functions of its own making.
        query = f"sslmode=prefer&search_path=pg_catalog&application_name={name}"
        login = "{{username}}:{{password}}"
        return {
            "plugin_name": _PLUGIN,
            "allowed_roles": [self.name, alternate(self.name)],
            "connection_url": f"postgresql://{login}@{self.at}/{self.database}?{query}",
            "username": login_maker(self.database),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRole:
    """What Vault does to make and to end a login of a database."""

    name: str
    database: str
    connection: str = ""
    """Empty if it is only to be released."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="vault", kind="LoginRole", name=self.name, database=self.database)

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live role; a comment in its statements is its mark."""
        vault = await sessions.vault()
        live = await vault.read(self._path(vault))
        if live is None:
            return None
        wanted = self._fields(sessions.owner)
        return Found(
            owner_in(" ".join(live.get("creation_statements") or ())),
            f"add the comment /* {mark(sessions.owner)} */ to its creation_statements",
            as_declared=is_told(live, wanted),
            read_whole=True,
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Write the role if it differs."""
        live = await self.read(sessions)
        if live is None or not live.as_declared:
            vault = await sessions.vault()
            await vault.write(self._path(vault), self._fields(sessions.owner))

    async def release(self, sessions: Sessions) -> bool:
        """End every login that it made, and delete it."""
        vault = await sessions.vault()
        mount = vault.settings.vault_database_mount
        # By today's statements, whatever version of the operator wrote the role.
        if await vault.read(self._path(vault)) is not None:
            await vault.write(self._path(vault), self._ending())
        await vault.write(f"sys/leases/revoke-prefix/{mount}/creds/{self.name}", {"sync": True})
        await vault.delete(self._path(vault))
        return True

    def _path(self, vault: VaultSession) -> str:
        return f"{vault.settings.vault_database_mount}/roles/{self.name}"

    def _fields(self, owner: str) -> dict[str, Any]:
        database, maker = quoted(self.database), quoted(login_maker(self.database))
        rights = "LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"
        return {
            "db_name": self.connection,
            "default_ttl": _LEASE_SECONDS,
            "max_ttl": _LONGEST_SECONDS,
            "credential_type": "password",
            "renew_statements": [],
            "rollback_statements": [],
            "creation_statements": [
                f"/* {mark(owner)} */ CREATE ROLE {_LOGIN} {rights} IN ROLE {database}",
                f"ALTER ROLE {_LOGIN} SET role TO {literal(self.database)}",
                f"GRANT {_LOGIN} TO {maker}",
            ],
            **self._ending(),
        }

    def _ending(self) -> dict[str, Any]:
        """Return what ends a login. One that PostgreSQL lost (by a restore, or a hand) has ended.

        Vault takes a block with END in it as one statement. What a session made after RESET ROLE
        would be its own, and keep the role from going.
        """
        sessions = "FROM pg_stat_activity WHERE usename = '{{name}}'"
        statement = (
            "DO $$ BEGIN PERFORM FROM pg_roles WHERE rolname = '{{name}}'; IF FOUND THEN "
            f"ALTER ROLE {_LOGIN} NOLOGIN; PERFORM pg_terminate_backend(pid, 5000) {sessions}; "
            f"REASSIGN OWNED BY {_LOGIN} TO {quoted(self.database)}; "
            f"DROP OWNED BY {_LOGIN}; DROP ROLE {_LOGIN}; END IF; END $$"
        )
        return {"revocation_statements": [statement]}


def login_maker(database: str) -> str:
    """Return the role by which Vault makes logins of a database."""
    return f"{database}_vault"
