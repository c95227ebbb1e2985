"""A consumer beside the test, in its own event loop, and waiting for what it does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from shop_event_path.ledgers import Ledger
from shop_event_path.outboxes import TYPE, Outbox
from shop_shared.messaging.consumer import Handler, consume


@asynccontextmanager
async def consuming(
    outbox: Outbox, book: Ledger, write: Handler[Any], *, group: str
) -> AsyncIterator[None]:
    """Consume the outbox's topic with this handler, and the book's inbox, inside the block."""
    task = asyncio.create_task(
        consume(
            outbox.settings,
            group=group,
            topics=[outbox.topic],
            handlers={TYPE: write},
            inbox=book.inbox,
        )
    )
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float) -> None:
    """Wait until it holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)
