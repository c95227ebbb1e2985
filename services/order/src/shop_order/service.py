"""The order service's operations. Each works in the transaction it is given."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order import events, order_number, repository
from shop_order.domain import (
    AddressLockedError,
    CancelOrder,
    ChangeAddress,
    Command,
    DeadlinePassed,
    DomainEvent,
    Line,
    NotCancellableError,
    Order,
    Transition,
    decide,
)
from shop_order.models import PlaceOrder
from shop_order.repository import Cause
from shop_shared.addresses import Address
from shop_shared.clock import now
from shop_shared.http.etag import require_match
from shop_shared.http.problems import Conflict, NotFound
from shop_shared.ids import uuid7
from shop_shared.messaging.events import InvalidEventError
from shop_shared.messaging.outbox import publish

_log = structlog.get_logger(__name__)


class NotCancellable(Conflict):
    """The parcel has left, or the order has ended."""

    code, title = "order_not_cancellable", "The order can no longer be cancelled"


class AddressLocked(Conflict):
    """The order is paid or has ended."""

    code, title = "address_locked", "The address can no longer be changed"


class UnknownOrderError(InvalidEventError):
    """An event is about an order that was never placed here."""


async def place(
    connection: AsyncConnection,
    wanted: PlaceOrder,
    *,
    customer_id: UUID,
    pending_timeout: timedelta,
    make_number: Callable[[], str] = order_number.generate,
) -> Order:
    """Store a new order and publish `order.placed`."""
    placed_at = now()
    order = Order(
        id=uuid7(),
        number=make_number(),
        customer_id=customer_id,
        lines=tuple(Line(item.product_id, item.quantity) for item in wanted.items),
        payment=wanted.payment.model_dump(),
        shipping_address=wanted.shipping_address.model_dump(),
        placed_at=placed_at,
        deadline=placed_at + pending_timeout,
    )
    while not await repository.insert(connection, order, Cause("order.place", actor=customer_id)):
        order = replace(order, number=make_number())
    await publish(connection, events.placed(order))
    return order


async def handle_event(
    connection: AsyncConnection, order_id: UUID, event: DomainEvent, cause: Cause
) -> Order:
    """Apply a domain event to an order, and publish the effects. Raises UnknownOrderError."""
    order = await repository.lock(connection, order_id)
    if order is None:
        raise UnknownOrderError(f"{cause.name} of order {order_id}")
    transition = decide(order, event)
    if transition.state is order:
        _log.info("event ignored", order=str(order_id), status=order.status, cause=cause.name)
        return order
    return await _save(connection, order, transition, cause)


async def cancel(
    connection: AsyncConnection, order_id: UUID, *, actor: UUID, staff: bool, if_match: str | None
) -> Order:
    """Cancel, or have the parcel stopped first where the order is paid.

    Raises NotFound, NotCancellable, PreconditionFailed.
    """
    order = await _own(connection, order_id, actor=actor, staff=staff)
    require_match(if_match, order.version)
    by = "customer" if order.customer_id == actor else "staff"
    return await _command(connection, order, CancelOrder(by), Cause("order.cancel", actor=actor))


async def change_address(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    order_id: UUID,
    address: Address,
    *,
    actor: UUID,
    staff: bool,
    if_match: str | None,
) -> Order:
    """Change where an unpaid order goes.

    Raises NotFound, AddressLocked, PreconditionRequired, PreconditionFailed.
    """
    order = await _own(connection, order_id, actor=actor, staff=staff)
    require_match(if_match, order.version, required=True)
    return await _command(
        connection,
        order,
        ChangeAddress(address.model_dump()),
        Cause("order.change_address", actor=actor),
    )


async def sweep(connection: AsyncConnection, *, at: datetime, limit: int) -> int:
    """Expire orders whose deadline has passed; return how many were examined."""
    orders = await repository.due(connection, at=at, limit=limit)
    for order in orders:
        await _save(connection, order, decide(order, DeadlinePassed(at)), Cause("order.deadline"))
    return len(orders)


async def _own(connection: AsyncConnection, order_id: UUID, *, actor: UUID, staff: bool) -> Order:
    order = await repository.lock(connection, order_id)
    if order is None or not (staff or order.customer_id == actor):
        raise NotFound("No such order.")
    return order


async def _command(
    connection: AsyncConnection, order: Order, command: Command, cause: Cause
) -> Order:
    try:
        transition = decide(order, command)
    except NotCancellableError as error:
        raise NotCancellable(f"It is {order.status}.") from error
    except AddressLockedError as error:
        raise AddressLocked(f"It is {order.status}.") from error
    return await _save(connection, order, transition, cause)


async def _save(
    connection: AsyncConnection, before: Order, transition: Transition, cause: Cause
) -> Order:
    after = transition.state
    if after is not before:
        await repository.save(connection, before, after, cause)
        await publish(connection, *(events.of_effect(after, made) for made in transition.effects))
    return after
