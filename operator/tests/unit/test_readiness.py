"""EventsReady and CdcReady tell what Strimzi and Kafka Connect say, in their words."""

from typing import Any

import pytest

from shop_operator.apply.result import ApplyResult
from shop_operator.children.access_secret import Access
from shop_operator.conditions.assess import assess
from shop_operator.conditions.readiness import capture, connector, topic, topics
from shop_operator.conditions.workload import Rollout
from shop_operator.metadata import Manifest
from shop_operator.spec import ShopService, parse
from shop_operator.stores.errors import StoreError
from shop_operator.stores.provisioning import Provisioned

from .specs import service

READY = {"type": "Ready", "status": "True"}
REFUSED = {"status": "True", "reason": "ConnectRestException", "message": "no such class"}
RUNNING = {"connector": {"state": "RUNNING"}, "tasks": [{"id": 0, "state": "RUNNING"}]}


def resource(kind: str, *conditions: Manifest, seen: int = 2, **status: Any) -> Manifest:
    """Return a Strimzi resource of generation 2."""
    spec: Manifest = {"autoRestart": {"enabled": True, "maxRestarts": 7}}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": kind,
        "metadata": {"name": "a", "namespace": "platform", "generation": 2},
        "spec": spec if kind == "KafkaConnector" else {},
        "status": {"observedGeneration": seen, "conditions": list(conditions), **status},
    }


def captured(*conditions: Manifest, **status: Any) -> Manifest:
    found = {"connectorStatus": RUNNING} | status
    return resource("KafkaConnector", *(conditions or (READY,)), **found)


def declared(**spec: Any) -> ShopService:
    return parse(service("a", {"image": "a:1", **spec}))


def state(connector_state: str | None, *tasks: str) -> Manifest:
    """Return Connect's report of a connector and its tasks."""
    listed = [{"id": number, "state": task} for number, task in enumerate(tasks)]
    return {"connectorStatus": {"connector": {"state": connector_state}, "tasks": listed}}


def test_a_connector_streams_only_if_it_and_its_task_run() -> None:
    assert connector(captured())[:2] == ("True", "Streaming")


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (state("PAUSED", "PAUSED"), "ConnectorPaused", "connector a is paused"),
        (state("RUNNING", "PAUSED"), "ConnectorPaused", "task 0 of connector a is paused"),
        (state("STOPPED"), "ConnectorStopped", "is stopped"),
        (state("UNASSIGNED", "UNASSIGNED"), "ConnectorUnassigned", "assigned to no worker"),
        (state("RUNNING", "UNASSIGNED"), "ConnectorUnassigned", "task 0"),
        (state("RUNNING", "RUNNING", "RESTARTING"), "ConnectorNotReady", "task 1"),
        (state("RUNNING"), "ConnectorNoTasks", "no task"),
        (state(None), "ConnectorNotReady", "has not been reported"),
        ({"connectorStatus": None}, "ConnectorNotReady", "has not been reported"),
        (state("FAILED"), "ConnectorFailed", "left no trace"),
        (state("RUNNING", "FAILED"), "ConnectorFailed", "restarted 0 times"),
        ({"seen": 1}, "ConnectorNotReady", "not reported"),
    ],
)
def test_any_other_state_of_connect_is_told(status: Manifest, reason: str, words: str) -> None:
    found = connector(captured(**status))
    assert found[:2] == ("False", reason)
    assert words in found[2]


@pytest.mark.parametrize("wanted", ["paused", "stopped"])
def test_a_connector_that_somebody_paused_is_told_before_connect_reports_it(wanted: str) -> None:
    child = captured()
    child["spec"]["state"] = wanted
    found = connector(child)
    assert found[1] == f"Connector{wanted.capitalize()}"
    assert f"spec.state to {wanted}" in found[2]


def test_strimzis_own_complaint_is_told_with_its_reason() -> None:
    found = connector(captured({"type": "NotReady", **REFUSED}, connectorStatus={}))
    assert found[:2] == ("False", "ConnectRestException")
    assert "no such class" in found[2]
    found = connector(captured({"type": "Ready", **REFUSED, "status": "False"}))
    assert found[1] == "ConnectRestException"


def test_a_reconciliation_that_is_paused_is_told() -> None:
    for child in (captured(), resource("KafkaTopic", READY)):
        look = connector if child["kind"] == "KafkaConnector" else topic
        assert look(child)[0] == "True"
        child["metadata"]["annotations"] = {"strimzi.io/pause-reconciliation": "true"}
        assert look(child)[1] == "ReconciliationPaused"
    paused = {"type": "ReconciliationPaused", "status": "True"}
    assert connector(captured(paused))[1] == "ReconciliationPaused"


