"""What people read of their messages, and the export of all that is held about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import jinja2
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_notification import models
from shop_notification.rendering import render
from shop_notification.repository import devices, messages, recipients
from shop_notification.repository.recipients import Recipient
from shop_shared.clock import now


async def detail_of(
    engine: AsyncEngine,
    row: Any,  # noqa: ANN401 - a row's shape is its query's
    *,
    default_locale: str,
    for_staff: bool,
) -> models.NotificationDetail:
    """Return a message with what it says and its attempts; receivers' answers are for staff."""
    async with engine.connect() as connection:
        tries = await messages.attempts_of(connection, row.id)
        recipient = await recipients.recipient_of(connection, row.user_id)
    return models.NotificationDetail(
        **models.view(row).model_dump(),
        **_said(row, recipient, default_locale=default_locale),
        history=tuple(
            models.Attempt(
                number=attempt.number,
                at=attempt.at,
                outcome=attempt.outcome,
                detail=attempt.detail if for_staff else None,
            )
            for attempt in tries
        ),
    )


async def export_of(engine: AsyncEngine, user_id: UUID, *, default_locale: str) -> models.Export:
    """Return contact, preferences, devices and messages of a person."""
    async with engine.connect() as connection:
        recipient = await recipients.recipient_of(connection, user_id)
        wanted = await recipients.preferences_of(connection, user_id)
        registered = await devices.devices_of(connection, user_id)
        rows = await messages.all_of(connection, user_id)
    return models.Export(
        exported_at=now(),
        contact=models.Contact.model_validate(recipient) if recipient else None,
        preferences=preferences_view(wanted),
        devices=tuple(models.RegisteredDevice.model_validate(device) for device in registered),
        messages=tuple(
            models.WrittenMessage(
                **models.view(row).model_dump(),
                **_said(row, recipient, default_locale=default_locale),
            )
            for row in rows
        ),
    )


def preferences_view(stored: recipients.Preferences) -> models.Preferences:
    """Return preferences as the API has them."""
    quiet = stored.quiet
    hours = {"start": quiet.start, "end": quiet.end, "timezone": quiet.timezone} if quiet else None
    return models.Preferences.model_validate(
        {"off": stored.off, "also": stored.also, "quiet_hours": hours}
    )


def _said(
    row: Any,  # noqa: ANN401 - as above
    recipient: Recipient | None,
    *,
    default_locale: str,
) -> Mapping[str, str | None]:
    """Return subject and text; None of both for security messages, whose codes nobody reads here.

    An erased message has no data left to say anything with.
    """
    if row.category == "security" or recipient is None:
        return {"subject": None, "text": None}
    try:
        rendered = render(
            row.template,
            locale=recipient.locale,
            default=default_locale,
            data={"name": recipient.name, **row.data},
        )
    except jinja2.UndefinedError:  # stored before its template said more
        return {"subject": None, "text": None}
    return {"subject": rendered.subject, "text": rendered.body}
