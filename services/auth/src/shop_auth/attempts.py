"""Attempts to sign in, counted in Redis by account, whether the account exists or not.

An attempt is counted before the password is checked and taken back unless it was wrong, so any
number of attempts at once is bounded like any number one after another.
"""

import hashlib
import unicodedata
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from redis.asyncio import Redis

from shop_shared.emails import BadEmailError, canonical

_BEGIN = Path(__file__).with_name("begin_attempt.lua").read_text()
_TAKE_BACK = """
if tonumber(redis.call('HGET', KEYS[1], 'count') or '0') > 0 then
  redis.call('HINCRBY', KEYS[1], 'count', -1)
end
"""
_FORGET = "if redis.call('HGET', KEYS[1], 'since') == ARGV[1] then redis.call('DEL', KEYS[1]) end"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt that was counted, or refused because too many were wrong."""

    account: str
    is_allowed: bool
    retry_after: int
    """Seconds until the count starts anew."""
    first_at: float
    """When the first attempt of this count was made, in seconds since 1970."""


def account_key(email: str) -> str:
    """Return the key that every spelling of an e-mail address has; no address is readable in it."""
    try:
        address = canonical(email)
    except BadEmailError:
        address = unicodedata.normalize("NFC", email.strip().casefold())
    return hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()


class SignInAttempts:
    """Bounds wrong passwords. Every method raises ``redis.RedisError`` when Redis is gone."""

    def __init__(self, redis: Redis, *, prefix: str, limit: int, window_s: int) -> None:
        self._redis = redis
        self._prefix = prefix
        self._limit = limit
        self._window_s = window_s
        self._begin = redis.register_script(_BEGIN)
        self._take_back = redis.register_script(_TAKE_BACK)
        self._forget = redis.register_script(_FORGET)

    async def begin(self, account: str, *, at: datetime) -> Attempt:
        """Count an attempt, or refuse it; the window starts at the first."""
        allowed, seconds, since = await cast(
            "Awaitable[tuple[int, int, str]]",
            self._begin(
                keys=[self._key(account)], args=[self._limit, self._window_s, repr(at.timestamp())]
            ),
        )
        return Attempt(
            account=account,
            is_allowed=bool(allowed),
            retry_after=max(int(seconds), 1),
            first_at=float(since),
        )

    async def take_back(self, attempt: Attempt) -> None:
        """Do not count an attempt whose password was not found wrong."""
        await self._take_back(keys=[self._key(attempt.account)])

    async def forget(self, attempt: Attempt) -> None:
        """Forget the count that the attempt is part of; a newer one stays."""
        await self._forget(keys=[self._key(attempt.account)], args=[repr(attempt.first_at)])

    async def clear(self, attempt: Attempt) -> None:
        """Forget all wrong passwords: the right one came."""
        await self._redis.delete(self._key(attempt.account))

    def _key(self, account: str) -> str:
        return f"{self._prefix}sign-in-attempts:{account}"


def is_before(attempt: Attempt, changed_at: datetime | None) -> bool:
    """Return True if the count began before the password was changed: it tells nothing now."""
    if changed_at is None:
        return False
    return datetime.fromtimestamp(attempt.first_at, UTC) < changed_at
