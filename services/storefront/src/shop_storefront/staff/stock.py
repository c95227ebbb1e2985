"""Stock: what runs low, and each product's with the ledger that accounts for it."""

import asyncio
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import ApiError
from shop_storefront.forms import PostedForm
from shop_storefront.staff.actions import act
from shop_storefront.staff.paging import Cursor, read_page
from shop_storefront.visit import StaffVisit
from shop_storefront.wording import N_

router = APIRouter()
REASONS = ("received", "damaged", "lost", "found", "returned", "correction")
_REFUSED = frozenset((400, 409, 412, 422))


@router.get("/staff/stock")
async def show_low_stock(visit: StaffVisit, cursor: Cursor = "") -> Response:
    """Show the products of which there is less than their threshold."""
    page = await read_page(visit, "/v1/products/low-stock", "/staff/stock", cursor=cursor)
    return await visit.page("staff/low_stock.html", **page)


@router.get("/staff/stock/{product_id}")
async def show_stock(visit: StaffVisit, product_id: UUID, cursor: Cursor = "") -> Response:
    """Show a product's stock and its ledger."""
    path = f"/v1/products/{product_id}/inventory"
    product, inventory, ledger = await asyncio.gather(
        visit.get(f"/v1/products/{product_id}"),
        visit.call("GET", path),
        read_page(visit, f"{path}/adjustments", f"/staff/stock/{product_id}", cursor=cursor),
    )
    return await visit.page(
        "staff/stock.html",
        product=product,
        inventory=inventory.data,
        etag=inventory.etag,
        reasons=REASONS,
        **ledger,
    )


@router.post("/staff/stock/{product_id}")
async def book(visit: StaffVisit, product_id: UUID, form: PostedForm) -> Response:
    """Book a movement of the stock. Sent twice, the form books one."""
    back = f"/staff/stock/{product_id}"
    delta = form.number("delta")
    if not delta:
        said = visit.say(N_("Enter how many came (5) or went (-5)."))
        return await visit.redirect(back, problem=said)
    body = {"delta": delta, "reason": form.text("reason"), "note": form.text("note")}
    return await act(
        visit,
        "POST",
        f"/v1/products/{product_id}/inventory/adjustments",
        back=back,
        done=N_("The movement is booked."),
        refused=_REFUSED,
        body=body,
        headers={"Idempotency-Key": form.text("key")},
    )


@router.post("/staff/stock/{product_id}/threshold")
async def set_threshold(visit: StaffVisit, product_id: UUID, form: PostedForm) -> Response:
    """Set from which number on a product counts as running low."""
    back = f"/staff/stock/{product_id}"
    path = f"/v1/products/{product_id}/inventory"
    threshold = form.number("threshold")
    if threshold is None:
        return await visit.redirect(back, problem=visit.say(N_("Enter a whole number.")))
    try:
        inventory = await visit.call("GET", path)
        body = {"on_hand": inventory.data["on_hand"], "low_stock_threshold": threshold}
        await visit.call("PUT", path, body=body, headers={"If-Match": inventory.etag or ""})
    except ApiError as error:
        if error.status not in _REFUSED:
            raise
        return await visit.redirect(back, problem=visit.explain(error))
    return await visit.redirect(back, notice=visit.say(N_("The threshold is set.")))
