"""A user and a database in MongoDB.

A user is marked by its customData. A database can't be marked: it is ours if its owner user is,
and another's if it has collections and no such user.

MongoDB hashes the passwords of SCRAM-SHA-256 itself and takes no verifier, so `createUser` and
`updateUser` carry the password; the server redacts it in its own log.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shop_operator.children.access_secret import Login
from shop_operator.spec import Deletion
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import Found, Record
from shop_operator.stores.mongodb.session import MongoSession
from shop_operator.stores.sessions import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of one database: its owner, another with its rights, or Debezium's."""

    name: str
    database: str
    capture: bool = False
    is_locked: bool = False
    """Whether nobody logs in by it: it stays as the mark of the database, without any right."""
    on_delete: Deletion
    password: str = field(default="", repr=False)
    """Empty if it is only to be released, or locked."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(
            store="mongodb",
            kind="CaptureUser" if self.capture else "User",
            name=self.name,
            database=self.database,
            on_delete=self.on_delete,
        )

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live user; its customData is its mark."""
        session = await sessions.mongodb()
        live = await session.user(self.name, self.database)
        if live is None:
            return None
        return Found(
            str((live.get("customData") or {}).get("owner", "")),
            f'in the database {self.database}: db.updateUser("{self.name}", '
            f'{{customData: {{owner: "{sessions.owner}"}}}})',
            as_declared=self._has_rights(live),
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Create the user with its mark, give it the rights it is to have, and check its login."""
        session = await sessions.mongodb()
        live = await session.user(self.name, self.database)
        if live is None:
            await session.run(
                self.database,
                "createUser",
                self.name,
                pwd=self.password or _nobodys(),
                roles=self._roles(),
                customData={"owner": sessions.owner},
            )
        elif not self._has_rights(live):
            locking = {"pwd": _nobodys()} if self.is_locked else {}
            sessions.distrust("mongodb", self.database, self.name)
            await session.run(
                self.database,
                "updateUser",
                self.name,
                roles=self._roles(),
                authenticationRestrictions=[],
                **locking,
            )
        known = "mongodb", self.database, self.name, self.password
        if not self.is_locked and not sessions.is_trusted(*known):
            await self._ensure_login(sessions, session)
            sessions.trust(*known)

    def _roles(self) -> list[dict[str, str]]:
        names = ("read",) if self.capture else ("readWrite", "dbAdmin")
        return [{"role": name, "db": self.database} for name in names if not self.is_locked]

    def _has_rights(self, live: dict[str, Any]) -> bool:
        """Return True if the user has its roles, and may log in from everywhere."""

        def named(roles: Iterable[dict[str, str]]) -> set[tuple[str, str]]:
            return {(role["role"], role["db"]) for role in roles}

        is_restricted = bool(live.get("authenticationRestrictions"))
        return named(live["roles"]) == named(self._roles()) and not is_restricted

    async def _ensure_login(self, sessions: Sessions, session: MongoSession) -> None:
        """Log in; if the server refuses, set the password that the Secret holds."""
        login = Login(self.name, self.password)
        try:
            await session.log_in(login, self.database)
        except StoreError as error:
            if error.reason != "AccessDenied":
                raise
        else:
            return
        sessions.distrust("mongodb", self.database, self.name)
        await session.run(self.database, "updateUser", self.name, pwd=self.password)
        await session.log_in(login, self.database)

    async def release(self, sessions: Sessions) -> bool:
        """Drop the user, unless it is retained."""
        if self.on_delete == "Drop":
            await (await sessions.mongodb()).run(self.database, "dropUser", self.name)
        return True


def _nobodys() -> str:
    """Return a password that nobody knows."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database that belongs to the user of the same name."""

    name: str
    on_delete: Deletion

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(
            store="mongodb",
            kind="Database",
            name=self.name,
            database=self.name,
            on_delete=self.on_delete,
        )

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live database; it is as its owner user is marked.

        MongoDB refuses two names that differ only in case, so such a one stands in the way too.
        """
        session = await sessions.mongodb()
        same = [each for each in await session.database_names() if each.lower() == self.name]
        if not same:
            return None
        if same != [self.name]:
            return Found("", f"it is called {same[0]}, and MongoDB ignores case here")
        owner = await session.owner_of_user(self.name, self.name)
        return Found(
            owner or "",
            f"it has collections that the operator did not make; use {self.name}; db.createUser({{"
            f'user: "{self.name}", pwd: passwordPrompt(), roles: ["readWrite", "dbAdmin"], '
            f'customData: {{owner: "{sessions.owner}"}}}})',
        )

    async def ensure(self, sessions: Sessions) -> None:
        """Do nothing: MongoDB makes a database with its first collection."""

    async def release(self, sessions: Sessions) -> bool:
        """Drop the database with everything in it, unless it is retained."""
        if self.on_delete == "Drop":
            await (await sessions.mongodb()).drop_database(self.name)
        return True
