"""A user of Redis that reaches the keys of one service, and those of others that it may read.

Redis has no place for a comment, so a key pattern that no key has is the mark: it gives the user
nothing. A user without a mark that has the password of our Secret is ours too. Redis tells commands
in a form of its own, which is learnt when the rules are set.

Source: Redis manual, "ACL"; Valkey's is the same.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from shop_operator.stores.external import Found, Record
from shop_operator.stores.sessions import Sessions

_MARK: Final = "%R~minishop.dev/owner="
_OWNER: Final = re.compile(rf"{re.escape(_MARK)}(\S+)")
_COMMANDS: Final = (
    "+@all",
    "-@admin",
    "-@dangerous",
    # They tell the names of others' keys and channels, or take others' scripts away.
    "-scan",
    "-randomkey",
    "-dbsize",
    "-client|tracking",
    "-pubsub|channels",
    "-function",
    "-script|flush",
    "-script|kill",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUser:
    """A user with the keys that begin so, and others to read."""

    name: str
    prefix: str = ""
    reads: tuple[str, ...] = ()
    """Patterns of others' keys."""
    password: str = field(default="", repr=False)
    """Empty, like the prefix, if it is only to be released."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="redis", kind="CacheUser", name=self.name)

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live user."""
        live = await (await sessions.redis()).user(self.name)
        if live is None:
            return None
        found = _OWNER.search(_text(live["keys"]))
        owner = found[1] if found else ""
        if not owner and self.password and _hash(self.password) in live["passwords"]:
            owner = sessions.owner  # `~*` took the mark away; nobody else has this password
        hint = f"ACL SETUSER {self.name} {_MARK}{sessions.owner}"
        # Until the rules were set once, how Redis tells them is not known: then they may be so.
        known = _COMMANDS in sessions.servers.redis_commands
        as_declared = self._is_declared(sessions.owner, live) and (
            not known or self._has_commands(sessions, live)
        )
        return Found(owner, hint, as_declared=as_declared)

    async def ensure(self, sessions: Sessions) -> None:
        """Set the user's rules if they differ; its connections go on."""
        redis = await sessions.redis()
        live = await redis.user(self.name)
        if (
            live is not None
            and self._is_declared(sessions.owner, live)
            and self._has_commands(sessions, live)
        ):
            return
        rules = [f"#{_hash(self.password)}", *self._keys(sessions.owner), *self._channels()]
        await redis.set_user(self.name, "reset", "on", *rules, *_COMMANDS)
        now = await redis.user(self.name) or {}
        sessions.servers.redis_commands[_COMMANDS] = _text(now.get("commands", ""))

    async def release(self, sessions: Sessions) -> bool:
        """Drop the user. Its keys stay, for whoever has the prefix next."""
        await (await sessions.redis()).drop_user(self.name)
        return True

    def _has_commands(self, sessions: Sessions, live: dict[str, Any]) -> bool:
        return _text(live["commands"]) == sessions.servers.redis_commands.get(_COMMANDS)

    def _is_declared(self, owner: str, live: dict[str, Any]) -> bool:
        return (
            "on" in live["flags"]
            and "nopass" not in live["flags"]
            and list(live["passwords"]) == [_hash(self.password)]
            and _words(live["keys"]) == set(self._keys(owner))
            and _words(live["channels"]) == set(self._channels())
            and not live.get("selectors")
        )

    def _keys(self, owner: str) -> list[str]:
        patterns = [f"~{self.prefix}*", *(f"%R~{pattern}" for pattern in self.reads)]
        return [*patterns, f"{_MARK}{owner}"]

    def _channels(self) -> list[str]:
        return [f"&{self.prefix}*"]


def _hash(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


def _text(said: str | Iterable[str]) -> str:
    """Return what Redis 7 says as text and Redis 6 as a list."""
    return said if isinstance(said, str) else " ".join(said)


def _words(said: str | Iterable[str]) -> set[str]:
    return set(_text(said).split())
