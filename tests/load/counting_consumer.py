"""A service's consumer, as simple as one can be: one row an event. `counting_consumer.py TOPIC`."""

import asyncio
import signal
import sys

import uvloop
from shop_event_path.outboxes import TYPE
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.messaging.consumer import consume
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.messaging.inbox import SqlInbox
from shop_shared.observability import telemetry
from shop_shared.settings import ServiceSettings, load_settings
from shop_shared.stores.postgres import create_engine

INSERT = text("INSERT INTO effects VALUES (:id, :n)")


async def count(connection: AsyncConnection, event: ReceivedEvent) -> None:
    """The effect."""
    await connection.execute(INSERT, {"id": event.id, "n": event.data["n"]})


async def run(topic: str) -> None:
    """Consume until terminated."""
    settings = load_settings(ServiceSettings)
    telemetry.configure_logging(settings)
    engine = create_engine(settings)
    consuming = asyncio.create_task(
        consume(
            settings,
            group=f"{topic}-bench",
            topics=[topic],
            handlers={TYPE: count},
            inbox=SqlInbox(engine),
        )
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consuming.cancel)
    await asyncio.wait([consuming])
    await engine.dispose()


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1]))
