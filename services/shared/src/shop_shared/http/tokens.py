"""Verifying access tokens: EdDSA only, keys by JWKS.

A token's signature is checked once, and again when the keys have been fetched anew.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.request import urlopen

import jwt
import orjson
import structlog
from prometheus_client import Counter

from shop_shared.breaker import CircuitBreaker, ConsecutiveFailures, Outcome
from shop_shared.http.problems import Unauthenticated, Unavailable
from shop_shared.settings import ServiceSettings

if TYPE_CHECKING:
    from redis.asyncio import Redis

ALGORITHM = "EdDSA"
REFRESH_AT_MOST_EVERY = 10.0
"""Seconds between two fetches of the keys, whatever unknown `kid`s arrive (no amplification)."""
REFRESH_AFTER = 600.0
"""Seconds after which the keys are fetched again, so that a withdrawn one stops counting."""
LEEWAY = 5.0
CLOCK_SKEW = 120.0
"""Seconds that auth's clock may be ahead: else nobody whom it has just signed in gets in here."""
CACHE_SIZE = 10_000
MAX_TOKEN_BYTES = 8 * 1024
_log = structlog.get_logger(__name__)
_unchecked = Counter("token_revocation_unchecked", "Tokens whose revocation could not be checked")

Jwks = dict[str, Any]


class SessionEnded(Unauthenticated):
    """A good token of a session that was ended before the token expired."""

    def __init__(self) -> None:
        super().__init__("The session has ended.", error="invalid_token")


class Revocations(Protocol):
    """Says which sessions have ended."""

    async def is_revoked(self, session_id: str) -> bool:
        """Say whether the session has ended. Raises Unavailable where it must be known."""

    async def close(self) -> None:
        """Let go of what is asked."""


