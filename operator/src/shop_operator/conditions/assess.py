"""Computes the conditions of a ShopService: their types, reasons and messages.

Source: Kubernetes API conventions, "Typical status properties".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shop_operator.apply.result import ApplyResult
from shop_operator.conditions import readiness
from shop_operator.conditions.route import ROUTE_KINDS, RouteReadiness
from shop_operator.conditions.workload import Rollout
from shop_operator.metadata import Manifest, timestamp
from shop_operator.spec import ShopService
from shop_operator.stores.provisioning import Provisioned

TAKES_TIME: Final = frozenset(
    {
        "Progressing",
        "TopicNotReady",
        "CaptureBeginsAnew",
        "ConnectorNotReady",
        "OutboxMissing",
        "DatabaseNotReady",
        "RouteNotServed",
        "RouteTablePending",
        "RouteWithdrawing",
        "GatewayNotReady",
        "NotAccepted",
        "ChildDeleting",
        "Deleting",
    }
)
_MESSAGE_LENGTH: Final = 1024


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `status` is True, False or Unknown, as text."""

    type: str
    status: str
    reason: str
    message: str


def assess(  # noqa: PLR0913 - each a part of what is known
    service: ShopService,
    provisioned: Provisioned,
    result: ApplyResult,
    rollout: Rollout,
    route: RouteReadiness | None,
    *,
    going: Sequence[Manifest] = (),
) -> list[Condition]:
    """Return all conditions, Ready first."""
    parts = [
        _synced(service, result),
        *_database(service, provisioned),
        *_secrets(service, provisioned, result),
        _workload(result, rollout),
        *_part("EventsReady", readiness.topics(service, result, going)),
        *_part("CdcReady", readiness.capture(service, provisioned, result)),
        *_part("RouteReady", None if route is None else route.verdict),
    ]
    return [_ready(parts), *parts]


def only(reason: str, message: str, *, status: str = "False") -> list[Condition]:
    """Return a single Ready condition, for a ShopService that is not reconciled."""
    return [Condition("Ready", status, reason, message)]


def announced(message: str) -> list[Condition]:
    """Return the conditions of a rollout that is about to begin."""
    return [Condition(kind, "False", "Progressing", message) for kind in ("Ready", "WorkloadReady")]


def merged(
    conditions: Sequence[Condition], before: Sequence[Mapping[str, Any]], *, generation: int
) -> list[Manifest]:
    """Return the conditions as stored; lastTransitionTime moves only if the status changes."""
    old = {condition["type"]: condition for condition in before}
    now = timestamp()
    found = []
    for condition in conditions:
        previous = old.get(condition.type, {})
        same = previous.get("status") == condition.status
        found.append(
            {
                "type": condition.type,
                "status": condition.status,
                "observedGeneration": generation,
                "lastTransitionTime": previous["lastTransitionTime"] if same else now,
                "reason": condition.reason,
                "message": condition.message[:_MESSAGE_LENGTH],
            }
        )
    return found


def _part(kind: str, verdict: readiness.Verdict | None) -> Iterator[Condition]:
    if verdict is not None:
        yield Condition(kind, *verdict)


def _ready(parts: Sequence[Condition]) -> Condition:
    """Summarise: a problem that needs a person comes before one that only takes time."""
    missing = [part for part in parts if part.status != "True"]
    if not missing:
        return Condition("Ready", "True", "AllReady", "everything is as declared and ready")
    first = min(missing, key=lambda part: part.reason in TAKES_TIME)
    return Condition("Ready", first.status, first.reason, f"{first.type}: {first.message}")


