"""What the notification service does: decides who is told what, where and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_notification.plans import Plan
from shop_notification.quiet_hours import due
from shop_notification.repository import devices, messages, recipients, sending
from shop_notification.repository.messages import Draft
from shop_notification.repository.recipients import Recipient
from shop_shared.clock import now
from shop_shared.stores.postgres import autocommit


async def notify(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    *,
    event_id: str,
    user_id: UUID,
    order_id: UUID | None = None,
    plan: Plan,
    data: Mapping[str, Any],
    destination: str | None = None,
    waits: bool = True,
) -> list[UUID]:
    """Store a message for each channel that the person has and wants; return the new ones' ids.

    A destination given (a new address to be verified) counts instead of the recipient's own.
    A message for somebody not known yet waits for them, unless `waits` is False; an erased account
    gets none.
    """
    reach = await recipients.contact_channels(connection, user_id)
    if reach.is_erased or (reach.recipient is None and destination is None and not waits):
        return []
    wanted = reach.wanted
    stored: list[UUID] = []
    for channel in (*plan.channels, *plan.on_request):
        if not wanted.wants(plan, channel):
            continue
        if destination is None and not reach.has(channel):
            continue
        known = reach.recipient is not None or destination is not None
        draft = Draft(
            event_id=event_id,
            channel=channel,
            user_id=user_id,
            order_id=order_id,
            category=plan.category,
            template=plan.template,
            data=data,
            destination=destination,
            status="pending" if known else "waiting",
            due_at=due(now(), wanted.quiet, category=plan.category, channel=channel),
        )
        notification_id = await messages.store(connection, draft)
        if notification_id is not None:
            stored.append(notification_id)
    return stored


async def upsert_recipient(connection: AsyncConnection, recipient: Recipient) -> None:
    """Store how somebody is reached, and release the messages that waited for it.

    An erased account stays erased.
    """
    if (await recipients.contact_channels(connection, recipient.user_id)).is_erased:
        return
    await recipients.save_recipient(connection, recipient)
    await messages.release_waiting(connection, recipient.user_id)


async def destinations(engine: AsyncEngine, message: sending.ClaimedMessage) -> Sequence[str]:
    """Return where a message goes now: addresses may have changed since it was stored."""
    if message.destination is not None:
        return [message.destination]
    if message.channel == "push":
        async with autocommit(engine) as connection:
            found = await devices.devices_of(connection, message.user_id)
        return [device.token for device in found]
    recipient = message.recipient
    if recipient is None:
        return []
    address = recipient.email if message.channel == "email" else recipient.phone
    return [address] if address else []