def test_a_connector_that_was_given_up_says_how_to_go_on() -> None:
    found = connector(captured(**state("RUNNING", "FAILED"), autoRestart={"count": 7}))
    assert "strimzi.io/restart=true" in found[2]
    child = captured(**state("RUNNING", "FAILED"), autoRestart={"count": 7})
    del child["spec"]["autoRestart"]
    assert "restarted 7 times" in connector(child)[2]


def test_a_child_that_is_being_deleted_is_not_ready() -> None:
    for child in (captured(), resource("KafkaTopic", READY)):
        child["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        look = connector if child["kind"] == "KafkaConnector" else topic
        assert look(child)[0] == "False"


@pytest.mark.parametrize(
    ("child", "reason"),
    [
        (resource("KafkaTopic", READY), "TopicReady"),
        (resource("KafkaTopic", READY, seen=1), "TopicNotReady"),
        (resource("KafkaTopic"), "TopicNotReady"),
        (
            resource("KafkaTopic", {"type": "Ready", **REFUSED, "status": "False"}),
            REFUSED["reason"],
        ),
        (resource("KafkaTopic", {"type": "NotReady", **REFUSED}), REFUSED["reason"]),
    ],
)
def test_topics(child: Manifest, reason: str) -> None:
    assert topic(child)[1] == reason


def test_a_topic_that_strimzi_does_not_manage_is_told() -> None:
    child = resource("KafkaTopic", READY)
    child["metadata"]["annotations"] = {"strimzi.io/managed": "false"}
    assert topic(child)[1] == "TopicUnmanaged"


def test_a_topic_that_is_no_longer_declared_counts_until_it_is_gone() -> None:
    found = topics(declared(), ApplyResult(), [resource("KafkaTopic", READY)])
    assert found is not None
    assert found[:2] == ("False", "TopicDeleting")
    assert topics(declared(), ApplyResult(), []) is None


def test_what_the_store_says_of_capture_counts_where_the_connector_seems_well() -> None:
    spec = {"database": {"kind": "postgres", "name": "a"}, "events": {"outbox": {}}}

    def reason(provisioned: Provisioned, result: ApplyResult) -> str:
        found = capture(declared(**spec), provisioned, result)
        assert found is not None
        assert (found[0] == "True") == (found[1] == "Streaming")
        return found[1]

    lost = Provisioned(Access(), capture_error=StoreError("SlotInactive", "nobody reads it"))
    well = ApplyResult(live=[captured()])
    assert reason(lost, well) == "SlotInactive"
    paused = ApplyResult(live=[captured(**state("PAUSED", "PAUSED"))])
    assert reason(lost, paused) == "ConnectorPaused"
    assert reason(Provisioned(Access()), well) == "Streaming"


def test_a_child_that_is_being_deleted_is_told_in_synced() -> None:
    leaving = {"kind": "Service", "metadata": {"name": "a", "deletionTimestamp": "now"}}
    rollout = Rollout("True", "Available", "1 of 1 pods are available")
    whole = Provisioned(Access())
    [ready, synced, *_] = assess(declared(), whole, ApplyResult(live=[leaving]), rollout, None)
    assert (ready.status, synced.status, synced.reason) == ("False", "False", "ChildDeleting")
    assert "Service a" in synced.message


def test_what_is_held_back_is_told_by_the_condition_that_it_concerns() -> None:
    spec = {
        "cache": {"kind": "redis"},
        "database": {"kind": "postgres", "name": "a"},
        "events": {"publishes": [{"topic": "a.events"}], "outbox": {}},
        "managementPolicy": "Observe",
    }
    result = ApplyResult(
        pending=[
            "create KafkaTopic a.events",
            "create KafkaConnector a-outbox",
            "change spec.template of Deployment a",
            "create Secret a-access",
        ]
    )
    missing = Provisioned(Access(), StoreError("Missing", "not there: Database a in PostgreSQL"))
    rollout = Rollout("True", "Available", "1 of 1 pods are available")
    found = {c.type: c for c in assess(declared(**spec), missing, result, rollout, None)}
    assert {kind: each.reason for kind, each in found.items()} == {
        "Ready": "DriftObserved",
        "Synced": "DriftObserved",
        "DatabaseReady": "Missing",
        "SecretsReady": "Missing",
        "WorkloadReady": "Differs",
        "EventsReady": "Missing",
        "CdcReady": "Missing",
    }
    assert "KafkaTopic a.events" in found["EventsReady"].message
    assert "KafkaTopic" not in found["CdcReady"].message
