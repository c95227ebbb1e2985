"""Wakes the worker as soon as work is committed, in whichever process that was.

A trigger notifies on every statement that leaves a call due; PostgreSQL delivers it at the commit.
It is only a wake-up: a lost one costs an interval, nothing else.
"""

import asyncio
import contextlib
from typing import Any

import asyncpg
import structlog

from shop_shared.database import is_temporary
from shop_shared.settings import ServiceSettings, read_secret

CHANNEL = "shipment_calls"
RETRY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Wake:
    """A flag that NOTIFY raises."""

    def __init__(self) -> None:
        self._raised = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Wait until raised, at most that long, and lower the flag."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._raised.wait()
        self._raised.clear()

    async def listen(self, settings: ServiceSettings) -> None:
        """Listen on a connection of its own, for as long as the process lives."""
        while True:
            try:
                await self._listen_once(settings)
            except Exception as error:
                if not is_temporary(error):
                    raise
                _log.warning("cannot listen", error=repr(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen_once(self, settings: ServiceSettings) -> None:
        assert settings.database_url is not None  # noqa: S101 - the service's settings require it
        url = await asyncio.to_thread(read_secret, "database_url")
        connection = await asyncpg.connect(url or settings.database_url.get_secret_value())
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _: closed.set())
        try:
            await connection.add_listener(CHANNEL, self._raise)
            self._raised.set()  # what came before we listened
            await closed.wait()
        finally:
            connection.terminate()

    def _raise(self, *_: Any) -> None:  # noqa: ANN401 - asyncpg's callback
        self._raised.set()
