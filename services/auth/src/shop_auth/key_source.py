"""Where the signing keys come from: the secret, followed as it changes; in development, Redis."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import structlog
from redis.asyncio import Redis

from shop_auth.keys import BadKeyError, KeyRing, new_pem
from shop_auth.settings import Settings
from shop_shared.settings import read_secret

RELOAD_S = 15
"""How often the secret's file is read again: rotation shows within this."""
_log = structlog.get_logger(__name__)


class KeySource:
    """The key ring as it is now."""

    def __init__(
        self, settings: Settings, redis: Redis, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._development_key = f"{settings.key_prefix}development:signing-keys"
        self._clock = clock
        self._ring: KeyRing | None = None
        self._read_at = float("-inf")

    async def ring(self) -> KeyRing:
        """Return the keys. Raises ``RedisError`` in development when Redis was never there."""
        if self._ring is None or self._clock() - self._read_at > RELOAD_S:
            self._ring = await self._read()
            self._read_at = self._clock()
        return self._ring

    async def jwks(self) -> dict[str, Any]:
        """Return the public halves."""
        return (await self.ring()).jwks()

    async def _read(self) -> KeyRing:
        configured = self._settings.signing_keys
        if configured is None:
            return self._ring or await self._shared_in_development()
        changed = await asyncio.to_thread(read_secret, "signing_keys")
        try:
            return KeyRing.from_pem(changed or configured.get_secret_value())
        except BadKeyError as error:
            if self._ring is None:
                raise
            _log.error("signing keys not read; the old ones go on", error=str(error))
            return self._ring

    async def _shared_in_development(self) -> KeyRing:
        """Agree with the other replicas on one key: the first to write it has made it."""
        await self._redis.set(self._development_key, new_pem(), nx=True)
        _log.warning("development: signing with a key kept in Redis; never do so in production")
        return KeyRing.from_pem(cast("str", await self._redis.get(self._development_key)))
