"""Orders: the history, one of them with all that belongs to it, paying it, cancelling it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from shop_storefront.api_client import ApiError
from shop_storefront.forms import PostedForm
from shop_storefront.pages.checkout import read_way, ways_to_pay
from shop_storefront.pages.returns import left_to_return
from shop_storefront.redirects import is_payment_page
from shop_storefront.visit import SEE_OTHER, CustomerVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
PAGE_SIZE = 20
OPEN = frozenset(("pending", "reserved", "paid", "cancelling", "shipped"))
UNPAID = frozenset(("pending", "reserved"))
CANCELLABLE = frozenset(("pending", "reserved", "paid"))
STEPS = ("pending", "reserved", "paid", "shipped", "delivered")


@router.get("/orders")
async def show_orders(
    visit: CustomerVisit, cursor: Annotated[str, Query(max_length=500)] = ""
) -> Response:
    """Show one's own orders, newest first."""
    user = visit.session.user
    query: dict[str, str | int | bool] = {"limit": PAGE_SIZE}
    if user is not None and user.is_staff:  # the API shows them everybody's
        query["customer_id"] = user.id
    if cursor:
        query["cursor"] = cursor
    found = await visit.get("/v1/orders", query)
    following = found["next_cursor"]
    return await visit.page(
        "orders.html",
        orders=found["items"],
        next_url=f"/orders?cursor={following}" if following else None,
    )


@router.get("/orders/return")
async def come_back(visit: CustomerVisit) -> Response:
    """Go to the order whose payment page was opened last: here providers send customers back."""
    paying = visit.session.paying
    return await visit.redirect(f"/orders/{paying}" if paying else "/orders")


@router.get("/orders/{order_id}")
async def show_order(visit: CustomerVisit, order_id: UUID) -> Response:
    """Show an order with its payment, its parcel and its history."""
    return await visit.page("order.html", **await read_order(visit, order_id))


@router.get("/orders/{order_id}/progress")
async def show_progress(visit: CustomerVisit, order_id: UUID) -> Response:
    """Show the part of an order that changes, for the module that keeps it live."""
    return visit.part("order_progress.html", **await read_order(visit, order_id))


@router.get("/orders/{order_id}/pay")
async def pay(visit: CustomerVisit, order_id: UUID) -> Response:
    """Send the customer to the provider's page, where the payment waits for them."""
    found = await visit.get("/v1/payments", {"order_id": str(order_id)})
    actions = [each["action"] for each in found["items"] if each["action"]]
    url = next((each["url"] for each in actions if each.get("type") == "redirect"), None)
    back = f"/orders/{order_id}"
    if url is None:
        said = visit.say(N_("There is nothing to pay at the moment."))
        return await visit.redirect(back, problem=said)
    if not is_payment_page(url, visit.state.settings.payment_origins):
        said = visit.say(N_("The payment page is not one this shop knows. Please tell the shop."))
        return await visit.redirect(back, problem=said)
    await visit.state.sessions.put(visit.session, paying=str(order_id))
    return RedirectResponse(url, status_code=SEE_OTHER)


@router.get("/orders/{order_id}/payment")
async def show_other_ways(visit: CustomerVisit, order_id: UUID) -> Response:
    """Ask for another way to pay, after the first has failed and while the stock is held."""
    order = await visit.get(f"/v1/orders/{order_id}")
    if order["payment_failure"] is None:
        return await visit.redirect(f"/orders/{order_id}")
    ways = await ways_to_pay(visit, order["payment"]["currency"])
    return await visit.page("order_payment.html", order=order, ways=ways)


@router.post("/orders/{order_id}/payment")
async def pay_another_way(visit: CustomerVisit, order_id: UUID, form: PostedForm) -> Response:
    """Pay another way. Sent twice, the form pays once."""
    try:
        await visit.call(
            "POST",
            f"/v1/orders/{order_id}/payments",
            body=read_way(form),
            headers={"Idempotency-Key": form.text("key")},
        )
    except ApiError as error:
        if error.status not in {400, 409, 422}:
            raise
        return await visit.redirect(f"/orders/{order_id}", problem=visit.explain(error))
    return await visit.redirect(f"/orders/{order_id}")


@router.post("/orders/{order_id}/cancel")
async def cancel(visit: CustomerVisit, order_id: UUID) -> Response:
    """Cancel an order that has not left yet."""
    back = f"/orders/{order_id}"
    try:
        answer = await visit.call("POST", f"/v1/orders/{order_id}/cancel")
    except ApiError as error:
        if error.status not in {409, 412}:
            raise
        return await visit.redirect(back, problem=visit.explain(error))
    said = (
        visit.say(N_("The order is cancelled."))
        if answer.data["status"] == "cancelled"
        else visit.say(N_("The parcel is being stopped."))
    )
    return await visit.redirect(back, notice=said)


async def read_order(visit: Visit, order_id: UUID) -> dict[str, Any]:
    """Return what an order's page shows. A part that cannot be had is None. Raises ApiError."""
    parts = (await visit.get(f"/v1/orders/{order_id}/summary"))["parts"]
    order = parts["order"]["data"]
    history, returns = _items(parts["history"]), _items(parts["returns"])
    reached = {entry["status"] for entry in history or ()}
    payments = _items(parts["payments"])
    return {
        "order": order,
        "payments": payments,
        "shipments": _items(parts["shipments"]),
        "messages": _items(parts["notifications"]),
        "history": history,
        "returns": returns,
        "can_return": bool(left_to_return(order, returns)),
        "steps": [(step, step in reached) for step in STEPS],
        "went_well": order["status"] in STEPS,
        "is_open": order["status"] in OPEN,
        "can_cancel": order["status"] in CANCELLABLE,
        # An order that is cancelled is so at once, its payment a moment later.
        "can_pay": order["status"] in UNPAID
        and any((each["action"] or {}).get("type") == "redirect" for each in payments or ()),
    }


def _items(part: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the items of a part of a summary, None where the service did not answer."""
    return list(part["data"]["items"]) if part["status"] == "ok" else None
