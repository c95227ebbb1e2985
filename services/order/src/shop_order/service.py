"""The order service's operations. Each works in the transaction it is given."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order import events, models, order_number, repository
from shop_order.domain import (
    AddressLockedError,
    CancelOrder,
    ChangeAddress,
    Command,
    DeadlinePassed,
    DomainEvent,
    Line,
    NotAwaitingPaymentError,
    NotCancellableError,
    Order,
    RetryPayment,
    Status,
    Transition,
    decide,
)
from shop_order.repository import Cause
from shop_shared import payment_methods
from shop_shared.addresses import Address
from shop_shared.clock import now
from shop_shared.http.etag import require_match
from shop_shared.http.problems import Conflict, NotFound, Unprocessable
from shop_shared.ids import uuid7
from shop_shared.messaging.events import InvalidEventError
from shop_shared.messaging.outbox import publish
from shop_shared.payment_methods import OfferedMethod

_log = structlog.get_logger(__name__)
_UNFULFILLED = frozenset((Status.REJECTED, Status.CANCELLED, Status.EXPIRED))


class NotCancellable(Conflict):
    """The parcel has left, or the order has ended."""

    code, title = "order_not_cancellable", "The order can no longer be cancelled"


class AddressLocked(Conflict):
    """The order is paid or has ended."""

    code, title = "address_locked", "The address can no longer be changed"


class NotAwaitingPayment(Conflict):
    """No payment has failed, or the time to pay is over."""

    code, title = "order_not_awaiting_payment", "The order does not wait for another payment"


class UnknownOrderError(InvalidEventError):
    """An event is about an order that was never placed here."""


async def place(
    connection: AsyncConnection,
    wanted: models.PlaceOrder,
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


async def retry_payment(
    connection: AsyncConnection,
    order_id: UUID,
    chosen: models.RetryPayment,
    *,
    actor: UUID,
    methods: Sequence[OfferedMethod],
) -> Order:
    """Charge another way to pay, in the order's currency.

    Raises NotFound, NotAwaitingPayment, Unprocessable.
    """
    order = await _own(connection, order_id, actor=actor, staff=False)
    currency = order.payment["currency"] if order.total is None else order.total.currency
    payment = models.PaymentChoice(**chosen.model_dump(), currency=currency)
    require_offered(payment, methods, pointer="")
    command = RetryPayment(payment.model_dump(), now())
    return await _command(connection, order, command, Cause("order.retry_payment", actor=actor))


def require_offered(
    chosen: models.PaymentChoice, methods: Sequence[OfferedMethod], *, pointer: str
) -> None:
    """Raise Unprocessable, naming what is possible, for a way to pay that is not offered.

    `pointer` is where the choice is in the request's body.
    """
    refused = payment_methods.refusal(
        methods,
        provider=chosen.provider,
        method=chosen.method,
        currency=chosen.currency,
        token=chosen.token,
    )
    if refused is not None:
        field, message = refused
        errors = [{"pointer": f"{pointer}/{field}", "message": message}]
        raise Unprocessable("This way to pay is not possible.", errors=errors)


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
    except NotAwaitingPaymentError as error:
        raise NotAwaitingPayment(f"{str(error).capitalize()}.") from error
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
        if after.status in _UNFULFILLED and after.status is not before.status:
            _log.info(
                "order ended unfulfilled",
                order=str(after.id),
                status=after.status,
                cause=cause.name,
            )
    return after
