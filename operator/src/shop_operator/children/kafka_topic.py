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
    """Yield each topic that the service owns."""
    prefix = topic_prefix(service.namespace, platform)
    for topic in service.spec.events.publishes:
        yield DeclaredTopic(
            resource=prefix + topic.topic,
            topic=prefix + topic.topic,
            on_delete=topic.on_delete,
            spec={
                "partitions": topic.partitions,
                "replicas": topic.replicas,
                "config": dict(topic.config),
            },
        )
    for subscription in service.spec.events.subscribes:
        name = dead_letter_topic(service, platform, subscription)
        config = {"retention.ms": "-1"}  # until a person has decided about each
        yield DeclaredTopic(
            resource=name,
            topic=name,
            on_delete=subscription.on_delete,
            # As many replicas as the brokers say: fewer than they want in step keeps no letter.
            spec={"partitions": 1, "config": config},
        )
    published = {prefix + topic.topic for topic in service.spec.events.publishes}
    yield from (own for own in _debezium(service, platform) if own.topic not in published)


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
