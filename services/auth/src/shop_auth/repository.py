"""Sessions and revocations in Redis.

Keys of one session share a hash tag, so the rotation script also runs on a Redis Cluster. Refresh
tokens are kept as SHA-256 only; they have 256 random bits, so no slow hash is needed.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from redis.asyncio import Redis

from shop_shared.http.tokens import CLOCK_SKEW

Rotation = Literal["rotated", "reused", "unknown"]
Start = Literal["started", "blocked", "outdated"]

_ROTATE = Path(__file__).with_name("rotate.lua").read_text()
_SET_EMAIL = """
if redis.call('EXISTS', KEYS[1]) == 0 then return end
local since = redis.call('HMGET', KEYS[1], 'email_version', 'account_version')
local known = tonumber(since[1] or since[2] or '') or 0
local version = tonumber(ARGV[2])
if version and version <= known then return end
redis.call('HSET', KEYS[1], 'email', ARGV[1], 'email_version', version or known)
"""
_RAISE = """
local known = tonumber(redis.call('GET', KEYS[1]) or '') or 0
redis.call('SET', KEYS[1], math.max(known, tonumber(ARGV[1])), 'EX', ARGV[2])
"""
_REVOCATION_MARGIN_S = int(CLOCK_SKEW) + 60
"""A revocation outlives the last access token by this much, for clocks that differ."""
MAX_SESSIONS = 50
"""Of one user; one more ends the oldest."""
MAX_SPENT = 6000
"""Refresh tokens of one session: at one each ten minutes, more than its life has."""
_BLOCK_S = 3600
"""How long a user's block or change stands: longer than any sign-in that was under way with it."""


@dataclass(frozen=True, kw_only=True)
class StoredSession:
    """A session as Redis has it."""

    id: str
    user_id: str
    email: str
    roles: tuple[str, ...]
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    account_version: int | None
    """The account's when the credentials were checked, where it is known."""


