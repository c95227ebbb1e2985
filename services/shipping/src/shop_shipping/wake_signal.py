"""Wakes the worker as soon as a transaction commits that leaves a call to the carrier due.

A trigger sends a NOTIFY on every such statement; PostgreSQL delivers it at the commit.
"""

import asyncio
import contextlib

CHANNEL = "shipment_calls"
"""PostgreSQL's NOTIFY channel."""


class WakeSignal:
    """An event that `wait` clears."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def on_notify(self, _payload: str) -> None:
        """Wake the waiter; a callback for `pg_notify.listen`."""
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Return when woken, or after that many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()
