"""Who may do what: the policies of all services, and the functions that apply them.

`policies.json` alone says so. A policy gives roles the right to do actions to kinds of resources,
perhaps only to their own; what no policy allows is denied. Routes enforce it by `auth.permit`, and
the auth service answers questions by it (`/v1/auth/authorize`).
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.:-]{0,63}$")]
Role = Literal["customer", "staff", "admin", "service"]


class Policy(BaseModel):
    """Some roles may do some actions to some kinds of resources."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    roles: tuple[Role, ...]
    actions: tuple[Word, ...]
    resources: tuple[Word, ...]
    condition: Literal["own"] | None = None


class Decision(BaseModel):
    """Allowed or not, why, and by which policy."""

    model_config = ConfigDict(frozen=True)

    decision: Literal["allow", "deny"]
    reason: str
    policy: str | None = None


_POLICIES = TypeAdapter(tuple[Policy, ...])


@cache
def policies() -> tuple[Policy, ...]:
    """Return all policies."""
    return _POLICIES.validate_json(Path(__file__).with_name("policies.json").read_bytes())


@cache
def policies_for(action: str, resource: str) -> tuple[Policy, ...]:
    """Return the policies about an action and a kind of resource."""
    return tuple(
        policy for policy in policies() if action in policy.actions and resource in policy.resources
    )


def roles_for(action: str, resource: str) -> list[str]:
    """Return the roles that may do it, at least to their own, sorted."""
    return sorted({role for policy in policies_for(action, resource) for role in policy.roles})


def scopes_for(action: str, resource: str) -> list[str]:
    """Return the scopes of a route's OpenAPI: the right (`order:read`), then the roles with it.

    Raises ValueError for a right that no policy gives to anybody.
    """
    roles = roles_for(action, resource)
    if not roles:
        raise ValueError(f"no policy in policies.json is about {action} {resource}")
    return [f"{resource}:{action}", *roles]


def granted(roles: Iterable[str], action: str, resource: str) -> Policy | None:
    """Return the widest policy that gives any of the roles the right; None if there is none."""
    held = set(roles)
    found = [p for p in policies_for(action, resource) if not held.isdisjoint(p.roles)]
    return min(found, key=lambda policy: policy.condition is not None, default=None)


def decide(
    *, subject: str, roles: Sequence[str], action: str, resource: str, owner: str | None
) -> Decision:
    """Answer one question."""
    policy = granted(roles, action, resource)
    if policy is None:
        reason = f"no policy lets {list(roles)} {action} {resource}"
        return Decision(decision="deny", reason=reason)
    if policy.condition == "own" and owner != subject:
        reason = f"only the owner may {action} this {resource}"
        return Decision(decision="deny", reason=reason, policy=policy.id)
    return Decision(decision="allow", reason=f"{policy.id} allows it", policy=policy.id)