class _Keys:
    """Names of the keys. All begin with the service's prefix: it may reach no others."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def session(self, session_id: str) -> str:
        return f"{self._prefix}session:{{{session_id}}}"

    def spent(self, session_id: str) -> str:
        return f"{self._prefix}session:{{{session_id}}}:spent"

    def of_user(self, user_id: str) -> str:
        return f"{self._prefix}user-sessions:{user_id}"

    def revoked(self, session_id: str) -> str:
        return f"{self._prefix}revoked:sid:{session_id}"

    def blocked(self, user_id: str) -> str:
        return f"{self._prefix}blocked:user:{user_id}"

    def changed(self, user_id: str) -> str:
        return f"{self._prefix}changed:user:{user_id}"


class SessionStore:
    """Sessions by id and by user. Every method raises ``redis.RedisError`` when Redis is gone."""

    def __init__(self, redis: Redis, *, prefix: str, access_ttl_s: int, grace_s: int) -> None:
        self._redis = redis
        self._keys = _Keys(prefix)
        self._revocation_s = access_ttl_s + _REVOCATION_MARGIN_S
        self._grace_s = grace_s
        self._rotate = redis.register_script(_ROTATE)
        self._set_email = redis.register_script(_SET_EMAIL)
        self._raise = redis.register_script(_RAISE)

    async def start(self, session: StoredSession, *, token_hash: str) -> Start:
        """Keep ``session`` until it expires, unless its user is blocked or its account outdated.

        Of more than MAX_SESSIONS the oldest end.
        The block is read after the session is written, and a block is written before the user's
        sessions are listed: whichever comes first, a blocked user has no session. The same goes for
        a change after which older sessions end (``end_older``).
        """
        expires_at, known = int(session.expires_at.timestamp()), session.account_version
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(
                self._keys.session(session.id),
                mapping={
                    "user_id": session.user_id,
                    "email": session.email,
                    "roles": " ".join(session.roles),
                    "user_agent": session.user_agent,
                    "created_at": session.created_at.timestamp(),
                    "last_used_at": session.last_used_at.timestamp(),
                    "expires_at": expires_at,
                    "current": token_hash,
                    "previous": "",
                    "rotated_at": 0,
                    "graced": "0",
                    "account_version": "" if known is None else known,
                },
            )
            pipe.expireat(self._keys.session(session.id), expires_at)
            pipe.zremrangebyscore(
                self._keys.of_user(session.user_id), 0, session.created_at.timestamp()
            )
            pipe.zadd(self._keys.of_user(session.user_id), {session.id: expires_at})
            pipe.expire(
                self._keys.of_user(session.user_id),
                expires_at - int(session.created_at.timestamp()),
            )
            pipe.zrange(self._keys.of_user(session.user_id), 0, -1 - MAX_SESSIONS)
            pipe.exists(self._keys.blocked(session.user_id))
            pipe.get(self._keys.changed(session.user_id))
            *_, oldest, blocked, changed = await pipe.execute()
        await self.end(session.user_id, *oldest)
        outdated = known is not None and changed is not None and known < int(changed)
        if blocked or outdated:
            await self.end(session.user_id, session.id)
        return "blocked" if blocked else "outdated" if outdated else "started"

    async def rotate(
        self, session_id: str, *, presented: str, replacement: str, at: datetime
    ) -> Rotation:
        """Exchange the token hashed ``presented`` for the one hashed ``replacement``.

        Unknown too where the session has had MAX_SPENT tokens: each is kept, to know it again.
        """
        answer = await self._rotate(
            keys=[self._keys.session(session_id), self._keys.spent(session_id)],
            args=[presented, replacement, at.timestamp(), self._grace_s, MAX_SPENT],
        )
        return cast("Rotation", answer)

    async def get(self, session_id: str) -> StoredSession | None:
        """Return the session, or None when it ended."""
        fields = await cast(
            "Awaitable[dict[str, str]]", self._redis.hgetall(self._keys.session(session_id))
        )
        return _stored(session_id, fields) if "user_id" in fields else None

    async def of_user(self, user_id: str) -> list[StoredSession]:
        """Return the user's sessions, newest first."""
        session_ids = await self._ids(user_id)
        async with self._redis.pipeline(transaction=False) as pipe:
            for session_id in session_ids:
                pipe.hgetall(self._keys.session(session_id))
            rows = await pipe.execute()
        found = [
            _stored(session_id, fields)
            for session_id, fields in zip(session_ids, rows, strict=True)
            if fields
        ]
        return sorted(found, key=lambda session: session.created_at, reverse=True)

    async def end(self, user_id: str, *session_ids: str) -> None:
        """Forget the sessions and revoke the access tokens that are still out."""
        if not session_ids:
            return
        async with self._redis.pipeline(transaction=True) as pipe:
            for session_id in session_ids:
                pipe.delete(self._keys.session(session_id), self._keys.spent(session_id))
                pipe.set(self._keys.revoked(session_id), "1", ex=self._revocation_s)
            pipe.zrem(self._keys.of_user(user_id), *session_ids)
            await pipe.execute()

    async def end_all(self, user_id: str) -> None:
        """End all of the user's sessions."""
        await self.end(user_id, *await self._ids(user_id))

    async def end_older(self, user_id: str, *, version: int | None, keep: str | None) -> None:
        """End the sessions that began before the account had ``version``, but ``keep``.

        Without a version all but that end. A sign-in that is under way with an older one gets none.
        """
        if version is not None:
            await self._raise(keys=[self._keys.changed(user_id)], args=[version, _BLOCK_S])
        ending = [
            session.id
            for session in await self.of_user(user_id)
            if session.id != keep and (version is None or (session.account_version or 0) < version)
        ]
        await self.end(user_id, *ending)

    async def change_email(self, user_id: str, email: str, *, version: int | None) -> None:
        """Let the tokens of the user's sessions carry another e-mail address from now on.

        Those that know a later ``version`` of the account keep theirs.
        """
        for session_id in await self._ids(user_id):
            await self._set_email(
                keys=[self._keys.session(session_id)],
                args=[email, "" if version is None else version],
            )

    async def block(self, user_id: str) -> None:
        """End the user's sessions, those that are just being started among them."""
        await self._redis.set(self._keys.blocked(user_id), "1", ex=_BLOCK_S)
        await self.end_all(user_id)

    async def unblock(self, user_id: str) -> None:
        """Let the user sign in again."""
        await self._redis.delete(self._keys.blocked(user_id))

    async def _ids(self, user_id: str) -> list[str]:
        return cast("list[str]", await self._redis.zrange(self._keys.of_user(user_id), 0, -1))


def _stored(session_id: str, fields: Mapping[str, str]) -> StoredSession:
    def moment(name: str) -> datetime:
        return datetime.fromtimestamp(float(fields[name]), UTC)

    return StoredSession(
        id=session_id,
        user_id=fields["user_id"],
        email=fields["email"],
        roles=tuple(fields["roles"].split()),
        user_agent=fields["user_agent"],
        created_at=moment("created_at"),
        last_used_at=moment("last_used_at"),
        expires_at=moment("expires_at"),
        account_version=int(fields.get("account_version") or 0) or None,
    )
