"""Readiness of the children that Strimzi serves: topics and the connector.

Source: Strimzi, "Configuring and managing Kafka", the statuses of its custom resources.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from shop_operator.apply.children import identity
from shop_operator.apply.result import ApplyResult
from shop_operator.metadata import Manifest
from shop_operator.spec import ShopService
from shop_operator.stores.provisioning import Provisioned

EVENTS_KINDS: Final = frozenset({"KafkaTopic"})
CAPTURE_KINDS: Final = frozenset({"KafkaConnector"})
_PAUSED: Final = "strimzi.io/pause-reconciliation"
_MANAGED: Final = "strimzi.io/managed"
_STATES: Final = {
    "PAUSED": ("ConnectorPaused", "is paused"),
    "STOPPED": ("ConnectorStopped", "is stopped"),
    "UNASSIGNED": ("ConnectorUnassigned", "is assigned to no worker of Kafka Connect"),
    "RESTARTING": ("ConnectorNotReady", "is being restarted"),
    "DESTROYED": ("ConnectorNotReady", "is being removed"),
}
Verdict = tuple[str, str, str]
"""Status, reason and message of a condition."""


def topics(
    service: ShopService, result: ApplyResult, going: Sequence[Manifest] = ()
) -> Verdict | None:
    """Return the verdict on the topics; None if the service has none.

    `going` are children no longer declared that are still there.
    """
    events = service.spec.events
    topics_going = [child for child in going if child["kind"] == "KafkaTopic"]
    if not events.publishes and not events.subscribes and not topics_going:
        return None
    refused = blocked(result, EVENTS_KINDS)
    if refused is not None:
        return refused
    for child in (child for child in result.live if child["kind"] == "KafkaTopic"):
        verdict = topic(child)
        if verdict[0] != "True":
            return verdict
    if topics_going:
        names = ", ".join(child["metadata"]["name"] for child in topics_going)
        return "False", "TopicDeleting", f"no longer declared, and Strimzi still removes: {names}"
    return "True", "TopicsReady", "every topic is there"


def topic(child: Manifest) -> Verdict:
    """Return whether Strimzi keeps a topic as it is declared now."""
    name = f"topic {child['metadata']['name']}"
    if "deletionTimestamp" in child["metadata"]:
        return "False", "TopicDeleting", f"{name} is being deleted; it is made anew when it is gone"
    if _annotation(child, _MANAGED) == "false":
        message = f"{name}: Strimzi leaves it alone, by the annotation {_MANAGED}=false; remove it"
        return "False", "TopicUnmanaged", message
    problem = _problem(child)
    if problem is not None:
        return "False", problem[0] or "TopicNotReady", f"{name}: {problem[1]}"
    if condition_of(child, "Ready").get("status") != "True" or not _current(child):
        return "False", "TopicNotReady", f"{name}: Strimzi has not reported it yet"
    return "True", "TopicReady", f"{name} is there"


def capture(service: ShopService, provisioned: Provisioned, result: ApplyResult) -> Verdict | None:
    """Return the verdict on change data capture; None if the service has no outbox."""
    outbox = service.spec.outbox_table
    if outbox is None:
        return None
    refused = blocked(result, CAPTURE_KINDS)
    if refused is not None:
        return refused
    child = next((c for c in result.live if c["kind"] == "KafkaConnector"), None)
    error = provisioned.capture_error
    is_ours = error is not None and error.reason == "CaptureBeginsAnew"
    if child is not None and not is_ours and connector(child)[0] != "True":
        return connector(child)  # what Strimzi says comes before what follows from it
    if error is not None:
        return "False", error.reason, str(error)
    if child is None:
        reason = "OutboxMissing" if provisioned.database_error is None else "DatabaseNotReady"
        return "False", reason, f"the connector is made once the migration has made {outbox}"
    return connector(child)


def connector(child: Manifest) -> Verdict:
    """Return whether the connector and each of its tasks run, as it is declared now."""
    name = child["metadata"]["name"]
    if "deletionTimestamp" in child["metadata"]:
        return "False", "ConnectorNotReady", f"connector {name} is being deleted, then made anew"
    status = child.get("status") or {}
    said = status.get("connectorStatus") or {}
    failed = _failed(said)
    problem = _problem(child)
    if failed is not None:
        return "False", "ConnectorFailed", failed + _restarts(child)
    if problem is not None:
        return "False", problem[0] or "ConnectorFailed", problem[1] + _restarts(child)
    wanted = child["spec"].get("state", "running")
    if wanted != "running" and wanted.upper() in _STATES:
        message = f"connector {name}: somebody set spec.state to {wanted}; set it to running"
        return "False", _STATES[wanted.upper()][0], message
    if condition_of(child, "Ready").get("status") != "True" or not _current(child):
        return "False", "ConnectorNotReady", "Strimzi has not reported the connector as ready yet"
    return _running(name, said)


def _running(name: str, said: Mapping[str, Any]) -> Verdict:
    tasks = said.get("tasks") or ()
    parts = [(f"connector {name}", said.get("connector") or {})]
    parts += [(f"task {task.get('id')} of connector {name}", task) for task in tasks]
    for what, part in parts:
        state = part.get("state")
        if state != "RUNNING":
            told = ("ConnectorNotReady", f"is {state}" if state else "has not been reported")
            reason, words = _STATES.get(state or "", told)
            return "False", reason, f"{what} {words}"
    if not tasks:
        return "False", "ConnectorNoTasks", f"connector {name} has no task, so it reads nothing"
    return "True", "Streaming", "the connector reads the outbox"


def _failed(said: Mapping[str, Any]) -> str | None:
    """Return the first line that a failed connector or task leaves behind; None if none failed."""
    for part in (said.get("connector") or {}, *(said.get("tasks") or ())):
        if part.get("state") == "FAILED":
            lines = str(part.get("trace") or "").splitlines()
            return lines[0] if lines else "it has failed, and left no trace"
    return None


def _problem(child: Manifest) -> tuple[str, str] | None:
    """Return the reason and message of what Strimzi complains about; None if it does not."""
    if _annotation(child, _PAUSED) == "true" or (
        condition_of(child, "ReconciliationPaused").get("status") == "True"
    ):
        message = f"Strimzi does not look at it, by the annotation {_PAUSED}=true; remove it"
        return "ReconciliationPaused", message
    refused = condition_of(child, "NotReady")
    if refused.get("status") != "True":
        refused = condition_of(child, "Ready")
        if refused.get("status") != "False":
            return None
    return refused.get("reason") or "", refused.get("message") or "Strimzi gives no reason"


def _restarts(child: Manifest) -> str:
    """Return how often Strimzi has restarted the connector, and what to do if it has given up."""
    restarts = ((child.get("status") or {}).get("autoRestart") or {}).get("count", 0)
    limit = (child["spec"].get("autoRestart") or {}).get("maxRestarts")
    if limit is None or restarts < limit:
        return f" (restarted {restarts} times)"
    return (
        f" (restarted {restarts} times and given up: when the cause is gone, annotate the "
        "KafkaConnector with strimzi.io/restart=true)"
    )


def _annotation(child: Manifest, name: str) -> str | None:
    return (child["metadata"].get("annotations") or {}).get(name)


def leaving(children: Iterable[Manifest], result: ApplyResult) -> list[Manifest]:
    """Return the children that are no longer declared, and still there while they are deleted."""
    declared = set(map(identity, result.live))
    return [
        child
        for child in children
        if "deletionTimestamp" in child["metadata"] and identity(child) not in declared
    ]


def blocked(result: ApplyResult, kinds: frozenset[str]) -> Verdict | None:
    """Return the verdict if children of these kinds are not as declared, else None.

    That is if they could not be applied, or if managementPolicy holds a change back.
    """
    error = result.first_error(kinds)
    if error is not None:
        return "False", error.reason, error.message
    for kind in result.missing_kinds:
        if kind in kinds:
            return "False", "CrdMissing", f"the cluster does not know {kind}; install its CRD"
    held = [phrase for phrase in result.pending if phrase.split()[-2] in kinds]
    if held:
        reason = "Missing" if any(phrase.startswith("create ") for phrase in held) else "Differs"
        return "False", reason, f"held back by managementPolicy: {'; '.join(held)}"
    return None


def condition_of(manifest: Manifest, kind: str) -> Mapping[str, Any]:
    """Return a condition of a live object; empty if nobody has reported it."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _current(manifest: Manifest) -> bool:
    """Return True if the status is about the current generation."""
    seen = (manifest.get("status") or {}).get("observedGeneration")
    return bool(seen == manifest["metadata"].get("generation"))
