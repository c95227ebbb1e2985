"""A consumer to be killed: `python -m shop_event_path.consumer GROUP TOPIC`.

It writes into the ledger of DATABASE_URL, and can be told to kill itself where it hurts most.
"""

import argparse
import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from shop_event_path.ledgers import Ledger, ledger
from shop_event_path.outboxes import TYPE
from shop_shared.messaging.consumer import Inbox, consume
from shop_shared.messaging.events import ReceivedEvent
from shop_shared.settings import ServiceSettings, load_settings

BEFORE_COMMIT = "before-commit"
AFTER_COMMIT = "after-commit"


class Saboteur:
    """A ledger's inbox and handler, which kill the process at the n-th event."""

    def __init__(self, inner: Ledger, *, crash: str | None, at: int, pace: float) -> None:
        self._ledger = inner
        self._inbox: Inbox[Any] = inner.inbox
        self._crash = crash
        self._left = at
        self._pace = pace

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """The inbox's; after the commit, the offsets are still to be committed."""
        async with self._inbox.transaction() as tx:
            yield tx
        if self._crash == AFTER_COMMIT and self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async def insert_new(self, tx: Any, group: str, ids: Sequence[str]) -> set[str]:
        """The inbox's."""
        return await self._inbox.insert_new(tx, group, ids)

    def is_temporary(self, error: BaseException) -> bool:
        """The inbox's."""
        return self._inbox.is_temporary(error)

    async def write(self, tx: Any, event: ReceivedEvent) -> None:
        """The ledger's; half of the batch is written when it kills."""
        await self._ledger.write(tx, event)
        await asyncio.sleep(self._pace)
        self._left -= 1
        if self._crash == BEFORE_COMMIT and self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def run(arguments: argparse.Namespace) -> None:
    """Consume until cancelled or killed."""
    settings = load_settings(ServiceSettings)
    async with ledger(settings) as inner:
        saboteur = Saboteur(inner, crash=arguments.crash, at=arguments.at, pace=arguments.pace)
        consuming = asyncio.create_task(
            consume(
                settings,
                group=arguments.group,
                topics=[arguments.topic],
                handlers={TYPE: saboteur.write},
                inbox=saboteur,
            )
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consuming.cancel)
        await asyncio.wait([consuming])


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("group")
    parser.add_argument("topic")
    parser.add_argument("--crash", choices=[BEFORE_COMMIT, AFTER_COMMIT])
    parser.add_argument("--at", type=int, default=0, help="at which event")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds a handler takes")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