class TokenVerifier:
    """Verifies tokens by a key set that fetch returns; safe for one event loop."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Jwks]],
        *,
        issuer: str,
        audience: str,
        revocations: Revocations | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._issuer = issuer
        self._audience = audience
        self._revocations = revocations
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._verified: dict[bytes, dict[str, Any]] = {}

    async def verify(self, token: str) -> dict[str, Any]:
        """Return the claims. Raises Unauthenticated; Unavailable while no key can be had.

        SessionEnded is the one Unauthenticated that a verifier without revocations can't tell.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise Unauthenticated("The token is too long.", error="invalid_token")
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        # By keys that are no longer known to count, it is checked anew.
        claims = self._verified.get(digest) if self._age() < REFRESH_AFTER else None
        if claims is None:
            claims = await self._decode(token)
            while len(self._verified) >= CACHE_SIZE:
                del self._verified[next(iter(self._verified))]
            self._verified[digest] = claims
        elif claims["exp"] + LEEWAY <= self._clock():
            del self._verified[digest]
            raise Unauthenticated("The token has expired.", error="invalid_token")
        session_id = claims.get("sid")
        if (
            self._revocations
            and session_id is not None
            and await self._revocations.is_revoked(session_id)
        ):
            raise SessionEnded
        return claims

    async def _decode(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != ALGORITHM:
                raise jwt.InvalidAlgorithmError
            key = await self._key(header.get("kid"))
            # Times are checked below, by our clock.
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options={
                    "require": ["exp", "iat", "iss", "aud", "sub"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            return self._in_time(claims)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            _log.info("token refused", reason=type(error).__name__)
            raise Unauthenticated("The token does not count.", error="invalid_token") from error

    def _in_time(self, claims: dict[str, Any]) -> dict[str, Any]:
        at = self._clock()
        times = [claims["exp"], claims["iat"], claims.get("nbf", 0)]
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in times):
            raise jwt.DecodeError
        if claims["exp"] + LEEWAY <= at:
            raise jwt.ExpiredSignatureError
        if max(times[1:]) > at + CLOCK_SKEW:
            raise jwt.ImmatureSignatureError
        return claims

    async def _key(self, kid: object) -> Any:  # noqa: ANN401 - PyJWT's own key type
        if not isinstance(kid, str):
            raise jwt.InvalidTokenError
        await self._refresh(kid)
        if not self._keys:
            raise Unavailable("The keys that tokens are signed by can't be had.")
        if kid not in self._keys:
            raise jwt.InvalidTokenError
        return self._keys[kid]

    async def _refresh(self, kid: str) -> None:
        def fresh() -> bool:
            age = self._age()
            return age < REFRESH_AT_MOST_EVERY or (kid in self._keys and age < REFRESH_AFTER)

        # Who has the key goes on with it; who has none waits for the fetch that is under way.
        if fresh() or (kid in self._keys and self._fetching.locked()):
            return
        async with self._fetching:
            if fresh():
                return
            try:
                keys = jwt.PyJWKSet.from_dict(await self._fetch())
            except Exception as error:  # noqa: BLE001 - whatever it was: the keys we have go on
                _log.warning("keys not fetched", error=repr(error))
                return
            finally:
                self._fetched_at = self._clock()
            # What else the set may hold (RSA, a symmetric key) never verifies a token here.
            self._keys = {
                str(key.key_id): key
                for key in keys.keys
                if key.algorithm_name == ALGORITHM and key.key_id
            }
            self._verified.clear()

    def _age(self) -> float:
        """Return how many seconds ago the keys were fetched."""
        return self._clock() - self._fetched_at


def jwks_from(url: str) -> Callable[[], Awaitable[Jwks]]:
    """Return a function that fetches the key set at url (our own setting, never the token's)."""

    def get() -> Jwks:
        with urlopen(url, timeout=3) as answer:  # noqa: S310 - the URL is an operator's setting
            keys: Jwks = orjson.loads(answer.read(256 * 1024))
            return keys

    return lambda: asyncio.to_thread(get)


class RedisRevocations:
    """Sessions ended, as auth writes them: `auth:revoked:sid:<sid>`, after the namespace's prefix.

    A Redis that hangs costs a request `patience` seconds, and after three of those nobody anything:
    it is left alone for a second at a time.
    """

    patience_seconds = 0.1
    patience_closed_seconds = 1.0
    """Where nobody is let in unchecked, a slow answer had better be waited for."""

    def __init__(
        self,
        redis: "Redis",
        *,
        prefix: str = "",
        fail_closed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """With fail_closed, a Redis that is away is Unavailable; else the token's expiry rules."""
        self._redis = redis
        self._prefix = prefix
        self._fail_closed = fail_closed
        self.patience = self.patience_closed_seconds if fail_closed else self.patience_seconds
        self._breaker = CircuitBreaker(ConsecutiveFailures(3), open_seconds=1, clock=clock)

    async def is_revoked(self, session_id: str) -> bool:
        """Ask Redis."""
        if not self._breaker.permits():
            return self._unknown("left alone")
        self._breaker.started()
        try:
            async with asyncio.timeout(self.patience):
                found = await self._redis.exists(f"{self._prefix}auth:revoked:sid:{session_id}")
        except Exception as error:  # noqa: BLE001 - whatever it was, it is not known
            self._breaker.record(Outcome.FAILED)
            return self._unknown(repr(error))
        self._breaker.record(Outcome.ANSWERED)
        return bool(found)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _unknown(self, reason: str) -> bool:
        _unchecked.inc()
        _log.warning("revocation not checked", reason=reason)
        if self._fail_closed:
            raise Unavailable("Sessions can't be checked.")
        return False


class NoRevocations:
    """Without a Redis to ask, a token counts until it expires."""

    async def is_revoked(self, session_id: str) -> bool:  # noqa: ARG002 - the protocol's
        """Know of none."""
        return False

    async def close(self) -> None:
        """Have nothing to close."""


def revocations_of(settings: ServiceSettings) -> Revocations:
    """Return what knows of ended sessions: the settings' Redis, if they name one."""
    if settings.redis_url is None:
        return NoRevocations()
    from shop_shared.stores.redis import create_redis  # noqa: PLC0415 - 10 MiB, where there is a Redis

    return RedisRevocations(create_redis(settings), prefix=settings.redis_key_prefix)


def create_verifier(
    settings: ServiceSettings,
    *,
    revocations: Revocations | None = None,
    fetch: Callable[[], Awaitable[Mapping[str, Any]]] | None = None,
) -> TokenVerifier:
    """Make the verifier of the settings; fetch replaces HTTP (auth has its own keys)."""

    async def own() -> Jwks:
        assert fetch is not None  # noqa: S101 - used only then
        return dict(await fetch())

    return TokenVerifier(
        own if fetch else jwks_from(settings.jwks_url),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        revocations=revocations,
    )
