"""The consumer loop: from Kafka, in order, into one transaction with the inbox."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from shop_shared.events import ReceivedEvent
from shop_shared.inbox import Inbox
from shop_shared.settings import ServiceSettings

TxT = TypeVar("TxT")
Handler = Callable[[TxT, ReceivedEvent], Awaitable[None]]


class TemporaryError(Exception):
    """A handler raises it for what a later try may not meet: the event is kept, and its order."""


async def consume(
    settings: ServiceSettings,
    *,
    group: str,
    topics: Sequence[str],
    handlers: Mapping[str, Handler[TxT]],
    inbox: Inbox[TxT],
) -> None:
    """Hand the topics' events to the handlers, by type, until cancelled."""
    raise NotImplementedError
