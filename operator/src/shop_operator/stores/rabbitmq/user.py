"""A user of RabbitMQ with the queues and exchanges of one service.

Its tags carry the mark; one without a mark that has the password of our Secret is ours too. What it
may reach begins with the service's name and a dot; it may also publish through the default
exchange, by which a message goes to a queue of a known name.

Source: RabbitMQ manual, "Access control"; "Password hashing" for the hash with its salt.
"""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import Found, Record
from shop_operator.stores.rabbitmq.session import RabbitSession
from shop_operator.stores.sessions import Sessions

_MARK: Final = "minishop.dev/owner="
_SALT_BYTES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueUser:
    """A user of one virtual host, for names that begin with a prefix."""

    name: str
    vhost: str = "/"
    prefix: str = ""
    password: str = field(default="", repr=False)
    """Empty, like the prefix, if it is only to be released."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="rabbitmq", kind="QueueUser", name=self.name)

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live user; its tags are its mark."""
        session = await sessions.rabbitmq()
        live = await session.user(self.name)
        if live is None:
            return None
        marks = [tag.removeprefix(_MARK) for tag in _tags(live) if tag.startswith(_MARK)]
        owner = marks[0] if marks else ""
        if not owner and self.password and self._has_password(live):
            owner = sessions.owner
        hint = f"rabbitmqctl set_user_tags {self.name} {_MARK}{sessions.owner}"
        as_declared = self._is_user(sessions.owner, live) and await self._may_as_declared(session)
        return Found(owner, hint, as_declared=as_declared)

    async def ensure(self, sessions: Sessions) -> None:
        """Make the user, or put right its password, tags and permissions."""
        session = await sessions.rabbitmq()
        live = await session.user(self.name)
        if live is None or not self._is_user(sessions.owner, live):
            hashed = _hashed(self.password, secrets.token_bytes(_SALT_BYTES))
            tags = f"{_MARK}{sessions.owner}"
            await session.set_user(self.name, password_hash=hashed, tags=tags)
        if await self._may_as_declared(session):
            return
        for entry in await session.permissions(self.name):
            if entry["vhost"] != self.vhost:
                await session.drop_permissions(self.name, entry["vhost"])
        await session.set_permissions(self.name, self.vhost, self._fields())
        if not await self._may_as_declared(session):
            raise StoreError(
                "StoreFailed",
                f"RabbitMQ has no virtual host {self.vhost}, or does not keep what is set in it",
            )

    async def release(self, sessions: Sessions) -> bool:
        """Drop the user. Its queues stay, with what is in them."""
        await (await sessions.rabbitmq()).drop_user(self.name)
        return True

    def _is_user(self, owner: str, live: dict[str, Any]) -> bool:
        return _tags(live) == [f"{_MARK}{owner}"] and self._has_password(live)

    def _has_password(self, live: dict[str, Any]) -> bool:
        stored = str(live.get("password_hash") or "")
        salt = base64.b64decode(stored)[:_SALT_BYTES]
        return stored == _hashed(self.password, salt)

    async def _may_as_declared(self, session: RabbitSession) -> bool:
        wanted = {"user": self.name, "vhost": self.vhost, **self._fields()}
        return await session.permissions(self.name) == [wanted]

    def _fields(self) -> dict[str, str]:
        own = f"^{re.escape(self.prefix)}"
        return {"configure": own, "write": rf"{own}|^amq\.default$", "read": own}


def _tags(live: dict[str, Any]) -> list[str]:
    """Return a user's tags, which RabbitMQ before 3.9 tells as text."""
    tags = live.get("tags") or []
    return tags.split(",") if isinstance(tags, str) else list(tags)


def _hashed(password: str, salt: bytes) -> str:
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
