"""Returns: asking to send delivered goods back, and how it goes on."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import ApiError, Json
from shop_storefront.forms import Form, PostedForm
from shop_storefront.visit import CustomerVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
REASONS = ("damaged", "not_as_described", "wrong_item", "no_longer_wanted", "other")
DELIVERED = "delivered"
_REFUSED = frozenset((400, 409, 422))


@router.get("/orders/{order_id}/return")
async def show_return_form(visit: CustomerVisit, order_id: UUID) -> Response:
    """Ask what of an order is sent back, and why."""
    return await _form(visit, order_id)


@router.post("/orders/{order_id}/return")
async def request_return(visit: CustomerVisit, order_id: UUID, form: PostedForm) -> Response:
    """Ask for the return. Sent twice, the form asks once."""
    quantities = {
        name.removeprefix("quantity-"): form.number(name)
        for name, typed in form.values().items()
        if name.startswith("quantity-") and typed.strip()
    }
    if None in quantities.values():
        said = visit.say(N_("Enter a whole number."))
        return await _form(visit, order_id, form, problem=said)
    items = [
        {"product_id": product_id, "quantity": quantity}
        for product_id, quantity in quantities.items()
        if quantity
    ]
    if not items:
        said = visit.say(N_("Say how many you send back."))
        return await _form(visit, order_id, form, problem=said)
    if form.text("reason") not in REASONS:
        return await _form(visit, order_id, form, problem=visit.say(N_("Choose a reason.")))
    try:
        await visit.call(
            "POST",
            f"/v1/orders/{order_id}/returns",
            body={"items": items, "reason": form.text("reason")},
            headers={"Idempotency-Key": form.text("key")},
        )
    except ApiError as error:
        if error.status not in _REFUSED:
            raise
        return await _form(visit, order_id, form, problem=visit.explain(error))
    said = visit.say(N_("The shop looks at it and writes to you. Keep the goods until then."))
    return await visit.redirect(f"/orders/{order_id}", notice=said)


async def read_returns(visit: Visit, order_id: UUID) -> list[Json] | None:
    """Return an order's returns, newest first; None where they cannot be had. Raises ApiError."""
    try:
        found = await visit.get("/v1/returns", {"order_id": str(order_id), "limit": 100})
    except ApiError as error:
        if error.status < 500:  # noqa: PLR2004
            raise
        return None
    return list(found["items"])


def left_to_return(order: Json, returns: list[Json] | None) -> list[tuple[Json, int]]:
    """Return the lines of which something can be sent back, each with how many at most."""
    if order["status"] != DELIVERED or returns is None:
        return []
    gone: Counter[str] = Counter()
    for each in returns:
        if each["status"] != "refused":
            gone.update({line["product_id"]: line["quantity"] for line in each["lines"]})
    left = [(line, line["quantity"] - gone[line["product_id"]]) for line in order["lines"]]
    return [(line, quantity) for line, quantity in left if quantity > 0]


async def _form(
    visit: Visit, order_id: UUID, form: Form | None = None, *, problem: str | None = None
) -> Response:
    order, returns = await asyncio.gather(
        visit.get(f"/v1/orders/{order_id}"), read_returns(visit, order_id)
    )
    left = left_to_return(order, returns)
    if not left:
        said = visit.say(N_("There is nothing of this order to send back."))
        return await visit.redirect(f"/orders/{order_id}", problem=said)
    values: dict[str, Any] = form.values() if form else {}
    return await visit.page(
        "order_return.html",
        status=422 if problem else 200,
        order=order,
        left=left,
        reasons=REASONS,
        values=values,
        problem=problem,
    )
