"""Readiness of the children that Strimzi serves: topics and the connector."""

from collections.abc import Mapping
from typing import Any, Final

from shop_operator.apply.result import ApplyResult
from shop_operator.metadata import Manifest
from shop_operator.spec import ShopService
from shop_operator.stores.provisioning import Provisioned

EVENTS_KINDS: Final = frozenset({"KafkaTopic"})
CAPTURE_KINDS: Final = frozenset({"KafkaConnector"})
Verdict = tuple[str, str, str]
"""Status, reason and message of a condition."""


def topics(service: ShopService, result: ApplyResult) -> Verdict | None:
    """Return the verdict on the topics; None if the service has none."""
    events = service.spec.events
    if not events.publishes and not events.subscribes:
        return None
    refused = blocked(result, EVENTS_KINDS)
    if refused is not None:
        return refused
    for topic in (child for child in result.live if child["kind"] == "KafkaTopic"):
        ready = condition_of(topic, "Ready")
        if ready.get("status") != "True" or not _current(topic):
            said = ready.get("message") or "Strimzi has not reported it yet"
            message = f"topic {topic['metadata']['name']}: {said}"
            return "False", ready.get("reason") or "TopicNotReady", message
    return "True", "TopicsReady", "every topic is there"


def capture(service: ShopService, provisioned: Provisioned, result: ApplyResult) -> Verdict | None:
    """Return the verdict on change data capture; None if the service has no outbox."""
    outbox = service.spec.outbox_table
    if outbox is None:
        return None
    refused = blocked(result, CAPTURE_KINDS)
    if refused is not None:
        return refused
    if provisioned.capture_error is not None:
        return "False", provisioned.capture_error.reason, str(provisioned.capture_error)
    connector = next((c for c in result.live if c["kind"] == "KafkaConnector"), None)
    if connector is None:
        reason = "OutboxMissing" if provisioned.database_error is None else "DatabaseNotReady"
        return "False", reason, f"the connector is made once the migration has made {outbox}"
    return _connector(connector)


def _connector(connector: Manifest) -> Verdict:
    status = connector.get("status") or {}
    ready = condition_of(connector, "Ready")
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


def blocked(result: ApplyResult, kinds: frozenset[str]) -> Verdict | None:
    """Return the verdict if children of these kinds could not be applied, else None."""
    error = result.first_error(kinds)
    if error is not None:
        return "False", error.reason, error.message
    for kind in result.missing_kinds:
        if kind in kinds:
            return "False", "CrdMissing", f"the cluster does not know {kind}; install its CRD"
    return None


def condition_of(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    """Return a condition of a live object; empty if nobody has reported it."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _current(manifest: Manifest) -> bool:
    """Return True if the status is about the current generation."""
    seen = (manifest.get("status") or {}).get("observedGeneration")
    return bool(seen == manifest["metadata"].get("generation"))
