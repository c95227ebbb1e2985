"""The shipping service's operations. Each works in the transaction it is given."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.addresses import Address
from shop_shared.clock import now
from shop_shared.http.etag import require_match
from shop_shared.http.problems import Conflict, NotFound
from shop_shared.ids import derived
from shop_shared.messaging.outbox import publish
from shop_shipping import events, repository, tracking_number
from shop_shipping.domain import (
    AddressLockedError,
    ChangeAddress,
    DomainEvent,
    Failure,
    Progress,
    Shipment,
    Status,
    StopParcel,
    decide,
    next_call,
)
from shop_shipping.models import CreateShipment
from shop_shipping.repository import Intent

_log = structlog.get_logger(__name__)


class ShipmentExists(Conflict):
    """An order has one parcel."""

    code, title = "shipment_exists", "The order has a shipment"


class AddressLocked(Conflict):
    """The parcel has left, or is to be stopped."""

    code, title = "address_locked", "The address can no longer be changed"


async def create(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    *,
    order_id: UUID,
    order_number: str | None,
    customer_id: UUID,
    address: Mapping[str, Any],
    carrier: str,
) -> Shipment | None:
    """Store an order's shipment, to be booked at once, and publish it. None where it has one."""
    shipment = replace(_new(order_id, customer_id, address, carrier), order_number=order_number)
    if not await repository.insert(connection, shipment, Intent(now())):
        return None
    await publish(connection, events.created(shipment))
    return shipment


async def create_by_hand(
    connection: AsyncConnection, wanted: CreateShipment, *, carrier: str
) -> Shipment:
    """Store a shipment that no event asked for. Raises ShipmentExists."""
    shipment = await create(
        connection,
        order_id=wanted.order_id,
        order_number=None,
        customer_id=wanted.customer_id,
        address=wanted.address.model_dump(),
        carrier=carrier,
    )
    if shipment is None:
        raise ShipmentExists("Change the one it has.")
    return shipment


async def stop(connection: AsyncConnection, order_id: UUID) -> bool:
    """Have the worker stop an order's parcel. False where the order has no shipment."""
    shipment = await repository.lock_of_order(connection, order_id)
    if shipment is None:
        return False
    after = decide(shipment, StopParcel()).state
    if after is not shipment:
        await repository.save(connection, after, Intent(now()), source="order")
    return True


async def record_cancelled_before_shipping(
    connection: AsyncConnection,
    *,
    order_id: UUID,
    order_number: str | None,
    customer_id: UUID,
    carrier: str,
) -> None:
    """Store a failed shipment, so that a confirmation that comes late ships nothing; publish it."""
    never = replace(
        _new(order_id, customer_id, None, carrier),
        order_number=order_number,
        status=Status.FAILED,
        failure=Failure.CANCELLED,
    )
    if await repository.insert(connection, never, Intent(None)):
        step = Progress(Status.FAILED, never.created_at, failure=Failure.CANCELLED)
        await publish(connection, events.announce(never, step))


async def handle_events(
    connection: AsyncConnection,
    shipment: Shipment,
    domain_events: Sequence[DomainEvent],
    *,
    intent: Intent,
    source: str,
) -> Shipment:
    """Apply domain events to a locked shipment and publish the resulting events."""
    before, steps = shipment, list[Progress]()
    for message in domain_events:
        transition = decide(shipment, message)
        shipment = transition.state
        steps.extend(transition.effects)
    if next_call(shipment) is None:
        intent = Intent(None)
    if shipment is before:
        await repository.intend(connection, shipment.id, intent)
        return shipment
    await repository.save(connection, shipment, intent, steps=steps, source=source)
    await publish(connection, *(events.announce(shipment, step) for step in steps))
    return shipment


async def change_address(
    connection: AsyncConnection, shipment_id: UUID, address: Address, *, if_match: str | None
) -> Shipment:
    """Change where a parcel goes that has not left.

    Raises NotFound, AddressLocked, PreconditionRequired, PreconditionFailed.
    """
    shipment = await lock(connection, shipment_id)
    require_match(if_match, shipment.version, required=True)
    try:
        after = decide(shipment, ChangeAddress(address.model_dump())).state
    except AddressLockedError as error:
        raise AddressLocked(f"It is {shipment.status}.") from error
    if after is not shipment:
        await repository.save(connection, after, Intent(now()), source="staff")
    return after


async def lock(connection: AsyncConnection, shipment_id: UUID) -> Shipment:
    """Return a shipment, its row locked until the transaction ends. Raises NotFound."""
    shipment = (await repository.lock(connection, [shipment_id])).get(shipment_id)
    if shipment is None:
        raise NotFound("No such shipment.")
    return shipment


def _new(
    order_id: UUID, customer_id: UUID, address: Mapping[str, Any] | None, carrier: str
) -> Shipment:
    return Shipment(
        # To the carrier its name: one that a restored database makes again is the same parcel.
        id=derived(order_id, "shipment"),
        order_id=order_id,
        customer_id=customer_id,
        tracking_number=tracking_number.generate(),
        carrier=carrier,
        address=address,
        created_at=now(),
    )
