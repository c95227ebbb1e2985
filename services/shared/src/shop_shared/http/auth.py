"""Who is calling: access tokens verified here, by the auth service's public keys (RFC 8725)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from shop_shared.http.problems import Forbidden, Unauthenticated
from shop_shared.http.tokens import TokenVerifier


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller."""

    subject: str
    """`sub`: a user's id, or a service's name."""
    user_id: UUID
    """The user's id; a service has one that is no user's."""
    roles: frozenset[str]
    scopes: frozenset[str]
    session_id: str | None = None
    email: str | None = None

    def has_role(self, *roles: str) -> bool:
        """Say whether the caller has any of the roles."""
        return not self.roles.isdisjoint(roles)

    def can_view(self, owner_id: UUID) -> bool:
        """Return True if the caller may see things of owner_id: their own; staff see everyone's."""
        return self.user_id == owner_id or self.has_role("staff", "admin")

    def owner_filter(self, asked: UUID | None = None) -> UUID | None:
        """Return whose rows to list: the caller's; for staff those of `asked`, or all (None)."""
        return asked if self.has_role("staff", "admin") else self.user_id


def principal(claims: dict[str, Any]) -> Principal:
    """Make the principal of verified claims."""
    subject = str(claims["sub"])
    try:
        user_id = UUID(subject)
    except ValueError:
        user_id = uuid5(NAMESPACE_URL, f"minishop:service:{subject}")
    return Principal(
        subject=subject,
        user_id=user_id,
        roles=frozenset(claims.get("roles", ())),
        scopes=frozenset(str(claims.get("scope", "")).split()),
        session_id=claims.get("sid"),
        email=claims.get("email"),
    )


bearer = HTTPBearer(
    auto_error=False, scheme_name="bearer", description="An access token of the auth service"
)
"""FastAPI dependency that only says, in the OpenAPI document, that a token is asked for."""


async def current_user(
    request: Request, _scheme: Annotated[object, Security(bearer)] = None
) -> Principal:
    """FastAPI dependency: the caller, or 401. The app's verifier is `app.state.token_verifier`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send an access token as `Authorization: Bearer …`.")
    verifier: TokenVerifier = request.app.state.token_verifier
    return principal(await verifier.verify(token.strip()))


CurrentUser = Annotated[Principal, Depends(current_user)]


def require_roles(*roles: str) -> Callable[[Principal], Awaitable[Principal]]:
    """Make a dependency: the caller, who has one of the roles, or 403."""

    # As scopes they are in the OpenAPI document: roles that a caller needs (OpenAPI 3.1, 4.8.30).
    async def check(
        caller: Annotated[Principal, Security(current_user, scopes=roles)],
    ) -> Principal:
        if not caller.has_role(*roles):
            raise Forbidden(f"Only for: {', '.join(roles)}.")
        return caller

    return check


def require_scope(scope: str) -> Callable[[Principal], Awaitable[Principal]]:
    """Make a dependency: the caller, whose token carries the scope, or 403."""

    async def check(caller: CurrentUser) -> Principal:
        if scope not in caller.scopes:
            raise Forbidden(f"The token lacks the scope {scope}.")
        return caller

    return check


service_caller = require_roles("service")
"""FastAPI dependency: another service, or 403."""

ServiceCaller = Annotated[Principal, Depends(service_caller)]
AdminCaller = Annotated[Principal, Depends(require_roles("admin"))]
StaffCaller = Annotated[Principal, Depends(require_roles("staff", "admin"))]
