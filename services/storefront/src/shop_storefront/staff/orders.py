"""Orders: search, one with all that belongs to it, cancelling, giving money back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import ApiError, Json
from shop_storefront.forms import PostedForm
from shop_storefront.money import parse_amount
from shop_storefront.pages.orders import read_order
from shop_storefront.settings import Settings
from shop_storefront.staff.actions import act
from shop_storefront.staff.paging import Cursor, Word, read_page
from shop_storefront.visit import StaffVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
STATES = (
    "pending",
    "reserved",
    "paid",
    "cancelling",
    "shipped",
    "delivered",
    "rejected",
    "cancelled",
    "expired",
    "refunded",
)
_REFUSED = frozenset((400, 403, 404, 409, 422))


@router.get("/staff/orders")
async def show_orders(
    visit: StaffVisit,
    find: Word = "",
    status: Word = "",
    customer_id: Word = "",
    cursor: Cursor = "",
) -> Response:
    """Show orders; what is looked for is an order's id, or a customer's e-mail address."""
    find = find.strip()
    shown: dict[str, Any] = {"states": STATES, "chosen": status, "find": find, "problem": None}
    if find:
        if (order_id := _as_id(find)) is not None:
            return await visit.redirect(f"/staff/orders/{order_id}")
        if "@" not in find:
            return await _by_number(visit, find)
        customer_id = await _customer_of(visit, find) or ""
        if not customer_id:
            shown["problem"] = visit.say(N_("Nobody has this e-mail address."))
            return await visit.page("staff/orders.html", **shown, items=[], next_url=None)
    page = await read_page(
        visit,
        "/v1/orders",
        "/staff/orders",
        cursor=cursor,
        status=status if status in STATES else "",
        customer_id=customer_id if _as_id(customer_id) else "",
    )
    return await visit.page("staff/orders.html", **shown, **page)


@router.get("/staff/orders/{order_id}")
async def show_order(visit: StaffVisit, order_id: UUID) -> Response:
    """Show an order with its timeline, payment, parcel and messages."""
    order = await read_order(visit, order_id)
    return await visit.page(
        "staff/order.html",
        traces=trace_pages(visit.state.settings, order["history"] or ()),
        **order,
    )


@router.post("/staff/orders/{order_id}/cancel")
async def cancel(visit: StaffVisit, order_id: UUID) -> Response:
    """Cancel an order for its customer."""
    return await act(
        visit,
        "POST",
        f"/v1/orders/{order_id}/cancel",
        back=f"/staff/orders/{order_id}",
        done=N_("The order is cancelled, or its parcel is being stopped."),
        refused=_REFUSED,
    )


@router.post("/staff/orders/{order_id}/refund")
async def refund(visit: StaffVisit, order_id: UUID, form: PostedForm) -> Response:
    """Give back a payment, in full or an amount of it, or book that it went back elsewhere.

    Sent twice, the form refunds once.
    """
    back = f"/staff/orders/{order_id}"
    payment_id = _as_id(form.text("payment"))
    currency = form.text("currency")
    try:
        amount = parse_amount(form.text("amount"), currency)
    except (ValueError, KeyError):
        return await visit.redirect(back, problem=visit.say(N_("This is no amount.")))
    if payment_id is None or not form.text("key"):
        return await visit.redirect(back)
    elsewhere = form.checked("elsewhere")
    body: dict[str, object] = {
        "reason": form.text("reason") or "requested",
        "elsewhere": elsewhere,
    }
    if amount is not None:
        body["amount"] = {"amount": amount, "currency": currency}
    return await act(
        visit,
        "POST",
        f"/v1/payments/{payment_id}/refunds",
        back=back,
        done=N_("The refund is booked.") if elsewhere else N_("The money is on its way back."),
        refused=_REFUSED,
        body=body,
        headers={"Idempotency-Key": form.text("key")},
    )


@router.post("/staff/orders/{order_id}/settle")
async def settle(visit: StaffVisit, order_id: UUID, form: PostedForm) -> Response:
    """Say that money of another amount is sorted out with the provider."""
    back = f"/staff/orders/{order_id}"
    payment_id = _as_id(form.text("payment"))
    if payment_id is None:
        return await visit.redirect(back)
    return await act(
        visit,
        "POST",
        f"/v1/payments/{payment_id}/settle",
        back=back,
        done=N_("The payment is settled."),
        refused=_REFUSED,
    )


def trace_pages(settings: Settings, history: Sequence[Json]) -> dict[str, str]:
    """Return the pages of the traces in which an order changed, by the trace's id, in order."""
    if settings.trace_url is None or settings.otlp_endpoint is None:
        return {}
    ids = (entry["trace_id"] for entry in history if entry.get("trace_id"))
    return {trace_id: settings.trace_url.format(trace_id=trace_id) for trace_id in ids}


async def _by_number(visit: Visit, number: str) -> Response:
    """Go to the order that has a number, or say that none has."""
    try:
        found = (await visit.get("/v1/orders", {"number": number}))["items"]
    except ApiError as error:
        if error.status != 422:  # noqa: PLR2004 - a typo: its check character is wrong
            raise
        found = []
    if found:
        return await visit.redirect(f"/staff/orders/{found[0]['id']}")
    said = visit.say(N_("No order has this number. Check it for a typing error."))
    return await visit.redirect("/staff/orders", problem=said)


async def _customer_of(visit: Visit, email: str) -> str | None:
    """Return the id of who has an e-mail address, None where nobody has."""
    found = await visit.get("/v1/users", {"email": email})
    return str(found["items"][0]["id"]) if found["items"] else None


def _as_id(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
