"""Payments: those that need a person first, then all, newest first."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from shop_shared.clock import now
from shop_storefront.staff.figures import needs_a_person
from shop_storefront.staff.paging import Cursor, read_newest, read_page
from shop_storefront.visit import StaffVisit
from shop_storefront.wording import N_

router = APIRouter()
LOOKED_AT = 500
REASONS = {
    "amount_mismatch": N_("Another amount was paid than was asked for"),
    "refund_failed": N_("The provider refused to give the money back"),
    "stuck": N_("The provider has not answered for a quarter of an hour"),
}


@router.get("/staff/payments")
async def show_payments(visit: StaffVisit, cursor: Cursor = "") -> Response:
    """Show payments."""
    page = await read_page(visit, "/v1/payments", "/staff/payments", cursor=cursor)
    attention: list[tuple[dict[str, Any], str]] = []
    if not cursor:
        moment = now()
        newest = await read_newest(visit, "/v1/payments", most=LOOKED_AT)
        attention = [
            (payment, REASONS[reason])
            for payment in newest
            if (reason := needs_a_person(payment, moment))
        ]
    return await visit.page("staff/payments.html", attention=attention, looked_at=LOOKED_AT, **page)
