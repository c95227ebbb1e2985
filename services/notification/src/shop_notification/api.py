"""The notification service over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_notification import models, reading, service, unsubscribe
from shop_notification.plans import Plan
from shop_notification.quiet_hours import QuietHours
from shop_notification.repository import devices, messages, recipients
from shop_notification.state import State
from shop_shared.http.auth import Principal, permit
from shop_shared.http.engine_state import Engine
from shop_shared.http.idempotency import idempotency_key, idempotent
from shop_shared.http.openapi import documented, sends
from shop_shared.http.pagination import Before, Limit, Page, page_of
from shop_shared.http.problems import Conflict, NotFound
from shop_shared.ids import uuid7
from shop_shared.stores.postgres import transaction

PREFIX = "/v1/notifications"
UNSUBSCRIBE = f"{PREFIX}/unsubscribe"
MAX_DEVICES = 20
router = APIRouter(prefix=PREFIX, tags=["notifications"])


class Unreachable(Conflict):
    """The person is not known, or has no address on that channel."""

    code, title = "unreachable", "Recipient not reachable"


class TooManyDevices(Conflict):
    """The person has as many devices as one may have."""

    code, title = "too_many_devices", "Too many devices"


class NotParked(Conflict):
    """Only what is parked can be sent again."""

    code, title = "not_parked", "Message is not parked"


async def _visible(
    notification_id: UUID,
    caller: Annotated[Principal, permit("read", "notification")],
    engine: Engine,
) -> Any:  # noqa: ANN401 - a row
    """Return the message if the caller may see it; other people's do not exist for them."""
    async with engine.connect() as connection:
        row = await messages.find(connection, notification_id)
    if row is None or not caller.can_view(row.user_id):
        raise NotFound("No such message.")
    return row


async def _lock(connection: AsyncConnection, caller: Principal) -> None:
    """Let one write at a time what is kept of the caller. Raises NotFound if that is erased.

    A token counts for some minutes more than its account is there.
    """
    if not await recipients.lock(connection, caller.user_id):
        raise NotFound("No such account.")


Token = Annotated[str, Path(max_length=1000, description="Of the link in a mail")]
VisibleNotification = Annotated[Any, Depends(_visible)]


@router.get("")
async def list_notifications(  # noqa: PLR0913 - a parameter a part of the request
    caller: Annotated[Principal, permit("read", "notification")],
    engine: Engine,
    *,
    limit: Limit = 20,
    before: Before = None,
    order_id: Annotated[UUID | None, Query(description="About this order only")] = None,
    user_id: Annotated[UUID | None, Query(description="For staff: whose")] = None,
) -> Page[models.Notification]:
    """List messages, newest first: one's own; for staff everybody's."""
    async with engine.connect() as connection:
        rows = await messages.page(
            connection,
            user_id=caller.owner_filter(user_id),
            order_id=order_id,
            before=before,
            limit=limit + 1,
        )
    return page_of(rows, limit=limit, view=models.view)


@router.post(
    "",
    status_code=201,
    response_model=models.Notification,
    responses=sends(201, "Location", "Idempotent-Replayed"),
)
async def create_notification(
    wanted: models.CreateNotification,
    caller: Annotated[Principal, permit("create", "notification")],
    key: Annotated[str, Depends(idempotency_key)],
    engine: Engine,
) -> Response:
    """Send a message to a customer (staff)."""

    async def make(connection: AsyncConnection) -> models.Notification:
        plan = Plan("custom", "account", (wanted.channel,))
        stored = await service.notify(
            connection,
            event_id=f"staff:{uuid7()}",
            user_id=wanted.user_id,
            plan=plan,
            data={"subject": wanted.subject, "text": wanted.text},
            waits=False,
        )
        if not stored:
            raise Unreachable("Nobody known, or one who takes no messages there.")
        return models.view(await messages.find(connection, stored[0]))

    scope = f"{caller.user_id} POST {PREFIX}"
    response = await idempotent(engine, key=key, scope=scope, request=wanted, work=make)
    response.headers["Location"] = f"{PREFIX}/{orjson.loads(response.body)['id']}"
    return response


@router.get("/preferences")
async def get_preferences(
    caller: Annotated[Principal, permit("read", "preferences")], engine: Engine
) -> models.Preferences:
    """Read what one wants to be told."""
    async with engine.connect() as connection:
        return reading.preferences_view(await recipients.preferences_of(connection, caller.user_id))