def _synced(service: ShopService, result: ApplyResult) -> Condition:
    elsewhere = readiness.EVENTS_KINDS | readiness.CAPTURE_KINDS | ROUTE_KINDS
    error = result.first_error()
    if error is not None:
        return Condition("Synced", "False", error.reason, error.message)
    if result.pending:
        count = len(result.pending)
        return Condition(
            "Synced",
            "False",
            "DriftObserved",
            f"{count} writes held back by managementPolicy {service.spec.management_policy}: "
            + "; ".join(result.pending),
        )
    noted = _differs(result) or _peers(result)
    if noted is not None:
        return noted
    skipped = [kind for kind in result.missing_kinds if kind not in elsewhere]
    if skipped:
        names = ", ".join(skipped)
        message = f"skipped until their CRDs are installed: {names}"
        return Condition("Synced", "True", "CrdMissing", message)
    return Condition("Synced", "True", "AsDeclared", "every child is as declared")


def _peers(result: ApplyResult) -> Condition | None:
    """Return what is wrong with the services that this one may call; none of it is a failure."""
    if result.absent_peers:
        names = ", ".join(result.absent_peers)
        message = f"network.egressTo: no ShopService and no pod here has the name {names}"
        return Condition("Synced", "True", "PeerMissing", message)
    if result.closed_peers:
        names = ", ".join(result.closed_peers)
        message = (
            f"network.egressTo: {names} would not let this service in, whose name is not in "
            "network.ingressFrom there"
        )
        return Condition("Synced", "True", "PeerClosed", message)
    return None


def _differs(result: ApplyResult) -> Condition | None:
    """Return what keeps the children from being as declared, although nothing failed."""
    leaving = [child for child in result.live if "deletionTimestamp" in child["metadata"]]
    names = ", ".join(f"{child['kind']} {child['metadata']['name']}" for child in leaving)
    told = (
        (
            result.contested,
            "Contested",
            f"{'; '.join(result.contested)}; put right ever less often",
        ),
        (result.foreign, "ForeignFields", f"not declared, left: {'; '.join(result.foreign)}"),
        (leaving, "ChildDeleting", f"being deleted, and made anew once they are gone: {names}"),
    )
    for found, reason, message in told:
        if found:
            return Condition("Synced", "False", reason, message)
    return None


def _database(service: ShopService, provisioned: Provisioned) -> Iterator[Condition]:
    if service.spec.database is None:
        return
    error = provisioned.database_error
    if error is not None:
        yield Condition("DatabaseReady", "False", error.reason, str(error))
    else:
        name = service.spec.database.name
        message = f"database {name} and its roles are there"
        yield Condition("DatabaseReady", "True", "Available", message)


def _workload(result: ApplyResult, rollout: Rollout) -> Condition:
    held = readiness.blocked(result, frozenset({"Deployment"}))
    if held is not None:
        return Condition("WorkloadReady", *held)
    return Condition("WorkloadReady", rollout.status, rollout.reason, rollout.message)


def _secrets(
    service: ShopService, provisioned: Provisioned, result: ApplyResult
) -> Iterator[Condition]:
    kept = service.spec.secrets.keeps_vault
    if not service.has_access_secret and not service.spec.secrets.files and not kept:
        return
    error = provisioned.secrets_error
    held = readiness.blocked(result, frozenset({"Secret"}))
    observed = service.spec.management_policy == "Observe"
    if held is not None:
        yield Condition("SecretsReady", *held)
    elif error is not None:
        yield Condition("SecretsReady", "False", error.reason, str(error))
    elif not provisioned.access.complete(service) and observed:
        message = "a Secret of the service is not there, or has no password"
        yield Condition("SecretsReady", "False", "Missing", message)
    elif not provisioned.access.complete(service):
        message = "waits for the database to make its passwords"
        yield Condition("SecretsReady", "False", "DatabaseNotReady", message)
    elif kept:
        message = "its policy, role and logins are in Vault; the agent brings them to the pods"
        yield Condition("SecretsReady", "True", "Available", message)
    elif service.spec.secrets.provider == "vault" and service.spec.secrets.files:
        message = "Vault's agent brings the files; a pod that waits for one says so in its init log"
        yield Condition("SecretsReady", "True", "LeftToVault", message)
    else:
        yield Condition("SecretsReady", "True", "Available", "every secret is there")
