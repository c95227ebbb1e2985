"""Which messages one gets, by which channels, and when."""

import asyncio
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import ApiError, Json
from shop_storefront.forms import PostedForm
from shop_storefront.visit import CustomerVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
CATEGORIES = ("account", "orders", "payments", "shipping")
CHANNELS = ("email", "sms", "push")
ALSO = {
    "payment_action": N_("when a payment waits for you"),
    "payment_captured": N_("when a payment has arrived"),
    "order_completed": N_("when an order is complete"),
}


@router.get("/account/messages")
async def show_preferences(visit: CustomerVisit) -> Response:
    """Show the choice, and what was sent lately."""
    preferences, sent = await asyncio.gather(
        visit.get("/v1/notifications/preferences"), _sent(visit)
    )
    return await _page(visit, preferences, sent)


@router.post("/account/messages")
async def change_preferences(visit: CustomerVisit, form: PostedForm) -> Response:
    """Change the choice."""
    off: dict[str, list[str]] = {}
    for category in CATEGORIES:
        wanted = form.all(category)
        unwanted = [channel for channel in CHANNELS if channel not in wanted]
        if unwanted:
            off[category] = unwanted
    body: dict[str, Any] = {"off": off, "also": [name for name in ALSO if form.checked(name)]}
    if form.checked("quiet"):
        body["quiet_hours"] = {
            "start": form.text("start"),
            "end": form.text("end"),
            "timezone": form.text("timezone"),
        }
    try:
        await visit.call("PUT", "/v1/notifications/preferences", body=body)
    except ApiError as error:
        if error.status != 422:  # noqa: PLR2004
            raise
        return await _page(
            visit,
            body,
            await _sent(visit),
            status=422,
            errors=visit.by_field(error),
            problem=visit.explain(error),
        )
    said = visit.say(N_("Your choice of messages is changed."))
    return await visit.redirect("/account/messages", notice=said)


async def _sent(visit: Visit) -> Json:
    user = visit.session.user
    return await visit.get(
        "/v1/notifications", {"limit": 20, "user_id": user.id} if user else {"limit": 20}
    )


@cache
def _timezones() -> tuple[str, ...]:
    """Return the names of places' time zones, read from the disk once."""
    return tuple(sorted(zone for zone in available_timezones() if "/" in zone))


async def _page(  # noqa: PLR0913 - what is shown, by name
    visit: Visit,
    preferences: Json,
    sent: Json,
    *,
    status: int = 200,
    errors: dict[str, str] | None = None,
    problem: str | None = None,
) -> Response:
    return await visit.page(
        "account/messages.html",
        status=status,
        preferences=preferences,
        quiet=preferences.get("quiet_hours") or {},
        sent=sent["items"],
        categories=CATEGORIES,
        channels=CHANNELS,
        also=ALSO,
        timezones=_timezones(),
        errors=errors or {},
        problem=problem,
    )
