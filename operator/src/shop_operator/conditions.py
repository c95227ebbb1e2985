"""From what was seen to conditions: the one place where their types, reasons and messages are.

Source: Kubernetes API conventions, "Typical status properties".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shop_operator.accounts import Accounts
from shop_operator.children.metadata import Manifest
from shop_operator.outcome import Outcome, Refusal
from shop_operator.settings import Settings
from shop_operator.spec import ShopService
from shop_operator.workload import workload

_EVENTS_KINDS: Final = frozenset({"KafkaTopic"})
_CAPTURE_KINDS: Final = frozenset({"KafkaConnector"})
_ROUTE_KINDS: Final = frozenset({"HTTPRoute", "Ingress", "KongPlugin"})
TAKES_TIME: Final = frozenset(
    {"Progressing", "TopicNotReady", "ConnectorNotReady", "OutboxMissing", "DatabaseNotReady"}
)
_MESSAGE_LENGTH: Final = 1024


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `status` is True, False or Unknown, as text."""

    type: str
    status: str
    reason: str
    message: str


def assess(
    service: ShopService,
    platform: Settings,
    accounts: Accounts,
    outcome: Outcome,
    pods: Sequence[Manifest],
) -> list[Condition]:
    """Return all conditions, Ready first."""
    parts = [
        _synced(service, outcome),
        *_database(service, accounts),
        *_secrets(service, accounts),
        Condition("WorkloadReady", *workload(service, outcome.live, pods)),
        *_events(service, outcome),
        *_capture(service, accounts, outcome),
        *_route(service, platform, outcome),
    ]
    return [_ready(parts), *parts]


def only(reason: str, message: str, *, status: str = "False") -> list[Condition]:
    """Return a lone Ready condition, for a ShopService that is not worked on."""
    return [Condition("Ready", status, reason, message)]


def merged(
    conditions: Sequence[Condition], before: Sequence[Mapping[str, Any]], *, generation: int
) -> list[Manifest]:
    """Return the conditions as they are written; a time moves only when its status flips."""
    old = {condition["type"]: condition for condition in before}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
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


def _ready(parts: Sequence[Condition]) -> Condition:
    """Sum up: what a person must see to comes before what only takes time."""
    missing = [part for part in parts if part.status != "True"]
    if not missing:
        return Condition("Ready", "True", "AllReady", "everything is as declared and ready")
    first = min(missing, key=lambda part: part.reason in TAKES_TIME)
    return Condition("Ready", first.status, first.reason, f"{first.type}: {first.message}")


def _synced(service: ShopService, outcome: Outcome) -> Condition:
    elsewhere = _EVENTS_KINDS | _CAPTURE_KINDS | _ROUTE_KINDS
    refusal = _first(outcome.refusals)
    if refusal is not None:
        return Condition("Synced", "False", refusal.reason, refusal.message)
    if outcome.pending:
        count = len(outcome.pending)
        return Condition(
            "Synced",
            "False",
            "DriftObserved",
            f"{count} writes held back by managementPolicy {service.spec.management_policy}: "
            + "; ".join(outcome.pending),
        )
    skipped = [kind for kind in outcome.missing_kinds if kind not in elsewhere]
    if skipped:
        names = ", ".join(skipped)
        message = f"skipped until their CRDs are installed: {names}"
        return Condition("Synced", "True", "CrdMissing", message)
    return Condition("Synced", "True", "AsDeclared", "every child is as declared")


def _database(service: ShopService, accounts: Accounts) -> Iterator[Condition]:
    if service.spec.database is None:
        return
    error = accounts.database_error
    if error is not None:
        yield Condition("DatabaseReady", "False", error.reason, str(error))
    elif accounts.access.owner is None:
        yield Condition("DatabaseReady", "Unknown", "NotLooked", "nothing is made under Observe")
    else:
        name = service.spec.database.name
        message = f"database {name} and its roles are there"
        yield Condition("DatabaseReady", "True", "Available", message)


def _secrets(service: ShopService, accounts: Accounts) -> Iterator[Condition]:
    if not service.has_access_secret and not service.spec.secrets.files:
        return
    error = accounts.secrets_error
    if error is not None:
        yield Condition("SecretsReady", "False", error.reason, str(error))
    elif not accounts.access.complete(service):
        message = "waits for the database to make its passwords"
        yield Condition("SecretsReady", "False", "DatabaseNotReady", message)
    elif service.spec.secrets.provider == "vault" and service.spec.secrets.files:
        message = "Vault's agent brings the files; a pod that waits for one says so in its init log"
        yield Condition("SecretsReady", "True", "LeftToVault", message)
    else:
        yield Condition("SecretsReady", "True", "Available", "every secret is there")


