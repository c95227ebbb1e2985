"""The events a service subscribes to: one table per service makes its handlers and its AsyncAPI."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from shop_shared.messaging.dispatch import Handler
from shop_shared.messaging.events import ReceivedEvent

TxT = TypeVar("TxT")
PayloadT = TypeVar("PayloadT", bound=BaseModel)
_Model = type[PayloadT]  # inside Subscription, `type` is the field


@dataclass(frozen=True, slots=True)
class Subscription(Generic[TxT, PayloadT]):
    """One event type: its topic, the model its payload is read as, and what handles it.

    The model names the fields this service reads and ignores the others. The handler gets the
    inbox's transaction, the payload, and the event it came in.
    """

    topic: str
    type: str
    model: _Model[PayloadT]
    handler: Callable[[TxT, PayloadT, ReceivedEvent], Awaitable[None]]

    async def handle(self, tx: TxT, event: ReceivedEvent) -> None:
        """Read the payload and call the handler. Raises InvalidEventError for a bad payload."""
        await self.handler(tx, event.parse(self.model), event)


def subscribe(
    type_: str,
    model: type[PayloadT],
    handler: Callable[[TxT, PayloadT, ReceivedEvent], Awaitable[None]],
) -> Subscription[TxT, PayloadT]:
    """Subscribe to a type of the shop's, `order.placed.v1` say, on its topic, `order.events`."""
    return Subscription(f"{type_.partition('.')[0]}.events", f"minishop.{type_}", model, handler)


def topics_of(subscriptions: Sequence[Subscription[Any, Any]]) -> list[str]:
    """Return the topics to consume, sorted, each once."""
    return sorted({subscription.topic for subscription in subscriptions})


def handlers_of(subscriptions: Sequence[Subscription[TxT, Any]]) -> Mapping[str, Handler[TxT]]:
    """Return the handler of each event type. Raises ValueError where a type is subscribed twice."""
    handlers = {subscription.type: subscription.handle for subscription in subscriptions}
    if len(handlers) < len(subscriptions):
        raise ValueError("an event type is subscribed twice")
    return handlers
