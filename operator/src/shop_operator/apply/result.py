"""The result of applying the children of a ShopService."""

from dataclasses import dataclass, field
from typing import Final

import structlog

from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import SHOP_SERVICE
from shop_operator.apply.foreign import managers_of
from shop_operator.metadata import APPLIED_ANNOTATION, Manifest, key_of
from shop_operator.metrics import DRIFT
from shop_operator.spec import ShopService

_log = structlog.get_logger()
_REASONS: Final = {403: "Forbidden", 422: "Rejected", 400: "Rejected"}
_UNTYPED: Final = "failed to create typed patch object"
"""So the API server refuses a field that it does not know, with 500 as if it were at fault."""
BEFORE_PODS: Final = frozenset({"ServiceAccount", "NetworkPolicy"})
"""Kinds that decide what pods may do: another's would give them its rights, or no bounds."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A child that somebody else changed; `field` is empty if it was deleted."""

    kind: str
    name: str
    field: str
    managers: tuple[str, ...] = ()
    """The other field managers that set it, as far as the API server says."""

    def __str__(self) -> str:
        """Return the words for it, such as `Service order: spec.type was changed by kubectl`."""
        what = f"{self.field} was changed" if self.field else "it was deleted"
        by = f" by {', '.join(self.managers)}" if self.managers else ""
        return f"{self.kind} {self.name}: {what}{by}"


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
    contested: list[str] = field(default_factory=list)
    """Fields that another manager changes again and again, as phrases."""
    foreign: list[str] = field(default_factory=list)
    """What others set, which is not declared and changes how the service runs, as phrases."""
    absent_peers: list[str] = field(default_factory=list)
    """Names in `network.egressTo` of which there is neither a ShopService nor a pod."""
    closed_peers: list[str] = field(default_factory=list)
    """ShopServices in `network.egressTo` that do not let this one in."""
    recheck: float | None = None
    """Seconds after which time alone may change the result."""

    def recheck_after(self, seconds: float | None) -> None:
        """Look again after so many seconds, or earlier; None asks for nothing."""
        known = [each for each in (self.recheck, seconds) if each is not None]
        self.recheck = min(known, default=None)

    def first_error(self, kinds: frozenset[str] | None = None) -> ApplyError | None:
        """Return the error to report: a permanent one before a temporary one."""
        found = [error for error in self.errors if kinds is None or error.kind in kinds]
        return min(found, key=lambda error: error.temporary, default=None)

    def failed_on(self, manifest: Manifest) -> bool:
        """Return True if there is an error for this child."""
        child = manifest["kind"], manifest["metadata"]["name"]
        return any((error.kind, error.name) == child for error in self.errors)

    def holds_back(self, manifest: Manifest) -> bool:
        """Return True for a Deployment while what decides its pods' rights is not as declared."""
        return manifest["kind"] == "Deployment" and self.first_error(BEFORE_PODS) is not None


def drift_of(
    service: ShopService, manifest: Manifest, live: Manifest | None, fields: list[str] | None
) -> Drift | None:
    """Return the drift, or None if the difference comes from a spec that was not applied yet.

    `fields` are those that differ, None when there is no live object.
    """
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if live is None or fields is None:
        known = service.status.get("children") or ()
        was_there = any(child["kind"] == kind and child["name"] == name for child in known)
        return Drift(kind, name, "") if was_there else None
    annotation = f"metadata.annotations.{APPLIED_ANNOTATION}"
    if annotation in fields:
        return None
    field = next(iter(fields), "")
    return Drift(kind, name, field, tuple(managers_of(live, field)))


def record_drift(service: ShopService, drift: Drift | None, result: ApplyResult) -> None:
    """Add a drift that is put right, if it is one, to the result, the metric and the log."""
    if drift is not None:
        result.drifts.append(drift)
        DRIFT.labels(drift.kind).inc()
        key, kind = str(service.key), drift.kind
        _log.info("drift", key=key, kind=kind, name=drift.name, field=drift.field)


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
    reason = "Rejected" if str(error).startswith(_UNTYPED) else "ApiError"
    return ApplyError(
        manifest["kind"],
        manifest["metadata"]["name"],
        _REASONS.get(error.status, reason),
        str(error),
        temporary=error.temporary,
        retry_after=error.retry_after or 0.0,
    )