@router.put("/preferences", responses=documented(404))
async def put_preferences(
    wanted: models.Preferences,
    caller: Annotated[Principal, permit("update", "preferences")],
    engine: Engine,
) -> models.Preferences:
    """Say what one wants to be told; what is not named is on."""
    quiet = wanted.quiet_hours
    stored = recipients.Preferences(
        off={category: sorted(channels) for category, channels in wanted.off.items()},
        quiet=QuietHours(quiet.start, quiet.end, quiet.timezone) if quiet else None,
        also=sorted(wanted.also),
    )
    async with transaction(engine) as connection:
        await _lock(connection, caller)
        await recipients.save_preferences(connection, caller.user_id, stored)
    return wanted


@router.get("/devices")
async def list_devices(
    caller: Annotated[Principal, permit("read", "device")], engine: Engine
) -> models.Devices:
    """List one's devices."""
    async with engine.connect() as connection:
        rows = await devices.devices_of(connection, caller.user_id)
    return models.Devices(items=tuple(models.Device.model_validate(row) for row in rows))


@router.put("/devices/{device_id}", responses=documented(409))
async def put_device(
    device_id: UUID,
    wanted: models.RegisterDevice,
    caller: Annotated[Principal, permit("update", "device")],
    engine: Engine,
) -> models.Device:
    """Register a device for push messages; the id is the client's, a new UUID for each device.

    A person has at most 20 devices (409).
    """
    async with transaction(engine) as connection:
        await _lock(connection, caller)
        others = [
            row
            for row in await devices.devices_of(connection, caller.user_id)
            if device_id != row.id and wanted.token != row.token
        ]
        if len(others) >= MAX_DEVICES:
            raise TooManyDevices(f"At most {MAX_DEVICES} devices; remove one first.")
        stored = await devices.save_device(
            connection,
            device_id=device_id,
            user_id=caller.user_id,
            token=wanted.token,
            platform=wanted.platform,
        )
    if not stored:
        raise NotFound("No such device.")
    return models.Device(id=device_id, platform=wanted.platform)


@router.delete("/devices/{device_id}", status_code=204)
async def delete_device(
    device_id: UUID, caller: Annotated[Principal, permit("delete", "device")], engine: Engine
) -> None:
    """Forget a device."""
    async with transaction(engine) as connection:
        gone = await devices.delete_device(connection, device_id=device_id, user_id=caller.user_id)
    if not gone:
        raise NotFound("No such device.")


@router.get("/export", responses=sends(200, "Content-Disposition"))
async def export(
    caller: Annotated[Principal, permit("export", "contact")], state: State, response: Response
) -> models.Export:
    """Download all personal data that this service holds (GDPR, articles 15 and 20)."""
    response.headers["Content-Disposition"] = 'attachment; filename="notifications.json"'
    response.headers["Cache-Control"] = "no-store"
    return await reading.export_of(
        state.engine, caller.user_id, default_locale=state.settings.default_locale
    )


@router.get("/unsubscribe/{token}", response_class=HTMLResponse)
async def unsubscribe_page(token: Token, state: State) -> HTMLResponse:
    """Show what the link switches off, and a button that does it: fetching it changes nothing."""
    link = unsubscribe.read(token, key=await state.link_key.get())
    return HTMLResponse(unsubscribe.page(link.category), headers=unsubscribe.PAGE_HEADERS)


@router.post("/unsubscribe/{token}", response_class=HTMLResponse)
async def unsubscribe_by_link(token: Token, state: State) -> HTMLResponse:
    """Switch off the mails of the link's category (RFC 8058: one click, without signing in)."""
    link = unsubscribe.read(token, key=await state.link_key.get())
    async with transaction(state.engine) as connection:
        await recipients.switch_off(connection, link.user_id, category=link.category)
    return HTMLResponse(
        unsubscribe.page(link.category, done=True), headers=unsubscribe.PAGE_HEADERS
    )


@router.get("/{notification_id}")  # noqa: FAST003 - _visible takes it
async def get_notification(
    row: VisibleNotification,
    caller: Annotated[Principal, permit("read", "notification")],
    state: State,
) -> models.NotificationDetail:
    """Read a message, its status, and every attempt to send it."""
    return await reading.detail_of(
        state.engine,
        row,
        default_locale=state.settings.default_locale,
        for_staff=not caller.only_own,
    )


@router.post("/{notification_id}/retry", status_code=202, responses=documented(409))
async def retry_notification(
    notification_id: UUID,
    _caller: Annotated[Principal, permit("retry", "notification")],
    engine: Engine,
) -> models.Notification:
    """Let a parked message go again (staff)."""
    async with transaction(engine) as connection:
        status = await messages.retry(connection, notification_id)
        if status is None:
            raise NotFound("No such message.")
        if status != "parked":
            raise NotParked(f"It is {status}.")
        return models.view(await messages.find(connection, notification_id))
