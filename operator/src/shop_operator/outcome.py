"""What a pass over a service's children found and did, and how it is said."""

from dataclasses import dataclass, field
from typing import Final

from shop_operator.api_errors import ApiError
from shop_operator.children.metadata import APPLIED_ANNOTATION, Manifest, key_of
from shop_operator.kinds import SHOP_SERVICE
from shop_operator.spec import ShopService

_REASONS: Final = {403: "Forbidden", 422: "Rejected", 400: "Rejected"}


@dataclass(frozen=True, slots=True)
class Drift:
    """A child that another hand changed; `field` is empty when it was deleted."""

    kind: str
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A child that could not be written, and why."""

    kind: str
    name: str
    reason: str
    message: str
    temporary: bool = False
    retry_after: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What a pass over the children found and did."""

    live: list[Manifest] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    missing_kinds: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    """What would be written, where nothing may be."""

    def refusal(self, kinds: frozenset[str] | None = None) -> Refusal | None:
        """Return the refusal that a person should see first: one that waiting does not cure."""
        found = [refusal for refusal in self.refusals if kinds is None or refusal.kind in kinds]
        return min(found, key=lambda refusal: refusal.temporary, default=None)

    def refuses(self, manifest: Manifest) -> bool:
        """Whether a child is another's."""
        child = manifest["kind"], manifest["metadata"]["name"]
        return any((refusal.kind, refusal.name) == child for refusal in self.refusals)


def is_ours(service: ShopService, live: Manifest) -> bool:
    """Say whether a live object belongs to the service, by its labels or its owner reference."""
    if key_of(live) == service.key:
        return True
    references = live["metadata"].get("ownerReferences") or ()
    return any(reference["uid"] == service.uid for reference in references)


def drift_of(service: ShopService, manifest: Manifest, fields: list[str] | None) -> Drift | None:
    """Return the drift, or None when the difference is a wish that was not applied yet.

    `fields` are those that differ, None when there is no live object.
    """
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if fields is None:
        known = service.status.get("children") or ()
        was_there = any(child["kind"] == kind and child["name"] == name for child in known)
        return Drift(kind, name, "") if was_there else None
    annotation = f"metadata.annotations.{APPLIED_ANNOTATION}"
    return None if annotation in fields else Drift(kind, name, fields[0])


def not_owned(manifest: Manifest, live: Manifest) -> Refusal:
    """Refuse a child because of the object that stands in its place."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    key = key_of(live)
    whose = f"belongs to {SHOP_SERVICE} {key}" if key else "was made by somebody else"
    return Refusal(
        kind,
        metadata["name"],
        "NotOwned",
        f"{kind} {metadata['namespace']}/{metadata['name']} {whose}; rename one of the two, or "
        "delete the other so that this one can be made",
    )


def refusal_of(manifest: Manifest, error: ApiError) -> Refusal:
    """Say that the API server did not take a child."""
    return Refusal(
        manifest["kind"],
        manifest["metadata"]["name"],
        _REASONS.get(error.status, "ApiError"),
        str(error),
        temporary=error.temporary,
        retry_after=error.retry_after or 0.0,
    )
