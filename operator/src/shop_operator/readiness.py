"""What others make of topics, connector and route: the children that a service waits for."""

from collections.abc import Mapping
from typing import Any, Final

from shop_operator.accounts import Accounts
from shop_operator.children.metadata import Manifest
from shop_operator.outcome import Outcome
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

EVENTS_KINDS: Final = frozenset({"KafkaTopic"})
CAPTURE_KINDS: Final = frozenset({"KafkaConnector"})
ROUTE_KINDS: Final = frozenset({"HTTPRoute", "Ingress", "KongPlugin"})
Verdict = tuple[str, str, str]
"""Status, reason and message of a condition."""


def topics(service: ShopService, outcome: Outcome) -> Verdict | None:
    """Return whether Kafka has the topics; None when the service has none."""
    events = service.spec.events
    if not events.publishes and not events.subscribes:
        return None
    refused = _blocked(outcome, EVENTS_KINDS)
    if refused is not None:
        return refused
    for topic in (child for child in outcome.live if child["kind"] == "KafkaTopic"):
        ready = _condition(topic, "Ready")
        if ready.get("status") != "True" or not _current(topic):
            said = ready.get("message") or "Strimzi has not reported it yet"
            message = f"topic {topic['metadata']['name']}: {said}"
            return "False", ready.get("reason") or "TopicNotReady", message
    return "True", "TopicsReady", "every topic is there"


def capture(service: ShopService, accounts: Accounts, outcome: Outcome) -> Verdict | None:
    """Return whether the outbox is read; None when the service has none."""
    outbox = service.spec.outbox_table
    if outbox is None:
        return None
    refused = _blocked(outcome, CAPTURE_KINDS)
    if refused is not None:
        return refused
    connector = next((c for c in outcome.live if c["kind"] == "KafkaConnector"), None)
    if connector is None:
        reason = "OutboxMissing" if accounts.database_error is None else "DatabaseNotReady"
        return "False", reason, f"the connector is made once the migration has made {outbox}"
    return _connector(connector)


def _connector(connector: Manifest) -> Verdict:
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


def route(service: ShopService, platform: Settings, outcome: Outcome) -> Verdict | None:
    """Return whether callers from outside get there; None when the service has no route."""
    if service.spec.route is None:
        return None
    refused = _blocked(outcome, ROUTE_KINDS)
    if refused is not None:
        return refused
    if service.spec.route.via == "gateway":
        return "True", "InRouteTable", "in the gateway's route table"
    if platform.edge == "none":
        message = "the platform has no edge that the operator keeps; reach it by its Service"
        return "True", "NoEdge", message
    return _entry(outcome)


def _entry(outcome: Outcome) -> Verdict:
    entry = next((c for c in outcome.live if c["kind"] in {"HTTPRoute", "Ingress"}), None)
    if entry is None:
        return "False", "RouteMissing", "the route is not written yet"
    if entry["kind"] == "Ingress":
        return "True", "IngressWritten", "the Ingress is there"
    parents = (entry.get("status") or {}).get("parents") or ()
    for parent in parents:
        for condition in parent.get("conditions") or ():
            if condition["type"] == "Accepted":
                accepted: Verdict = (
                    condition["status"],
                    condition.get("reason") or "Accepted",
                    condition.get("message") or "the Gateway accepts the route",
                )
                return accepted
    return "False", "NotAccepted", "no Gateway has accepted the HTTPRoute yet; does it exist?"


def _blocked(outcome: Outcome, kinds: frozenset[str]) -> Verdict | None:
    """Return what keeps one of these kinds from being written."""
    refusal = outcome.refusal(kinds)
    if refusal is not None:
        return "False", refusal.reason, refusal.message
    for kind in outcome.missing_kinds:
        if kind in kinds:
            return "False", "CrdMissing", f"the cluster does not know {kind}; install its CRD"
    return None


def _condition(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _current(manifest: Manifest) -> bool:
    """Whether the status speaks of the present spec."""
    seen = (manifest.get("status") or {}).get("observedGeneration")
    return bool(seen == manifest["metadata"].get("generation"))
