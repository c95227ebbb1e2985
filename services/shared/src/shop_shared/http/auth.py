"""Who is calling, and whether they may: access tokens verified by the auth service's public keys.

RFC 8725 for the tokens; `policies` for the rights. A route names what it does to what:

    @router.get("/{order_id}")
    async def get_order(order_id: UUID, caller: Annotated[Principal, permit("read", "order")]): ...
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from shop_shared.http.policies import granted, roles_for, scopes_for
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
    only_own: bool = True
    """Whether the policy that let them in is about their own resources only."""

    def can_view(self, owner_id: UUID) -> bool:
        """Return True if the caller's right covers resources of owner_id."""
        return not self.only_own or self.user_id == owner_id

    def owner_filter(self, asked: UUID | None = None) -> UUID | None:
        """Return whose rows to list: the caller's own; else those of `asked`, or all (None)."""
        return self.user_id if self.only_own else asked


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
    """FastAPI dependency: the caller, or 401. Routes use `permit`, which asks for a right too."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send an access token as `Authorization: Bearer …`.")
    verifier: TokenVerifier = request.app.state.token_verifier
    return principal(await verifier.verify(token.strip()))


def may(caller: Principal, action: str, resource: str) -> bool:
    """Return True if any policy gives the caller the right, at least to their own."""
    return granted(caller.roles, action, resource) is not None


def require(caller: Principal, action: str, resource: str) -> Principal:
    """Return the caller with what their right covers. Raises Forbidden if they have none."""
    policy = granted(caller.roles, action, resource)
    if policy is None:
        roles = ", ".join(roles_for(action, resource))
        raise Forbidden(f"To {action} {resource.replace('_', ' ')} is for: {roles}.")
    return replace(caller, only_own=policy.condition == "own")


def permit(action: str, resource: str) -> Any:  # noqa: ANN401 - FastAPI's own type of Security()
    """Make the FastAPI dependency: the caller, who has the right, or 401 or 403.

    The OpenAPI document names the right and the roles that have it as scopes (OpenAPI 3.1, 4.8.30).
    Raises ValueError for a right that no policy gives to anybody.
    """
    scopes = scopes_for(action, resource)

    async def check(
        caller: Annotated[Principal, Security(current_user, scopes=scopes)],
    ) -> Principal:
        return require(caller, action, resource)

    return Security(check)
