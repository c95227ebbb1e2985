"""A topic that was in Kafka before, without a KafkaTopic, is not dropped with a service (O2)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from shop_servers.servers import Kafka

from shop_operator.api.kinds import KAFKA_TOPIC, SHOP_SERVICE
from shop_operator.children.kafka_topic import RETAIN_ANNOTATION
from shop_operator.metadata import MANAGER
from shop_operator.stores.kafka_topics import KafkaTopics

from .outside import deleted, external
from .shop import PATIENCE_SECONDS, Shop, eventually


@pytest.fixture
async def topic(kafka: Kafka) -> AsyncIterator[str]:
    """Return a topic that somebody made by Kafka's own tools, and with it dead letters of `g`."""
    name = f"{kafka.name()}.events"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    names = [name, f"{name}.g.dlt"]
    made = [NewTopic(each, num_partitions=1, replication_factor=1) for each in names]
    await admin.create_topics(made)
    yield name
    await admin.delete_topics(names)
    await admin.close()


async def test_a_topic_that_was_there_before_is_not_taken_over_to_be_dropped(
    shop: Shop, topic: str
) -> None:
    await shop.start()
    await shop.declare("late", events={"publishes": [{"topic": topic, "onDelete": "Drop"}]})
    message = await shop.reason("late", "EventsReady", "NotOwned")
    assert "onDelete: Retain takes it over" in message
    assert await shop.get(KAFKA_TOPIC, topic, shop.platform.kafka_namespace) is None
    assert await external(shop, "late") == {}

    # Who keeps it may have it, and may then decide anew: it is recorded from now on.
    for on_delete in ("Retain", "Drop"):
        events = {"publishes": [{"topic": topic, "onDelete": on_delete}]}
        await shop.declare("late", events=events)
        await shop.reason("late", "EventsReady", "TopicNotReady")
        assert await shop.get(KAFKA_TOPIC, topic, shop.platform.kafka_namespace)
    await deleted(shop, "late")


@pytest.mark.parametrize("on_delete", ["Retain", "Drop"])
async def test_a_subscribers_dead_letters_that_were_there_before_are_not_dropped(
    shop: Shop, topic: str, on_delete: str
) -> None:
    await shop.start()
    subscription = {"topic": topic, "group": "g", "onDelete": on_delete}
    await shop.declare("reader", events={"subscribes": [subscription]})
    reason = {"Retain": "TopicNotReady", "Drop": "NotOwned"}[on_delete]
    await shop.reason("reader", "EventsReady", reason)


@pytest.mark.parametrize(
    ("manager", "reason"), [(MANAGER, "TopicNotReady"), ("kubectl", "TopicUnmanaged")]
)
async def test_a_topic_that_was_not_let_go_of_to_the_end_is_managed_again(
    shop: Shop, topic: str, manager: str, reason: str
) -> None:
    """The operator ended between the mark and the deletion, and the topic is declared again."""
    namespace = shop.platform.kafka_namespace
    await shop.start()
    await shop.declare("kept", events={"publishes": [{"topic": topic}]})
    await shop.reason("kept", "EventsReady", "TopicNotReady")
    await shop.stop()
    patch = {"metadata": {"annotations": RETAIN_ANNOTATION}}
    await shop.client.merge(KAFKA_TOPIC, namespace, topic, patch, manager=manager)
    await shop.start()
    await shop.declare("kept", port=9000, events={"publishes": [{"topic": topic}]})
    await eventually(lambda: _observed(shop, "kept"))
    await shop.reason("kept", "EventsReady", reason)


async def _observed(shop: Shop, name: str) -> bool:
    service = await shop.client.get(SHOP_SERVICE, shop.namespace, name)
    seen: bool = service["status"]["observedGeneration"] == service["metadata"]["generation"]
    return seen


async def test_nothing_to_be_dropped_is_made_while_kafka_does_not_answer(
    shop: Shop, topic: str, closed_port: int
) -> None:
    await shop.start(kafka_bootstrap=f"127.0.0.1:{closed_port}")
    await shop.declare("blind", events={"publishes": [{"topic": topic, "onDelete": "Drop"}]})
    message = await shop.reason("blind", "EventsReady", "KafkaUnavailable")
    assert f"127.0.0.1:{closed_port}" in message
    assert await shop.get(KAFKA_TOPIC, topic, shop.platform.kafka_namespace) is None
    await shop.declare("blind", events={"publishes": [{"topic": topic, "onDelete": "Retain"}]})
    await shop.reason("blind", "EventsReady", "TopicNotReady")


async def test_a_cancelled_question_leaves_no_connection(kafka: Kafka) -> None:
    host, port = kafka.bootstrap_servers.split(":")
    asked, answer, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def pass_on(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        broker, to_broker = await asyncio.open_connection(host, int(port))
        to_broker.write(await client.read(65536))  # which versions Kafka speaks
        to_client.write(await broker.read(65536))
        to_broker.write(await client.read(65536))  # which brokers there are
        asked.set()
        await answer.wait()
        to_client.write(await broker.read(65536))
        assert not await client.read()
        for each in (to_client, to_broker):
            each.close()
            await each.wait_closed()
        closed.set()

    server = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    async with server, asyncio.timeout(PATIENCE_SECONDS):
        names = asyncio.ensure_future(
            KafkaTopics(f"127.0.0.1:{server.sockets[0].getsockname()[1]}").names()
        )
        await asked.wait()
        names.cancel()
        await asyncio.sleep(0)
        answer.set()
        await closed.wait()
        with pytest.raises(asyncio.CancelledError):
            await names
