"""Events in: whatever changes the catalogue empties the cache."""

import asyncio

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from shop_gateway.cache import ResponseCache
from shop_shared.settings import ServiceSettings

log = structlog.get_logger()

TOPIC = "product.events"
RETRY_SECONDS = 5.0


async def empty_on_change(settings: ServiceSettings, cache: ResponseCache) -> None:
    """Clear the cache at each event of the catalogue, until cancelled.

    Without a group and from now on: every replica hears every event, and none is owed to one that
    was away, since the age of an answer bounds its life anyway. So a lost broker costs freshness
    and nothing else.
    """
    while True:
        consumer = AIOKafkaConsumer(
            f"{settings.kafka_topic_prefix}{TOPIC}",
            bootstrap_servers=settings.kafka_bootstrap_servers,
            client_id=settings.service_name,
            auto_offset_reset="latest",
        )
        try:
            await consumer.start()
            cache.clear()
            async for _ in consumer:
                cache.clear()
        except KafkaError as error:
            log.warning("cache.deaf", error=repr(error), retry_seconds=RETRY_SECONDS)
        finally:
            await consumer.stop()
        await asyncio.sleep(RETRY_SECONDS)
