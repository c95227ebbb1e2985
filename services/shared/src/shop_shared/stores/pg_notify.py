"""Listening to PostgreSQL's NOTIFY, so that a commit wakes who waits for it, in whichever process.

It is only a wake-up: who waits looks by the clock too, so a lost one costs an interval and no more.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import structlog

from shop_shared.settings import ServiceSettings, read_secret
from shop_shared.stores.postgres import is_temporary

RETRY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


async def listen(settings: ServiceSettings, channel: str, on_notify: Callable[[str], None]) -> None:
    """Call on_notify with each payload on the channel, for as long as the process lives.

    Also with an empty one whenever listening begins: for what came while nobody listened. The
    connection is its own, and made again when it is lost.
    """
    while True:
        try:
            await _until_lost(settings, channel, on_notify)
        except Exception as error:
            if not is_temporary(error):
                raise
            _log.warning("cannot listen", channel=channel, error=repr(error))
        await asyncio.sleep(RETRY_SECONDS)


async def _until_lost(
    settings: ServiceSettings, channel: str, on_notify: Callable[[str], None]
) -> None:
    if settings.database_url is None:
        raise ValueError("database_url is not set")

    def receive(_connection: object, _pid: object, _channel: object, payload: Any) -> None:  # noqa: ANN401 - asyncpg's callback
        on_notify(str(payload))

    url = await asyncio.to_thread(read_secret, "database_url")
    connection = await asyncpg.connect(url or settings.database_url.get_secret_value())
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    try:
        await connection.add_listener(channel, receive)
        on_notify("")
        await lost.wait()
    finally:
        connection.terminate()
