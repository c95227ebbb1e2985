"""Topics in Kafka, by its own administration protocol."""

import asyncio
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public by its documentation
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

_TIMEOUT = 15.0  # seconds for an answer
_URL_SAFE = str.maketrans("+/", "-_")  # as Kafka writes its ids, and Strimzi its statuses


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic as it is; ``overrides`` are the settings that were set on the topic itself."""

    topic_id: str
    partitions: int
    replicas: int
    config: dict[str, str] = field(default_factory=dict)
    overrides: frozenset[str] = frozenset()


class KafkaTopics:
    """The topics of one Kafka cluster.

    Every call raises confluent_kafka.KafkaException for what Kafka refuses or does not answer.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self.connect_anew()

    def connect_anew(self) -> None:
        """Forget what is known of the brokers.

        librdkafka that was told of no controller, by a broker in distress, waits for one for
        minutes after it is back.
        """
        self._admin = AdminClient({"bootstrap.servers": self._bootstrap_servers})

    async def describe(self, names: Collection[str]) -> dict[str, Topic]:
        """Return those of the named topics that exist."""
        if not names:
            return {}
        asked = self._admin.describe_topics(TopicCollection(list(names)), request_timeout=_TIMEOUT)
        found = {}
        for name, answer in asked.items():
            try:
                found[name] = await _answer(answer)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
        configs = await self._configs(list(found))
        return {
            name: Topic(
                topic_id=str(topic.topic_id).translate(_URL_SAFE),
                partitions=len(topic.partitions),
                replicas=len(topic.partitions[0].replicas),
                config={key: str(entry.value) for key, entry in configs[name].items()},
                overrides=frozenset(
                    key
                    for key, entry in configs[name].items()
                    if ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG
                ),
            )
            for name, topic in found.items()
        }

    async def create(
        self, name: str, *, partitions: int, replicas: int, config: Mapping[str, str]
    ) -> Topic:
        """Create a topic and return it; -1 partitions or replicas are the broker's default."""
        new = NewTopic(
            name,
            num_partitions=partitions,
            replication_factor=replicas,
            config=dict(config),
        )
        created = self._admin.create_topics([new], operation_timeout=_TIMEOUT)
        await _answer(created[name])
        # Its creation is on the way to the broker's metadata, which tells nobody of its coming.
        while not (found := await self.describe([name])):  # noqa: ASYNC110 -- Kafka sends no event
            await asyncio.sleep(0.05)
        return found[name]

    async def change(
        self, name: str, *, partitions: int | None, set_: Mapping[str, str], remove: Collection[str]
    ) -> None:
        """Grow a topic, set settings, and let others fall back to the broker's."""
        edits = [_edit(key, value, AlterConfigOpType.SET) for key, value in set_.items()]
        edits += [_edit(key, None, AlterConfigOpType.DELETE) for key in remove]
        if edits:
            resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=edits)
            altered = self._admin.incremental_alter_configs([resource], request_timeout=_TIMEOUT)
            await asyncio.gather(*map(_answer, altered.values()))
        if partitions is not None:
            grown = self._admin.create_partitions(
                [NewPartitions(name, partitions)], operation_timeout=_TIMEOUT
            )
            await _answer(grown[name])

    async def delete(self, name: str) -> None:
        """Delete a topic, which may be gone already."""
        try:
            await _answer(self._admin.delete_topics([name], operation_timeout=_TIMEOUT)[name])
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise

    async def _configs(self, names: list[str]) -> dict[str, dict[str, ConfigEntry]]:
        if not names:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        asked = self._admin.describe_configs(resources, request_timeout=_TIMEOUT)
        return {resource.name: await _answer(answer) for resource, answer in asked.items()}


def _edit(key: str, value: str | None, operation: AlterConfigOpType) -> ConfigEntry:
    return ConfigEntry(key, value, incremental_operation=operation)


async def _answer(future: Future[Any]) -> Any:  # noqa: ANN401 -- each request's own answer
    return await asyncio.wrap_future(future)
