"""Signing in, staying signed in, signing out."""

import hashlib
import hmac
import secrets
from asyncio import CancelledError
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from shop_auth.attempts import Attempt, SignInAttempts, account_key, is_before
from shop_auth.key_source import KeySource
from shop_auth.models import ClientCredentialsGrant, PasswordGrant, Tokens
from shop_auth.repository import SessionStore, StoredSession
from shop_auth.settings import Settings
from shop_auth.users import Account, Users
from shop_shared.clock import Clock, now
from shop_shared.http.problems import Forbidden, TooManyRequests, Unauthenticated, Unavailable
from shop_shared.ids import uuid7

_log = structlog.get_logger(__name__)


class InvalidGrant(Unauthenticated):
    """The credentials or the token are not right; which part is not said."""

    code, title = "invalid_grant", "Not signed in"


class AccountSuspended(Forbidden):
    """The credentials are right, and the account is locked."""

    code, title = "account_suspended", "Account suspended"


class Issuer:
    """Makes access tokens."""

    def __init__(self, settings: Settings, keys: KeySource, clock: Clock = now) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock

    async def access_token(self, subject: str, *, roles: Sequence[str], **claims: str) -> str:
        """Return a token for ``subject``, signed now."""
        issued_at = int(self._clock().timestamp())
        content: dict[str, Any] = {
            "iss": self._settings.jwt_issuer,
            "aud": self._settings.jwt_audience,
            "sub": subject,
            "roles": list(roles),
            "scope": "",
            "jti": str(uuid7()),
            "iat": issued_at,
            "exp": issued_at + self._settings.access_token_seconds,
            **claims,
        }
        return (await self._keys.ring()).sign(content)

    async def service_token(self, name: str | None = None) -> str:
        """Return the token of a service; our own when no name is given."""
        return await self.access_token(
            name or self._settings.service_name, roles=["service"], scope="internal"
        )


class Auth:
    """What the auth service does. Redis away is a ``RedisError``: nobody gets in by its absence."""

    def __init__(  # noqa: PLR0913 - keyword-only, each of its own kind
        self,
        *,
        settings: Settings,
        issuer: Issuer,
        sessions: SessionStore,
        attempts: SignInAttempts,
        users: Users,
        clock: Clock = now,
    ) -> None:
        self._settings = settings
        self._issuer = issuer
        self._sessions = sessions
        self._attempts = attempts
        self._users = users
        self._clock = clock

    async def sign_in(self, grant: PasswordGrant, *, user_agent: str) -> Tokens:
        """Start a session. Raises ``InvalidGrant``, ``AccountSuspended``, ``TooManyRequests``."""
        attempt = await self._begin(grant)
        try:
            account = await self._users.verify(grant.email, grant.password)
        except (TooManyRequests, Unavailable, CancelledError):  # or its caller has given up
            await self._attempts.take_back(attempt)
            raise
        if account is None:
            raise InvalidGrant("E-mail or password is wrong.")
        await self._attempts.clear(attempt)
        if account.status != "active":
            raise AccountSuspended("This account is suspended.")
        return await self._start(account, user_agent=user_agent)

    async def _begin(self, grant: PasswordGrant) -> Attempt:
        """Count an attempt to sign in. Raises ``TooManyRequests`` after too many wrong passwords.

        A password changed since then ends the count: who has reset it gets in.
        """
        account = account_key(grant.email)
        attempt = await self._attempts.begin(account, at=self._clock())
        if attempt.is_allowed:
            return attempt
        if is_before(attempt, await self._users.password_changed_at(grant.email)):
            await self._attempts.forget(attempt)
            attempt = await self._attempts.begin(account, at=self._clock())
        if not attempt.is_allowed:
            raise TooManyRequests("Too many wrong passwords.", retry_after=attempt.retry_after)
        return attempt

    async def _start(self, account: Account, *, user_agent: str) -> Tokens:
        at = self._clock()
        session = StoredSession(
            id=str(uuid7()),
            user_id=str(account.user_id),
            email=account.email,
            roles=account.roles,
            user_agent=user_agent,
            created_at=at,
            last_used_at=at,
            expires_at=at + timedelta(days=self._settings.session_days),
            account_version=account.version,
        )
        secret = _new_secret()
        match await self._sessions.start(session, token_hash=_hashed(secret)):
            case "blocked":
                raise AccountSuspended("This account is suspended.")
            case "outdated":  # by a password or with roles of before
                raise Unavailable("The account has just changed. Sign in again.")
        return await self._tokens(session, secret)

    async def sign_in_service(self, grant: ClientCredentialsGrant) -> Tokens:
        """Give a service its token. Raises ``InvalidGrant``."""
        expected = self._settings.service_clients.get(grant.client_id, "")
        presented = hashlib.sha256(grant.client_secret.encode()).hexdigest()
        if not hmac.compare_digest(expected.encode(), presented.encode()):
            raise InvalidGrant("Client or secret is wrong.")
        return Tokens(
            access_token=await self._issuer.service_token(grant.client_id),
            expires_in=self._settings.access_token_seconds,
            scope="internal",
        )

    async def refresh(self, token: str) -> Tokens:
        """Exchange a refresh token. One used twice ends its session, whoever used it first."""
        session_id, _, presented = token.partition(".")
        secret = _new_secret()
        outcome = await self._sessions.rotate(
            session_id, presented=_hashed(presented), replacement=_hashed(secret), at=self._clock()
        )
        session = await self._sessions.get(session_id) if outcome != "unknown" else None
        if session is None:
            raise InvalidGrant("The refresh token does not count.")
        if outcome == "reused":
            _log.warning("refresh token used twice", user_id=session.user_id, sid=session.id)
            await self._sessions.end(session.user_id, session.id)
            raise InvalidGrant("The refresh token does not count.")
        return await self._tokens(session, secret)

    async def sign_out(self, user_id: UUID, session_id: str) -> bool:
        """End one of the user's sessions; return False when there is no such session of theirs."""
        session = await self._sessions.get(session_id)
        if session is None or session.user_id != str(user_id):
            return False
        await self._sessions.end(session.user_id, session.id)
        return True

    async def sign_out_everywhere(self, user_id: UUID) -> None:
        """End all of the user's sessions."""
        await self._sessions.end_all(str(user_id))

    async def sessions(self, user_id: UUID) -> list[StoredSession]:
        """Return the user's sessions, newest first."""
        return await self._sessions.of_user(str(user_id))

    async def _tokens(self, session: StoredSession, secret: str) -> Tokens:
        return Tokens(
            access_token=await self._issuer.access_token(
                session.user_id, roles=session.roles, sid=session.id, email=session.email
            ),
            expires_in=self._settings.access_token_seconds,
            scope="",
            refresh_token=f"{session.id}.{secret}",
            refresh_expires_in=int((session.expires_at - self._clock()).total_seconds()),
            session_id=UUID(session.id),
        )


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
