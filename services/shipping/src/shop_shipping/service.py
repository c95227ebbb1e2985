"""What the shipping service does. Each function works in the transaction it is given."""

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
from shop_shared.ids import uuid7
from shop_shared.messaging.outbox import publish
from shop_shipping import events, repository, tracking_number
from shop_shipping.domain import (
    AddressLockedError,
    Fact,
    Failure,
    Progress,
    Shipment,
    Status,
    StopAsked,
    apply,
    change_address,
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


async def create(
    connection: AsyncConnection,
    *,
    order_id: UUID,
    customer_id: UUID,
    address: Mapping[str, Any],
    carrier: str,
) -> Shipment | None:
    """Send an order's parcel: store it, mean to book it, announce it. None where it has one."""
    shipment = _new(order_id, customer_id, address, carrier)
    if not await repository.insert(connection, shipment, Intent(now())):
        return None
    await publish(connection, events.created(shipment))
    return shipment


async def create_by_hand(
    connection: AsyncConnection, wanted: CreateShipment, *, carrier: str
) -> Shipment:
    """Send a parcel that no event asked for. Raises ShipmentExists."""
    shipment = await create(
        connection,
        order_id=wanted.order_id,
        customer_id=wanted.customer_id,
        address=wanted.address.model_dump(),
        carrier=carrier,
    )
    if shipment is None:
        raise ShipmentExists("Change the one it has.")
    return shipment


async def stop(connection: AsyncConnection, order_id: UUID) -> bool:
    """Ask for an order's parcel back; the worker takes it from there. False where it has none."""
    shipment = await repository.lock_of_order(connection, order_id)
    if shipment is None:
        return False
    after = apply(shipment, StopAsked()).shipment
    if after is not shipment:
        await repository.save(connection, after, Intent(now()), source="order")
    return True


async def never_send(
    connection: AsyncConnection, *, order_id: UUID, customer_id: UUID, carrier: str
) -> None:
    """Note that an order gets no parcel, and say so: a confirmation that comes late sends none."""
    never = replace(
        _new(order_id, customer_id, None, carrier),
        status=Status.FAILED,
        failure=Failure.CANCELLED,
    )
    if await repository.insert(connection, never, Intent(None)):
        step = Progress(Status.FAILED, never.created_at, failure=Failure.CANCELLED)
        await publish(connection, events.announce(never, step))


async def learn(
    connection: AsyncConnection,
    shipment: Shipment,
    facts: Sequence[Fact],
    *,
    intent: Intent,
    source: str,
) -> Shipment:
    """Let a shipment, which the caller holds, know facts; announce what they tell."""
    before, told = shipment, list[Progress]()
    for fact in facts:
        outcome = apply(shipment, fact)
        shipment = outcome.shipment
        told.extend(outcome.told)
    if next_call(shipment) is None:
        intent = Intent(None)
    if shipment is before:
        await repository.intend(connection, shipment.id, intent)
        return shipment
    await repository.save(connection, shipment, intent, told=told, source=source)
    await publish(connection, *(events.announce(shipment, step) for step in told))
    return shipment


async def redirect(
    connection: AsyncConnection, shipment_id: UUID, address: Address, *, if_match: str | None
) -> Shipment:
    """Change where a parcel goes that has not left.

    Raises NotFound, AddressLocked, PreconditionRequired, PreconditionFailed.
    """
    shipment = await held(connection, shipment_id)
    require_match(if_match, shipment.version, required=True)
    try:
        after = change_address(shipment, address.model_dump())
    except AddressLockedError as error:
        raise AddressLocked(f"It is {shipment.status}.") from error
    if after is not shipment:
        await repository.save(connection, after, Intent(now()), source="staff")
    return after


async def held(connection: AsyncConnection, shipment_id: UUID) -> Shipment:
    """Return a shipment, held until the transaction ends. Raises NotFound."""
    shipment = (await repository.lock(connection, [shipment_id])).get(shipment_id)
    if shipment is None:
        raise NotFound("No such shipment.")
    return shipment


def _new(
    order_id: UUID, customer_id: UUID, address: Mapping[str, Any] | None, carrier: str
) -> Shipment:
    return Shipment(
        id=uuid7(),
        order_id=order_id,
        customer_id=customer_id,
        tracking_number=tracking_number.generate(),
        carrier=carrier,
        address=address,
        created_at=now(),
    )
