"""An order's hold on stock: reserved when placed, then sold, or given back.

The order decides its own fate; this service reports what became of the stock. Every function here
works inside the caller's transaction, and an event that comes late or twice finds the reservation
further on and changes nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shop_product.allocation import Allocation, Offer, Refusal, allocate, merged
from shop_product.events import (
    InventoryCommitted,
    InventoryRejected,
    InventoryReleased,
    InventoryReserved,
    LowStock,
    RejectedLine,
    ReservedLine,
)
from shop_product.repository import inventory, reservations
from shop_product.repository.store import Tx
from shop_shared.messaging import mongo_events
from shop_shared.messaging.events import Event, event
from shop_shared.money import Money


class UnknownReservationError(LookupError):
    """An order was confirmed, or returned, of which no stock was ever reserved or sold."""


async def reserve(  # noqa: PLR0913 - keyword-only, each of its own kind
    tx: Tx,
    *,
    order_id: UUID,
    customer_id: UUID,
    lines: Sequence[tuple[UUID, int]],
    currency: str,
    reserved_until: datetime,
) -> None:
    """Put the order's units aside at today's prices, or say why not. All lines or none."""
    if await reservations.get(tx, order_id):
        return
    wanted = merged(lines)
    outcome = allocate(wanted, currency=currency, offers=await inventory.offers(tx, wanted))
    if isinstance(outcome, Refusal):
        await reservations.insert(tx, order_id, status="rejected")
        await _publish(tx, _rejected(order_id, outcome))
        return
    await inventory.move(tx, "reserve", {str(pid): quantity for pid, quantity in wanted.items()})
    await reservations.insert(
        tx,
        order_id,
        status="reserved",
        lines=[{"product_id": str(pid), "quantity": quantity} for pid, quantity in wanted.items()],
        reserved_until=reserved_until,
    )
    await _publish(
        tx,
        _reserved(order_id, customer_id, outcome, reserved_until),
        *_low_stock((line.offer, line.quantity) for line in outcome.lines),
    )


async def commit(tx: Tx, *, order_id: UUID) -> None:
    """Sell what the order reserved.

    A reservation that the sweeper gave back is taken anew; where the units are gone, the order is
    told (rejected), and it refunds. Raises ``UnknownReservationError``.
    """
    reservation = await reservations.get(tx, order_id)
    if reservation is None:
        raise UnknownReservationError(f"order {order_id}")
    quantities = _quantities(reservation)
    if await reservations.move(tx, order_id, before="reserved", after="committed"):
        await inventory.move(tx, "commit", quantities)
    elif reservation["status"] == "released" and quantities:
        wanted = {UUID(pid): quantity for pid, quantity in quantities.items()}
        offers = await inventory.offers(tx, wanted)
        if any(
            pid not in offers or offers[pid].available < quantity
            for pid, quantity in wanted.items()
        ):
            await reservations.move(tx, order_id, before="released", after="rejected")
            await _publish(
                tx,
                event(
                    InventoryRejected(order_id=order_id, reason="expired", lines=[]), key=order_id
                ),
            )
            return
        await inventory.move(tx, "take", quantities)
        await reservations.move(tx, order_id, before="released", after="committed")
        taken = ((offers[pid], quantity) for pid, quantity in wanted.items())
        await _publish(tx, *_low_stock(taken))
    else:
        return
    await _publish(tx, event(InventoryCommitted(order_id=order_id), key=order_id))


async def release(tx: Tx, *, order_id: UUID, reason: str, restock: bool) -> None:
    """Give back what the order holds; what was sold returns only when it is to be restocked.

    An order that ends before it was ever reserved leaves a mark, so that its late ``placed`` takes
    nothing.
    """
    reservation = await reservations.get(tx, order_id)
    if reservation is None:
        await reservations.insert(tx, order_id, status="released")
    elif await reservations.move(tx, order_id, before="reserved", after="released"):
        await inventory.move(tx, "release", _quantities(reservation))
        await _publish(tx, event(InventoryReleased(order_id=order_id, reason=reason), key=order_id))
    elif restock and await reservations.move(tx, order_id, before="committed", after="restocked"):
        await inventory.move(tx, "restock", _quantities(reservation))
        await _publish(tx, event(InventoryReleased(order_id=order_id, reason=reason), key=order_id))


async def take_back(
    tx: Tx, *, order_id: UUID, return_id: UUID, lines: Sequence[tuple[UUID, int]]
) -> None:
    """Put returned units of a sold order back on the shelf, once a return.

    Raises ``UnknownReservationError`` where nothing of the order was sold.
    """
    units = {str(product_id): quantity for product_id, quantity in merged(lines).items()}
    if await reservations.add_return(tx, order_id, return_id=return_id, units=units):
        await inventory.move(tx, "restock", units)
        return
    kept = await reservations.get(tx, order_id)
    if kept is None or kept["status"] != "committed":
        raise UnknownReservationError(f"return {return_id} of order {order_id}")


async def _publish(tx: Tx, *events: Event) -> None:
    await mongo_events.publish(tx.session, tx.database, *events)


def _quantities(reservation: dict[str, Any]) -> dict[str, int]:
    return {line["product_id"]: line["quantity"] for line in reservation["lines"]}


def _rejected(order_id: UUID, refusal: Refusal) -> Event:
    return event(
        InventoryRejected(
            order_id=order_id,
            reason=refusal.reason,
            lines=[
                RejectedLine(
                    product_id=line.product_id,
                    requested=line.requested,
                    available=line.available,
                )
                for line in refusal.lines
            ],
        ),
        key=order_id,
    )


def _reserved(
    order_id: UUID, customer_id: UUID, allocation: Allocation, reserved_until: datetime
) -> Event:
    return event(
        InventoryReserved(
            order_id=order_id,
            customer_id=customer_id,
            lines=[
                ReservedLine(
                    product_id=line.offer.product_id,
                    sku=line.offer.sku,
                    name=line.offer.name,
                    quantity=line.quantity,
                    unit_price=Money(amount=line.unit_price, currency=allocation.currency),
                )
                for line in allocation.lines
            ],
            total=Money(amount=allocation.total, currency=allocation.currency),
            reserved_until=reserved_until,
        ),
        key=order_id,
    )


def _low_stock(taken: Iterable[tuple[Offer, int]]) -> list[Event]:
    """Tell of products whose stock these units of each take down to its threshold."""
    return [
        event(
            LowStock(
                product_id=offer.product_id,
                sku=offer.sku,
                available=offer.available - quantity,
                threshold=offer.low_stock_threshold,
            ),
            key=offer.product_id,
        )
        for offer, quantity in taken
        if offer.runs_low(quantity)
    ]
