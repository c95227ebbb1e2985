"""Who may do what: a list of grants, read from data, and the one function that applies it.

A grant names a role, an action and a kind of resource (``*`` for any), and may ask that the
resource be the subject's ``own``. What no grant allows is denied.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

Word = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z][a-z0-9_.:-]{0,63})$")]


class Policy(BaseModel):
    """One grant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    role: Word
    action: Word
    resource: Word
    condition: Literal["own"] | None = None

    def covers(self, *, role: str, action: str, resource: str) -> bool:
        """Tell whether the grant speaks of this, its condition aside."""
        return (
            self.role in ("*", role)
            and self.action in ("*", action)
            and self.resource in ("*", resource)
        )


class Decision(BaseModel):
    """Allowed or not, why, and by which policy."""

    model_config = ConfigDict(frozen=True)

    decision: Literal["allow", "deny"]
    reason: str
    policy: str | None = None


_POLICIES = TypeAdapter(tuple[Policy, ...])


def load(path: Path | None) -> tuple[Policy, ...]:
    """Read the policies in ``path``, or those that come with the service."""
    source = path or Path(__file__).with_name("policies.json")
    return _POLICIES.validate_json(source.read_bytes())


def decide(  # noqa: PLR0913 - keyword-only, each of its own kind
    policies: Sequence[Policy],
    *,
    subject: str,
    roles: Sequence[str],
    action: str,
    resource: str,
    owner: str | None,
) -> Decision:
    """Apply ``policies`` to one question; the first grant that holds decides."""
    not_own: Policy | None = None
    for role in roles:
        for policy in policies:
            if not policy.covers(role=role, action=action, resource=resource):
                continue
            if policy.condition == "own" and owner != subject:
                not_own = policy
                continue
            return Decision(
                decision="allow", reason=f"role {role} may {action} {resource}", policy=policy.id
            )
    if not_own is not None:
        reason = f"only the owner may {action} this {resource}"
        return Decision(decision="deny", reason=reason, policy=not_own.id)
    return Decision(decision="deny", reason=f"no policy lets {list(roles)} {action} {resource}")