def _events(service: ShopService, outcome: Outcome) -> Iterator[Condition]:
    events = service.spec.events
    if not events.publishes and not events.subscribes:
        return
    refused = _blocked(outcome, _EVENTS_KINDS)
    if refused is not None:
        yield Condition("EventsReady", "False", *refused)
        return
    for topic in (child for child in outcome.live if child["kind"] == "KafkaTopic"):
        ready = _condition(topic, "Ready")
        if ready.get("status") != "True" or not _current(topic):
            said = ready.get("message") or "Strimzi has not reported it yet"
            message = f"topic {topic['metadata']['name']}: {said}"
            yield Condition("EventsReady", "False", ready.get("reason") or "TopicNotReady", message)
            return
    yield Condition("EventsReady", "True", "TopicsReady", "every topic is there")


def _capture(service: ShopService, accounts: Accounts, outcome: Outcome) -> Iterator[Condition]:
    outbox = service.spec.outbox_table
    if outbox is None:
        return
    refused = _blocked(outcome, _CAPTURE_KINDS)
    connector = next((c for c in outcome.live if c["kind"] == "KafkaConnector"), None)
    if refused is not None:
        yield Condition("CdcReady", "False", *refused)
    elif connector is None:
        known = accounts.database_error is None
        reason = "OutboxMissing" if known else "DatabaseNotReady"
        message = f"the connector is made once the migration has made {outbox}"
        yield Condition("CdcReady", "False", reason, message)
    else:
        yield Condition("CdcReady", *_connector(connector))


def _connector(connector: Manifest) -> tuple[str, str, str]:
    status = connector.get("status") or {}
    ready = _condition(connector, "Ready")
    tasks = (status.get("connectorStatus") or {}).get("tasks") or ()
    failed = [task for task in tasks if task.get("state") == "FAILED"]
    restarts = (status.get("autoRestart") or {}).get("count", 0)
    if failed or ready.get("status") == "False":
        trace = failed[0].get("trace", "") if failed else ""
        said = (trace or ready.get("message") or "no reason given").partition("\n")[0]
        gave_up = restarts >= connector["spec"]["autoRestart"]["maxRestarts"]
        hint = (
            f" (restarted {restarts} times and given up: when the cause is gone, annotate the "
            "KafkaConnector with strimzi.io/restart=true)"
            if gave_up
            else f" (restarted {restarts} times)"
        )
        return "False", "ConnectorFailed", said + hint
    if ready.get("status") != "True" or not _current(connector):
        return "False", "ConnectorNotReady", "Strimzi has not reported the connector as ready yet"
    return "True", "Streaming", "the connector reads the outbox"


def _route(service: ShopService, platform: Settings, outcome: Outcome) -> Iterator[Condition]:
    route = service.spec.route
    if route is None:
        return
    refused = _blocked(outcome, _ROUTE_KINDS)
    if refused is not None:
        yield Condition("RouteReady", "False", *refused)
    elif route.via == "gateway":
        yield Condition("RouteReady", "True", "InRouteTable", "in the gateway's route table")
    elif platform.edge == "none":
        message = "the platform has no edge that the operator keeps; reach it by its Service"
        yield Condition("RouteReady", "True", "NoEdge", message)
    else:
        yield Condition("RouteReady", *_entry(outcome))


def _entry(outcome: Outcome) -> tuple[str, str, str]:
    entry = next((c for c in outcome.live if c["kind"] in {"HTTPRoute", "Ingress"}), None)
    if entry is None:
        return "False", "RouteMissing", "the route is not written yet"
    if entry["kind"] == "Ingress":
        return "True", "IngressWritten", "the Ingress is there"
    parents = (entry.get("status") or {}).get("parents") or ()
    for parent in parents:
        for condition in parent.get("conditions") or ():
            if condition["type"] == "Accepted":
                accepted: tuple[str, str, str] = (
                    condition["status"],
                    condition.get("reason") or "Accepted",
                    condition.get("message") or "the Gateway accepts the route",
                )
                return accepted
    return "False", "NotAccepted", "no Gateway has accepted the HTTPRoute yet; does it exist?"


def _blocked(outcome: Outcome, kinds: frozenset[str]) -> tuple[str, str] | None:
    """Return the reason and message that keep one of these kinds from being written."""
    refusal = _first([refusal for refusal in outcome.refusals if refusal.kind in kinds])
    if refusal is not None:
        return refusal.reason, refusal.message
    for kind in outcome.missing_kinds:
        if kind in kinds:
            return "CrdMissing", f"the cluster does not know {kind}; install its CRD"
    return None


def _first(refusals: Sequence[Refusal]) -> Refusal | None:
    """Return the refusal that a person should see first: one that waiting does not cure."""
    return min(refusals, key=lambda refusal: refusal.temporary, default=None)


def _condition(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _current(manifest: Manifest) -> bool:
    """Whether the status speaks of the present spec."""
    seen = (manifest.get("status") or {}).get("observedGeneration")
    return bool(seen == manifest["metadata"].get("generation"))
