"""The auth service over HTTP."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Header, Request, Response

from shop_auth.key_source import CACHED_S
from shop_auth.models import (
    AuthorizeRequest,
    Grant,
    Introspection,
    IntrospectRequest,
    Jwks,
    PasswordGrant,
    RefreshRequest,
    Session,
    Sessions,
    Tokens,
)
from shop_auth.repository import StoredSession
from shop_auth.state import Auth, Keys
from shop_shared.http import policies
from shop_shared.http.auth import Principal, permit
from shop_shared.http.openapi import documented
from shop_shared.http.problems import Forbidden, NotFound, Unauthenticated, Unprocessable
from shop_shared.http.tokens import TokenVerifier
from shop_shared.models import in_one_line

router = APIRouter(tags=["auth"])


_log = structlog.get_logger(__name__)
UserAgent = Annotated[str, Header(include_in_schema=False)]


class NotAboutOneself(Forbidden):
    """Somebody else's rights, or those of a role that the caller does not have."""

    code, title = "not_about_oneself", "Not about oneself"


def _no_store(response: Response) -> None:
    """Keep tokens out of every cache (RFC 6749, 5.1)."""
    response.headers["Cache-Control"] = "no-store"


@router.get("/.well-known/jwks.json")
async def get_jwks(keys: Keys, response: Response) -> Jwks:
    """Read the public keys (RFC 7517)."""
    response.headers["Cache-Control"] = f"public, max-age={CACHED_S}"
    return Jwks.model_validate(await keys.jwks())


@router.post(
    "/v1/auth/token", dependencies=[Depends(_no_store)], responses=documented(401, 403, 429)
)
async def get_token(grant: Grant, auth: Auth, user_agent: UserAgent = "") -> Tokens:
    """Sign in: a person with a password, a service with its secret."""
    if isinstance(grant, PasswordGrant):
        return await auth.sign_in(grant, user_agent=in_one_line(user_agent)[:200])
    return await auth.sign_in_service(grant)


@router.post("/v1/auth/refresh", dependencies=[Depends(_no_store)], responses=documented(401))
async def refresh(wanted: RefreshRequest, auth: Auth) -> Tokens:
    """Exchange a refresh token for new tokens. It counts once; used again, the session ends."""
    return await auth.refresh(wanted.refresh_token)


@router.post("/v1/auth/logout", status_code=204)
async def log_out(caller: Annotated[Principal, permit("end", "session")], auth: Auth) -> None:
    """End this session."""
    if caller.session_id is not None:
        await auth.sign_out(caller.user_id, caller.session_id)


@router.get("/v1/auth/sessions")
async def list_sessions(
    caller: Annotated[Principal, permit("read", "session")], auth: Auth
) -> Sessions:
    """List one's sessions, newest first."""
    return _sessions(await auth.sessions(caller.user_id), current=caller.session_id)


@router.delete("/v1/auth/sessions", status_code=204)
async def end_sessions(caller: Annotated[Principal, permit("end", "session")], auth: Auth) -> None:
    """End all of one's sessions, this one too."""
    await auth.sign_out_everywhere(caller.user_id)


@router.delete("/v1/auth/sessions/{session_id}", status_code=204)
async def end_session(
    session_id: UUID, caller: Annotated[Principal, permit("end", "session")], auth: Auth
) -> None:
    """End one of one's sessions."""
    if not await auth.sign_out(caller.user_id, str(session_id)):
        raise NotFound("No such session.")


@router.get("/v1/auth/users/{user_id}/sessions")
async def list_sessions_of(
    user_id: UUID, _caller: Annotated[Principal, permit("read", "user_session")], auth: Auth
) -> Sessions:
    """List a user's sessions, newest first (staff)."""
    return _sessions(await auth.sessions(user_id), current=None)


@router.delete("/v1/auth/users/{user_id}/sessions", status_code=204)
async def end_sessions_of(
    user_id: UUID, caller: Annotated[Principal, permit("end", "user_session")], auth: Auth
) -> None:
    """End all sessions of a user (staff), say of a stolen phone. They may sign in again."""
    _log.info("sessions ended by staff", user_id=str(user_id), by=str(caller.user_id))
    await auth.sign_out_everywhere(user_id)


@router.delete("/v1/auth/users/{user_id}/sessions/{session_id}", status_code=204)
async def end_session_of(
    user_id: UUID,
    session_id: UUID,
    caller: Annotated[Principal, permit("end", "user_session")],
    auth: Auth,
) -> None:
    """End one session of a user (staff)."""
    if not await auth.sign_out(user_id, str(session_id)):
        raise NotFound("No such session.")
    _log.info("session ended by staff", user_id=str(user_id), by=str(caller.user_id))


@router.post(
    "/v1/auth/introspect",
    dependencies=[Depends(_no_store), permit("introspect", "token")],
)
async def introspect(wanted: IntrospectRequest, request: Request) -> Introspection:
    """Look into an access token (services and admins; RFC 7662)."""
    verifier: TokenVerifier = request.app.state.token_verifier
    try:
        claims = await verifier.verify(wanted.token)
    except Unauthenticated:
        return Introspection(active=False)
    known = {name: claims.get(name) for name in Introspection.model_fields if name != "active"}
    return Introspection(active=True, **known)


@router.post("/v1/auth/authorize", responses=documented(403))
async def authorize(
    wanted: AuthorizeRequest, caller: Annotated[Principal, permit("ask", "decision")]
) -> policies.Decision:
    """Decide whether the subject may do the action to the resource, and say why.

    The same policies decide at every route of every service. People ask about themselves, with the
    roles that their token has; services and administrators about anybody, with any roles.
    """
    subject, resource = wanted.subject, wanted.resource
    roles = subject.roles if subject.roles is not None else sorted(caller.roles)
    if caller.roles.isdisjoint({"service", "admin"}):
        if subject.id != caller.user_id:
            raise NotAboutOneself("Only for oneself.")
        if not caller.roles.issuperset(roles):
            raise NotAboutOneself("Only with the roles of one's own token.")
    elif subject.roles is None and subject.id != caller.user_id:
        raise Unprocessable(
            "Whose roles?",
            errors=[{"pointer": "/subject/roles", "message": "required for another subject"}],
        )
    return policies.decide(
        subject=str(subject.id),
        roles=roles,
        action=wanted.action,
        resource=resource.type,
        owner=str(resource.owner_id) if resource.owner_id else None,
    )


def _sessions(stored: Iterable[StoredSession], *, current: str | None) -> Sessions:
    return Sessions(
        items=[
            Session(
                id=UUID(session.id),
                current=session.id == current,
                created_at=session.created_at,
                last_used_at=session.last_used_at,
                expires_at=session.expires_at,
                user_agent=session.user_agent,
            )
            for session in stored
        ]
    )
