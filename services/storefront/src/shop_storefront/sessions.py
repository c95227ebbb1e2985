"""Sessions: what the storefront knows of a browser, in Redis, found by an opaque cookie.

The cookie is 256 random bits and made here alone: a value that Redis does not know is never taken
over, and signing in, signing out and leaving make a new one, so nobody can prepare a session for
somebody else. Redis keeps the cookie's SHA-256: whoever reads there cannot become a visitor.
Each part is a field of its own, so that two requests at once do not undo one another.
"""

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from redis.asyncio import Redis

from shop_storefront.api_client import UNAUTHENTICATED, ApiError, ShopApi

FIRST_SECONDS = 3600
"""How long a browser is remembered that came once: robots come once."""
SESSION_SECONDS = 14 * 24 * 3600
"""How long one is remembered after it was last seen."""
REFRESH_BEFORE_SECONDS = 30
_LOCK_SECONDS = 20


@dataclass(frozen=True, slots=True)
class User:
    """Who is signed in, as the API said at sign-in."""

    id: str
    email: str
    name: str
    roles: tuple[str, ...]

    @property
    def is_staff(self) -> bool:
        """True for who may open the staff's pages."""
        return bool({"staff", "admin"} & set(self.roles))

    @property
    def is_admin(self) -> bool:
        """True for administrators."""
        return "admin" in self.roles


@dataclass(frozen=True, slots=True)
class Tokens:
    """The API's tokens; `expires_at` of the access token in seconds since 1970."""

    access: str
    refresh: str
    expires_at: float

    @classmethod
    def of_answer(cls, data: Mapping[str, Any]) -> "Tokens":
        """Read an answer of /v1/auth/token or /refresh."""
        return cls(
            access=data["access_token"],
            refresh=data["refresh_token"],
            expires_at=time.time() + int(data["expires_in"]),
        )

    @property
    def is_fresh(self) -> bool:
        """True while the access token is good for the next request."""
        return self.expires_at - REFRESH_BEFORE_SECONDS > time.time()


@dataclass(slots=True)
class Session:
    """A browser. `notices` are (kind, text) pairs shown by the next page."""

    id: str
    csrf: str
    is_new: bool = False
    user: User | None = None
    locale: str | None = None
    currency: str | None = None
    paying: str | None = None
    """The order whose payment page was opened last."""
    placed: str | None = None
    """The form that an order was placed by last, and the order: `key order`."""
    notices: list[tuple[str, str]] = field(default_factory=list)


class SessionEndedError(Exception):
    """The API no longer knows the session: its owner has to sign in again."""


def digest(value: str) -> str:
    """Return the SHA-256 of a cookie, in hex."""
    return hashlib.sha256(value.encode()).hexdigest()


class SessionStore:
    """Sessions in Redis. Every method may raise redis.RedisError."""

    def __init__(self, redis: "Redis", api: ShopApi, *, prefix: str = "") -> None:
        self._redis = redis
        self._api = api
        self._prefix = f"{prefix}storefront:session:"

    def key(self, session: Session) -> str:
        """Return where Redis keeps a session."""
        return self._prefix + digest(session.id)

    def begin(self) -> Session:
        """Make a session that is not kept yet."""
        return Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), is_new=True)

    async def load(self, cookie: str) -> Session | None:
        """Return the session that a cookie stands for, or None."""
        found = Session(cookie, "")
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(self.key(found))
        pipeline.expire(self.key(found), SESSION_SECONDS)
        fields, _ = await pipeline.execute()
        if not fields or b"csrf" not in fields:
            return None
        found.csrf = fields[b"csrf"].decode()
        if b"user" in fields:
            known = orjson.loads(fields[b"user"])
            found.user = User(**{**known, "roles": tuple(known["roles"])})
        for name in ("locale", "currency", "paying", "placed"):
            if name.encode() in fields:
                setattr(found, name, fields[name.encode()].decode())
        if b"notices" in fields:
            found.notices = [(kind, text) for kind, text in orjson.loads(fields[b"notices"])]
        return found

    async def keep(self, session: Session) -> None:
        """Keep a session that was begun; one that is kept already stays as it is."""
        if not session.is_new:
            return
        fields: dict[Any, Any] = {"csrf": session.csrf}
        if session.user is not None:
            fields["user"] = _user(session.user)
        for name in ("locale", "currency"):
            if value := getattr(session, name):
                fields[name] = value
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hset(self.key(session), mapping=fields)
        pipeline.expire(self.key(session), SESSION_SECONDS if session.user else FIRST_SECONDS)
        await pipeline.execute()
        session.is_new = False

    async def put(self, session: Session, **fields: str) -> None:
        """Set fields of a kept session: locale, currency, paying, placed."""
        await self._set(session, fields)
        for name, value in fields.items():
            setattr(session, name, value)

    async def put_user(self, session: Session, user: User) -> None:
        """Remember what is now known of who is signed in."""
        await self._set(session, {"user": _user(user)})
        session.user = user

    async def put_notices(self, session: Session) -> None:
        """Keep what the next page shall say, or forget it where that is nothing."""
        if session.notices:
            await self._set(session, {"notices": orjson.dumps(session.notices)})
        else:
            await self._redis.hdel(self.key(session), "notices")

    async def sign_in(self, session: Session, user: User, tokens: Tokens) -> Session:
        """Replace a session by a new one of a user, and return that."""
        signed_in = self.begin()
        signed_in.user, signed_in.locale = user, session.locale
        signed_in.currency = session.currency
        await self.keep(signed_in)
        await self._put_tokens(signed_in, tokens)
        await self.end(session)
        return signed_in

    async def end(self, session: Session) -> None:
        """Forget a session."""
        await self._redis.delete(self.key(session))

    async def access_token(self, session: Session, *, headers: Mapping[str, str]) -> str:
        """Return an access token that is good now; one request at a time renews it.

        `headers` go with the request that renews it.

        Raises SessionEndedError when the API refuses to, and ApiError when it cannot be asked.
        """
        tokens = await self._tokens(session)
        if tokens.is_fresh:
            return tokens.access
        name = f"{self.key(session)}:refreshing"
        async with self._redis.lock(name, timeout=_LOCK_SECONDS, blocking_timeout=_LOCK_SECONDS):
            tokens = await self._tokens(session)  # another request may have renewed them
            if not tokens.is_fresh:
                tokens = await self._refreshed(session, tokens, headers)
        return tokens.access

    async def _refreshed(
        self, session: Session, tokens: Tokens, headers: Mapping[str, str]
    ) -> Tokens:
        body = {"refresh_token": tokens.refresh}
        try:
            answer = await self._api.call("POST", "/v1/auth/refresh", body=body, headers=headers)
        except ApiError as error:
            if error.status == UNAUTHENTICATED:
                raise SessionEndedError from error
            raise
        renewed = Tokens.of_answer(answer.data)
        await self._put_tokens(session, renewed)
        return renewed

    async def _tokens(self, session: Session) -> Tokens:
        stored = await self._redis.hget(self.key(session), "tokens")
        if stored is None:
            raise SessionEndedError
        return Tokens(**orjson.loads(stored))

    async def _put_tokens(self, session: Session, tokens: Tokens) -> None:
        await self._set(session, {"tokens": orjson.dumps(tokens)})

    async def _set(self, session: Session, fields: dict[Any, Any]) -> None:
        """Set fields; those of a session that another request has just ended are forgotten too."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hset(self.key(session), mapping=fields)
        pipeline.expire(self.key(session), SESSION_SECONDS)
        await pipeline.execute()


def _user(user: User) -> bytes:
    return orjson.dumps(user)
