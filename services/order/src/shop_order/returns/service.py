"""What is done with returns. Each function works in the transaction it is given.

The order's row is locked before anything of its returns is read: so two returns of the same units
are one after the other, and no two of them ask the same money back.
"""

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order import repository as orders
from shop_order.domain import Order, Status
from shop_order.domain.returns import (
    Approve,
    Receive,
    Refuse,
    Return,
    ReturnDecidedError,
    ReturnEffect,
    ReturnMessage,
    ReturnNotPossibleError,
    ReturnRefundCameBack,
    ReturnRefunded,
    ReturnRefundFailed,
    decide_return,
    left_to_refund,
    request_return,
    settled_by_hand,
)
from shop_order.returns import events, repository
from shop_order.returns.models import RequestReturn
from shop_shared.clock import now
from shop_shared.http.etag import require_match
from shop_shared.http.problems import Conflict, NotFound, Unprocessable
from shop_shared.ids import uuid7
from shop_shared.messaging.outbox import publish
from shop_shared.money import Money

_log = structlog.get_logger(__name__)


class ReturnNotPossible(Conflict):
    """The order is not delivered, or too long ago, or returned already."""

    code, title = "return_not_possible", "The order cannot be returned"


class ReturnDecided(Conflict):
    """The return is further on, or not as far yet."""

    code, title = "return_decided", "The return is not where this can be done"


async def request(
    connection: AsyncConnection,
    order_id: UUID,
    wanted: RequestReturn,
    *,
    owner: UUID | None,
    window: timedelta,
) -> Return:
    """Store and publish a customer's wish to return goods; owner None is anybody's order.

    Raises NotFound, ReturnNotPossible, Unprocessable.
    """
    order = await orders.lock(connection, order_id)
    if order is None or owner not in {None, order.customer_id}:
        raise NotFound("No such order.")
    units = None
    if wanted.items is not None:
        units = {item.product_id: item.quantity for item in wanted.items}
    try:
        made = request_return(
            order,
            await repository.of_order(connection, order_id),
            delivered_at=await orders.reached(connection, order_id, Status.DELIVERED),
            return_id=uuid7(),
            wanted=units,
            reason=wanted.reason,
            now=now(),
            window=window,
        )
    except ReturnNotPossibleError as error:
        if error.field is None:
            raise ReturnNotPossible(f"{str(error).capitalize()}.") from error
        errors = [{"pointer": f"/{error.field}", "message": str(error)}]
        raise Unprocessable("These units cannot be returned.", errors=errors) from error
    await repository.insert(connection, made)
    await publish(connection, events.of_return(made, ReturnEffect.REQUESTED))
    return made


async def approve(connection: AsyncConnection, return_id: UUID, *, if_match: str | None) -> Return:
    """Let the customer send the goods. Raises NotFound, ReturnDecided, PreconditionFailed."""
    _, _, current = await _locked(connection, return_id, if_match=if_match)
    return await _command(connection, current, Approve())


async def refuse(
    connection: AsyncConnection, return_id: UUID, reason: str, *, if_match: str | None
) -> Return:
    """Do not take the goods back. Raises NotFound, ReturnDecided, PreconditionFailed."""
    _, _, current = await _locked(connection, return_id, if_match=if_match)
    return await _command(connection, current, Refuse(reason))


async def receive(
    connection: AsyncConnection, return_id: UUID, *, restock: bool, if_match: str | None
) -> Return:
    """Have the goods' money returned, and put them on the shelf where they can be sold again.

    Raises NotFound, ReturnDecided, PreconditionFailed.
    """
    order, others, current = await _locked(connection, return_id, if_match=if_match)
    left = left_to_refund(order, others)
    return await _command(connection, current, Receive(restock, left))


async def handle_refund(
    connection: AsyncConnection, order_id: UUID, refund_id: UUID, amount: Money, *, full: bool
) -> None:
    """Settle the return that a refund is of. The order's row is locked.

    One that staff made by hand, here or at the provider, settles those whose own refund failed.
    """
    every = await repository.of_order(connection, order_id)
    own = [each for each in every if each.id == refund_id]
    for each in own:
        await _save(connection, each, ReturnRefunded(amount))
    if full or not own:
        others = [each for each in every if each.id != refund_id]
        for each in settled_by_hand(others, amount, full=full):
            await _save(connection, each, ReturnRefunded(each.refund, by=refund_id))


async def handle_refund_that_came_back(
    connection: AsyncConnection, order_id: UUID, refund_id: UUID
) -> None:
    """Have a person see again to the returns whose money it was. The order's row is locked."""
    for each in await repository.of_order(connection, order_id):
        await _save(connection, each, ReturnRefundCameBack(refund_id))


async def handle_failed_refund(connection: AsyncConnection, order: Order, return_id: UUID) -> None:
    """Have a person see to a return's money, unless all of the locked order's is back already."""
    current = await repository.find(connection, return_id, customer_id=None)
    if current is None or current.order_id != order.id:
        return  # a refund that staff made by hand, or of a closed order
    is_owed = left_to_refund(order, ()).amount > 0
    message = ReturnRefundFailed() if is_owed else ReturnRefunded(current.refund)
    await _save(connection, current, message)


async def _locked(
    connection: AsyncConnection, return_id: UUID, *, if_match: str | None
) -> tuple[Order, list[Return], Return]:
    """Return the order, its other returns, and the return, none of which others change now."""
    found = await repository.find(connection, return_id, customer_id=None)
    order = None if found is None else await orders.lock(connection, found.order_id)
    if order is None:
        raise NotFound("No such return.")
    every = await repository.of_order(connection, order.id)
    [current] = [each for each in every if each.id == return_id]
    require_match(if_match, current.version)
    return order, [each for each in every if each.id != return_id], current


async def _command(connection: AsyncConnection, current: Return, message: ReturnMessage) -> Return:
    try:
        return await _save(connection, current, message)
    except ReturnDecidedError as error:
        raise ReturnDecided(f"{str(error).capitalize()}.") from error


async def _save(connection: AsyncConnection, current: Return, message: ReturnMessage) -> Return:
    made = decide_return(current, message)
    if made.state is current:
        _log.info("return unchanged", return_id=str(current.id), status=current.status)
        return current
    await repository.save(connection, made.state)
    await publish(connection, *(events.of_return(made.state, effect) for effect in made.effects))
    return made.state
