"""RabbitMQ: a work queue a channel, and one for what is parked.

PostgreSQL holds every message and what became of it; a queue only carries ids. So a broker that is
away delays, and a queue that is lost is filled again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import AMQPError

from shop_notification.plans import CHANNELS

TRACEPARENT = "traceparent"
"""The header that carries the trace (W3C Trace Context)."""
CONNECT_TIMEOUT = 5.0
PUBLISH_TIMEOUT = 5.0
RECONNECT_SECONDS = 1.0
BROKER_AWAY = (AMQPError, ConnectionError, OSError, TimeoutError, asyncio.InvalidStateError)
_log = structlog.get_logger(__name__)


def work_queue(channel: str) -> str:
    """Name the queue of a channel."""
    return f"notification.{channel}"


def parking_queue(channel: str) -> str:
    """Name the queue of what could not be sent."""
    return f"notification.{channel}.parking"


class Broker:
    """One connection's channel to publish on, confirmed."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel

    async def queue(self, name: str, notification_id: UUID, *, traceparent: str | None) -> None:
        """Put a message into a queue; returns once the broker has it for good."""
        await self._channel.default_exchange.publish(
            aio_pika.Message(
                str(notification_id).encode(),
                message_id=str(notification_id),
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                headers={TRACEPARENT: traceparent} if traceparent else None,
            ),
            routing_key=name,
            timeout=PUBLISH_TIMEOUT,
        )


Work = Callable[[AbstractConnection, Broker], Awaitable[None]]


async def run(url: str, work: Work) -> None:
    """Connect, declare the queues and work until cancelled; connect again when it is lost."""
    while True:
        try:
            connection = await aio_pika.connect(url, timeout=CONNECT_TIMEOUT)
            async with connection:
                publisher = await connection.channel(publisher_confirms=True)
                await declare(publisher)
                await _until_lost(connection, work(connection, Broker(publisher)))
        except BROKER_AWAY as error:
            _log.warning("no broker: messages wait", error=repr(error))
        await asyncio.sleep(RECONNECT_SECONDS)


async def declare(channel: AbstractChannel) -> None:
    """Declare all queues."""
    for name in CHANNELS:
        await channel.declare_queue(work_queue(name), durable=True)
        await channel.declare_queue(parking_queue(name), durable=True)


async def _until_lost(connection: AbstractConnection, work: Awaitable[None]) -> None:
    lost = asyncio.Event()

    def on_close(*_: object) -> None:
        lost.set()

    connection.close_callbacks.add(on_close)
    working = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(lost.wait())
    try:
        await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
        # With the connection go the tasks on it: only a failure of our own is one.
        if working.done() and not working.cancelled():
            working.result()
    finally:
        for task in (working, waiting):
            task.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)
