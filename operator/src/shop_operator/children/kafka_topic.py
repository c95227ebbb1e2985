"""KafkaTopics: what a service publishes, its groups' dead letters, and Debezium's own topics."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from shop_operator.metadata import Manifest, tracked
from shop_operator.names import dead_letter_topic, source_name, topic_prefix
from shop_operator.settings import Settings
from shop_operator.spec import Deletion, ShopService

API = "kafka.strimzi.io/v1"
RETAIN_ANNOTATION = {"strimzi.io/managed": "false"}
"""Set before a KafkaTopic is deleted, so that Strimzi keeps the topic in Kafka."""
_HEARTBEAT: Final = "__debezium-heartbeat"
"""Default of Debezium's `topic.heartbeat.prefix`."""
_KEPT: Final = {"retention.ms": "-1"}
"""Of dead letters: they stay until a person has decided about each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredTopic:
    """A topic that a service declares."""

    resource: str
    """Name of the KafkaTopic."""
    topic: str
    """Name in Kafka."""
    on_delete: Deletion
    is_named_by_user: bool = True
    """Whether its name is the spec's; else it is made of the connector's."""
    spec: dict[str, Any] = field(default_factory=dict)
    """Settings of the KafkaTopic beside topicName."""


def declared_topics(service: ShopService, platform: Settings) -> Iterator[DeclaredTopic]:
    """Yield each topic that the service owns, once.

    A dead-letter topic that it publishes too, to choose its partitions, is as it declares it there.
    """
    prefix = topic_prefix(service.namespace, platform)
    dead_letters = {
        dead_letter_topic(service, platform, each): each.on_delete
        for each in service.spec.events.subscribes
    }
    published = {prefix + topic.topic: topic for topic in service.spec.events.publishes}
    for name, topic in published.items():
        yield DeclaredTopic(
            resource=name,
            topic=name,
            on_delete=topic.on_delete,
            spec={
                "partitions": topic.partitions,
                "replicas": topic.replicas,
                "config": (_KEPT if name in dead_letters else {}) | topic.config,
            },
        )
    for name, on_delete in dead_letters.items():
        if name not in published:
            yield DeclaredTopic(
                resource=name,
                topic=name,
                on_delete=on_delete,
                # As many replicas as brokers say: fewer than they want in step keeps no letter.
                spec={"partitions": 1, "config": dict(_KEPT)},
            )
    for own in _debezium(service, platform):
        if published.keys().isdisjoint({own.topic, own.resource}):
            yield own


def _debezium(service: ShopService, platform: Settings) -> Iterator[DeclaredTopic]:
    """Yield the topics that the connector writes beside its events; they go with it."""
    database = service.spec.database
    if database is None or service.spec.outbox_table is None:
        return
    source = source_name(service, platform)
    names = {"heartbeat": f"{_HEARTBEAT}.{source}"}
    if database.kind == "postgres":  # of pg_logical_emit_message, the heartbeat's query
        names["message"] = f"{source}.message"
    for what, topic in names.items():
        resource = f"{source}-outbox.{what}"
        yield DeclaredTopic(
            resource=resource, topic=topic, on_delete="Drop", is_named_by_user=False
        )


def kafka_topics(service: ShopService, platform: Settings) -> Iterator[Manifest]:
    """Yield a KafkaTopic for each topic that the service owns."""
    for topic in declared_topics(service, platform):
        found = tracked(
            service,
            API,
            "KafkaTopic",
            name=topic.resource,
            namespace=platform.kafka_namespace,
            spec={"topicName": topic.topic, **topic.spec},
        )
        found["metadata"]["labels"] |= {"strimzi.io/cluster": platform.kafka_cluster}
        yield found
