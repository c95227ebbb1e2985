"""Where the signing keys come from: the secret, followed as it changes; in development, Redis.

A key that is new in the secret is published at once and signs once every verifier can have fetched
it; until then the key before signs. A key that left the secret stays published until its last token
has ended. So the secret may be replaced whole, as Vault's agent does, and no token is refused.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, cast

import structlog
from prometheus_client import Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shop_auth.keys import BadKeyError, KeyRing, SigningKey, new_pem
from shop_auth.published_keys import Jwk, PublishedKeys
from shop_auth.settings import Settings
from shop_shared.settings import read_secret

RELOAD_S: Final = 15
"""How often the secret's file is read again: rotation shows within this."""
CACHED_S: Final = 300
"""How long others may keep the key set (`Cache-Control`)."""
SETTLED_S: Final = CACHED_S + 2 * RELOAD_S
"""How long a key is published before it signs: each replica and each cache knows it by then."""
_SLACK_S: Final = 60
"""Clocks differ, and verifiers allow some seconds more."""
_log = structlog.get_logger(__name__)
_unreadable = Gauge(
    "auth_signing_keys_unreadable", "1 while the file of signing keys can't be read or used"
)


class KeySource:
    """The key ring as it is now."""

    def __init__(
        self, settings: Settings, redis: Redis, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._development_key = f"{settings.key_prefix}development:signing-keys"
        self._published = PublishedKeys(redis, prefix=settings.key_prefix)
        self._clock = clock
        self._ring: KeyRing | None = None
        self._others: list[Jwk] = []
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def ring(self) -> KeyRing:
        """Return the keys: the first signs. Raises ``RedisError`` in development without Redis."""
        if self._ring is not None and self._is_recent():
            return self._ring
        async with self._reading:
            if self._ring is None or not self._is_recent():
                self._ring = await self._settled(await self._read())
                self._read_at = self._clock()
            return self._ring

    async def jwks(self) -> dict[str, Any]:
        """Return the public halves, and those of keys whose tokens have not all ended."""
        own = (await self.ring()).jwks()["keys"]
        kids = {key["kid"] for key in own}
        return {"keys": [*own, *(key for key in self._others if key["kid"] not in kids)]}

    def _is_recent(self) -> bool:
        return 0 <= self._clock() - self._read_at <= RELOAD_S

    async def _read(self) -> KeyRing:
        """Return the keys of the secret; those of before if there are no good ones in it."""
        configured = self._settings.signing_keys
        if configured is None:
            return self._ring or await self._shared_in_development()
        try:
            changed = await asyncio.to_thread(read_secret, "signing_keys")
            if changed is None and self._ring is not None:
                return self._ring
            text = configured.get_secret_value() if changed is None else changed
            found = KeyRing.from_pem(text)
        except (BadKeyError, OSError, UnicodeDecodeError) as error:
            if self._ring is None:
                raise
            _unreadable.set(1)
            _log.error("signing keys not read; the old ones go on", error=str(error))
            return self._ring
        _unreadable.set(0)
        return found

    async def _settled(self, found: KeyRing) -> KeyRing:
        """Publish the keys; return them with one first that every verifier can know by now."""
        now = self._clock()
        before = () if self._ring is None else self._ring.keys[:1]
        kids = {key.kid for key in found.keys}
        candidates = [*found.keys, *(key for key in before if key.kid not in kids)]
        until = now + self._settings.access_token_seconds + RELOAD_S + _SLACK_S
        try:
            self._others, since = await self._published.publish(
                [key.jwk() for key in candidates], now=now, until=until
            )
        except RedisError as error:  # nobody signs in without Redis; what is known goes on
            _log.warning("signing keys not published", error=repr(error))
            return self._ring or found

        def is_settled(key: SigningKey) -> bool:
            return now - since.get(key.kid, now) >= SETTLED_S

        signer = next(filter(is_settled, candidates), None) or next(iter(before), found.keys[0])
        return KeyRing((signer, *(key for key in candidates if key.kid != signer.kid)))

    async def _shared_in_development(self) -> KeyRing:
        """Agree with the other replicas on one key: the first to write it has made it."""
        await self._redis.set(self._development_key, new_pem(), nx=True)
        _log.warning("development: signing with a key kept in Redis; never do so in production")
        return KeyRing.from_pem(cast("str", await self._redis.get(self._development_key)))
