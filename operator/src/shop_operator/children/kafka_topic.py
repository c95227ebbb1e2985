"""KafkaTopics: the topics that a service publishes and its consumer groups' dead letter topics."""

from collections.abc import Iterator

from shop_operator.metadata import Manifest, tracked
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

API = "kafka.strimzi.io/v1"
RETAIN_ANNOTATION = {"strimzi.io/managed": "false"}
"""Set before a KafkaTopic is deleted, so that Strimzi keeps the topic in Kafka."""


def kafka_topics(service: ShopService, platform: Settings) -> Iterator[Manifest]:
    """Yield a KafkaTopic for each topic that the service owns."""
    for topic in service.spec.events.publishes:
        yield _topic(
            service,
            platform,
            name=topic.topic,
            spec={
                "topicName": topic.topic,
                "partitions": topic.partitions,
                "replicas": topic.replicas,
                "config": dict(topic.config),
            },
        )
    for subscription in service.spec.events.subscribes:
        name = subscription.dead_letter_topic
        config = {"retention.ms": "-1"}  # until a person has decided about each
        yield _topic(
            service,
            platform,
            name=name,
            spec={"topicName": name, "partitions": 1, "replicas": 1, "config": config},
        )


def _topic(service: ShopService, platform: Settings, *, name: str, spec: Manifest) -> Manifest:
    found = tracked(
        service, API, "KafkaTopic", name=name, namespace=platform.kafka_namespace, spec=spec
    )
    found["metadata"]["labels"] |= {"strimzi.io/cluster": platform.kafka_cluster}
    return found
