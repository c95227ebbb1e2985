"""The result of applying the children of a ShopService."""

from dataclasses import dataclass, field
from typing import Final

from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import SHOP_SERVICE
from shop_operator.metadata import APPLIED_ANNOTATION, Manifest, key_of
from shop_operator.spec import ShopService

_REASONS: Final = {403: "Forbidden", 422: "Rejected", 400: "Rejected"}


@dataclass(frozen=True, slots=True)
class Drift:
    """A child that somebody else changed; `field` is empty if it was deleted."""

    kind: str
    name: str
    field: str


@dataclass(frozen=True, slots=True)
class ApplyError:
    """A child that could not be written, and why."""

    kind: str
    name: str
    reason: str
    message: str
    temporary: bool = False
    retry_after: float = 0.0


@dataclass(slots=True)
class ApplyResult:
    """Live children, drift, errors and what was held back."""

    live: list[Manifest] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    errors: list[ApplyError] = field(default_factory=list)
    missing_kinds: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    """What would be written if managementPolicy allowed it, as phrases."""

    def first_error(self, kinds: frozenset[str] | None = None) -> ApplyError | None:
        """Return the error to report: a permanent one before a temporary one."""
        found = [error for error in self.errors if kinds is None or error.kind in kinds]
        return min(found, key=lambda error: error.temporary, default=None)

    def failed_on(self, manifest: Manifest) -> bool:
        """Return True if there is an error for this child."""
        child = manifest["kind"], manifest["metadata"]["name"]
        return any((error.kind, error.name) == child for error in self.errors)


def drift_of(service: ShopService, manifest: Manifest, fields: list[str] | None) -> Drift | None:
    """Return the drift, or None if the difference comes from a spec that was not applied yet.

    `fields` are those that differ, None when there is no live object.
    """
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if fields is None:
        known = service.status.get("children") or ()
        was_there = any(child["kind"] == kind and child["name"] == name for child in known)
        return Drift(kind, name, "") if was_there else None
    annotation = f"metadata.annotations.{APPLIED_ANNOTATION}"
    return None if annotation in fields else Drift(kind, name, fields[0])


def not_owned(manifest: Manifest, live: Manifest) -> ApplyError:
    """Return the error for a child whose name is taken by the object `live` of another owner."""
    kind, metadata = manifest["kind"], manifest["metadata"]
    key = key_of(live)
    whose = f"belongs to {SHOP_SERVICE} {key}" if key else "was made by somebody else"
    return ApplyError(
        kind,
        metadata["name"],
        "NotOwned",
        f"{kind} {metadata['namespace']}/{metadata['name']} {whose}; rename one of the two",
    )


def apply_error_of(manifest: Manifest, error: ApiError) -> ApplyError:
    """Return the error for a child that the API server refused."""
    return ApplyError(
        manifest["kind"],
        manifest["metadata"]["name"],
        _REASONS.get(error.status, "ApiError"),
        str(error),
        temporary=error.temporary,
        retry_after=error.retry_after or 0.0,
    )
