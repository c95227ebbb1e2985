"""What the worker waits for: a flag, raised as soon as a call to make is committed.

A trigger notifies on every statement that leaves a call due; PostgreSQL delivers it at the commit.
"""

import asyncio
import contextlib

CHANNEL = "shipment_calls"
"""PostgreSQL's NOTIFY channel."""


class Wake:
    """The flag."""

    def __init__(self) -> None:
        self._raised = asyncio.Event()

    def hear(self, _payload: str) -> None:
        """Raise it (see `listening`)."""
        self._raised.set()

    async def wait(self, seconds: float) -> None:
        """Wait until raised, at most that long, and lower it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._raised.wait()
        self._raised.clear()
