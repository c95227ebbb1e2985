"""KafkaTopics as Strimzi's topic operator reconciles them: from the resource to Kafka, never back.

Reasons and messages are those of its BatchingTopicController (Strimzi 1.x).
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaException

from shop_cluster.kafka_topics import KafkaTopics, Topic
from shop_cluster.kubernetes_api import KubernetesApi, Resource
from shop_cluster.strimzi_status import (
    API,
    CLUSTER_LABEL,
    RefusedError,
    annotation,
    path_of,
    paused,
    write_status,
)

PLURAL = "kafkatopics"
FINALIZER = "strimzi.io/topic-operator"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What to do to a topic: new partitions in all, settings to set, settings to let go."""

    partitions: int | None = None
    set: dict[str, str] = field(default_factory=dict)
    remove: frozenset[str] = frozenset()


def topic_name(resource: Resource) -> str:
    """Return the topic's name in Kafka."""
    name: str = resource["spec"].get("topicName") or resource["metadata"]["name"]
    return name


def config_of(resource: Resource) -> dict[str, str]:
    """Return a topic's settings as Kafka spells them."""
    config = resource["spec"].get("config", {})
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in config.items()
    }


def changes(resource: Resource, actual: Topic) -> Changes:
    """Return what turns the topic into what the resource asks for.

    Raises:
        RefusedError: it asks for fewer partitions or other replicas.

    """
    spec = resource["spec"]
    if spec.get("partitions", actual.partitions) < actual.partitions:
        raise RefusedError("NotSupported", "Decreasing partitions not supported")
    if spec.get("replicas", actual.replicas) != actual.replicas:
        raise RefusedError("NotSupported", "Replication factor change not supported")
    wanted = config_of(resource)
    grown = spec.get("partitions", actual.partitions) > actual.partitions
    return Changes(
        partitions=spec["partitions"] if grown else None,
        set={key: value for key, value in wanted.items() if actual.config.get(key) != value},
        remove=frozenset(actual.overrides - wanted.keys()),
    )


def conflicts(resources: Sequence[Resource]) -> dict[str, str]:
    """Return, by the name of each resource whose topic an older one manages, that one's name."""
    first: dict[str, str] = {}
    found = {}
    for resource in sorted(resources, key=lambda r: r["metadata"]["creationTimestamp"]):
        name = resource["metadata"]["name"]
        if first.setdefault(topic_name(resource), name) != name:
            found[name] = first[topic_name(resource)]
    return found


async def sweep(api: KubernetesApi, kafka: KafkaTopics, *, namespace: str, cluster: str) -> bool:
    """Bring every topic of one Kafka cluster to what its resource says.

    Return whether to look again soon, which topics never need.
    """
    path = f"{API}/namespaces/{namespace}/{PLURAL}"
    resources = await api.list(path, labels={CLUSTER_LABEL: cluster})
    managed = [r for r in resources if annotation(r, "managed") != "false"]
    actual = await kafka.describe({topic_name(r) for r in managed})
    older = conflicts(managed)

    async def one(resource: Resource) -> None:
        topic = actual.get(topic_name(resource))
        if "deletionTimestamp" in resource["metadata"]:
            await _delete(api, kafka, resource, topic)
        elif annotation(resource, "managed") == "false":
            await _write(api, resource, "Ready")
        elif paused(resource):
            await _write(api, resource, "ReconciliationPaused")
        else:
            await _reconcile(api, kafka, resource, topic, older.get(resource["metadata"]["name"]))

    await asyncio.gather(*map(one, resources))
    return False


async def _reconcile(
    api: KubernetesApi, kafka: KafkaTopics, resource: Resource, topic: Topic | None, by: str | None
) -> None:
    name = topic_name(resource)
    try:
        _check(resource, managed_by=by)
        finalizers = resource["metadata"].get("finalizers", [])
        if FINALIZER not in finalizers:
            await _set_finalizers(api, resource, [*finalizers, FINALIZER])
        if topic is None:
            spec = resource["spec"]
            topic = await kafka.create(
                name,
                partitions=spec.get("partitions", -1),
                replicas=spec.get("replicas", -1),
                config=config_of(resource),
            )
            _log.info("created topic %s", name)
        elif (todo := changes(resource, topic)) != Changes():
            await kafka.change(name, partitions=todo.partitions, set_=todo.set, remove=todo.remove)
            _log.info("corrected topic %s: %s", name, todo)
    except RefusedError as refused:
        await _write(api, resource, "Ready", refused)
    except KafkaException as error:
        _log.warning("topic %s: %s", name, error)
        refusal = RefusedError("KafkaError", error.args[0].str())
        await _write(api, resource, "Ready", refusal)
    else:
        status = {"topicName": name, "topicId": topic.topic_id}
        await _write(api, resource, "Ready", status=status)


def _check(resource: Resource, *, managed_by: str | None) -> None:
    name = topic_name(resource)
    if resource.get("status", {}).get("topicName", name) != name:
        raise RefusedError("NotSupported", "Changing spec.topicName is not supported")
    if managed_by:
        raise RefusedError("ResourceConflict", f"Managed by {managed_by}")


async def _delete(
    api: KubernetesApi, kafka: KafkaTopics, resource: Resource, topic: Topic | None
) -> None:
    finalizers = resource["metadata"].get("finalizers", [])
    if FINALIZER not in finalizers:
        return
    if topic is not None and annotation(resource, "managed") != "false":
        await kafka.delete(topic_name(resource))
        _log.info("deleted topic %s", topic_name(resource))
    await _set_finalizers(api, resource, [name for name in finalizers if name != FINALIZER])


async def _set_finalizers(api: KubernetesApi, resource: Resource, names: list[str]) -> None:
    version = resource["metadata"]["resourceVersion"]  # refused when somebody else was faster
    patch = {"metadata": {"finalizers": names, "resourceVersion": version}}
    await api.merge(path_of(resource, PLURAL), patch)


async def _write(
    api: KubernetesApi,
    resource: Resource,
    kind: str,
    refusal: RefusedError | None = None,
    status: Resource | None = None,
) -> None:
    condition = {"type": kind, "status": "True" if refusal is None else "False"}
    if refusal is not None:
        condition |= {"reason": refusal.reason, "message": str(refusal)}
    await write_status(api, resource, PLURAL, status or {}, condition)
