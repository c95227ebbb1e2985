"""The topics that the service publishes, and the dead letters of the groups it reads as."""

from collections.abc import Iterator

from shop_operator.children.metadata import Manifest, tracked
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

API = "kafka.strimzi.io/v1"
RETAIN_ANNOTATION = {"strimzi.io/managed": "false"}
"""Put on a KafkaTopic before it is deleted, so that Strimzi keeps the topic."""


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
