"""Public keys that verifiers are to know, shared by the replicas in Redis.

A key is published by whichever replica reads it first, and stays until the last token that any
replica can have signed with it has ended. Private keys are never written here.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from redis.asyncio import Redis

Jwk = dict[str, str]
_FORGET_SECONDS: Final = 86400
"""How long it is known since when a key was published, after it ended."""


class PublishedKeys:
    """The public halves by their `kid`, and since when each is published."""

    def __init__(self, redis: Redis, *, prefix: str) -> None:
        self._redis = redis
        self._until = f"{prefix}published-keys"
        self._since = f"{prefix}published-keys-since"

    async def publish(
        self, keys: Iterable[Jwk], *, now: float, until: float
    ) -> tuple[list[Jwk], Mapping[str, float]]:
        """Publish keys until a time; return all that are published, and since when, by `kid`.

        Times are Unix time in seconds. Raises RedisError.
        """
        members = {_text(key): key["kid"] for key in keys}
        async with self._redis.pipeline(transaction=True) as batch:
            batch.zadd(self._until, dict.fromkeys(members, until), gt=True)
            batch.zadd(self._since, dict.fromkeys(members.values(), now), nx=True)
            batch.zremrangebyscore(self._until, "-inf", now)
            batch.zrange(self._until, 0, -1)
            batch.zrange(self._since, 0, -1, withscores=True)
            *_, published, since = await batch.execute()
        found = [json.loads(member) for member in published]
        kids = {key["kid"] for key in found}
        stale = [kid for kid, at in since if kid not in kids and at < now - _FORGET_SECONDS]
        if stale:
            await self._redis.zrem(self._since, *stale)
        return found, dict(since)


def _text(key: Jwk) -> str:
    """Return a key as a member of a set: the same for the same key."""
    return json.dumps(key, separators=(",", ":"), sort_keys=True)
