from typing import Any

import pytest

from shop_cluster.kafka_topics import Topic
from shop_cluster.strimzi_status import RefusedError
from shop_cluster.strimzi_topics import Changes, changes, config_of, conflicts

ACTUAL = Topic(topic_id="x", partitions=3, replicas=1, config={"retention.ms": "1"})


def resource(name: str = "t", created: str = "2026-01-01T00:00:00Z", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "creationTimestamp": created}, "spec": spec}


def test_a_topic_as_it_should_be_is_left_alone() -> None:
    wanted = resource(partitions=3, replicas=1, config={"retention.ms": 1})
    assert changes(wanted, ACTUAL) == Changes()


def test_partitions_grow() -> None:
    assert changes(resource(partitions=5), ACTUAL) == Changes(partitions=5)


@pytest.mark.parametrize("spec", [{"partitions": 2}, {"replicas": 3}], ids=str)
def test_what_kafka_cannot_do_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refused:
        changes(resource(**spec), ACTUAL)
    assert refused.value.reason == "NotSupported"


def test_settings_drift_back_both_ways() -> None:
    drifted = Topic(
        topic_id="x",
        partitions=3,
        replicas=1,
        config={"retention.ms": "9", "cleanup.policy": "compact", "segment.ms": "7"},
        overrides=frozenset({"retention.ms", "cleanup.policy"}),
    )
    todo = changes(resource(config={"retention.ms": "1"}), drifted)
    assert todo == Changes(set={"retention.ms": "1"}, remove=frozenset({"cleanup.policy"}))


def test_settings_are_spelt_as_kafka_does() -> None:
    config = {"retention.ms": 1, "preallocate": True}
    assert config_of(resource(config=config)) == {"retention.ms": "1", "preallocate": "true"}


def test_the_older_resource_manages_a_topic() -> None:
    old = resource("old", "2026-01-01T00:00:00Z", topicName="t")
    new = resource("t", "2026-02-01T00:00:00Z")
    assert conflicts([new, old]) == {"t": "old"}
