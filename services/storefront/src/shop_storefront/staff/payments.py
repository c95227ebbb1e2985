"""Payments: those that need a person first, then all, newest first."""

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.staff.paging import PAGE_SIZE, Cursor, read_page
from shop_storefront.visit import StaffVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
_WRONG_AMOUNT = N_("Another amount was paid than was asked for")
_REFUND_FAILED = N_("The provider refused to give the money back")
_SECOND_CHARGE = N_("A second charge was not given back")
_NO_ANSWER = N_("The provider has not answered for a quarter of an hour")


@router.get("/staff/payments")
async def show_payments(visit: StaffVisit, cursor: Cursor = "") -> Response:
    """Show payments, a page at a time; those that need a person are on the first."""
    page, attention = await asyncio.gather(
        read_page(visit, "/v1/payments", "/staff/payments", cursor=cursor),
        _need_a_person(visit, is_first_page=not cursor),
    )
    return await visit.page(
        "staff/payments.html",
        attention=[(payment, reason(payment)) for payment in attention["items"]],
        more_wait=bool(attention.get("next_cursor")),
        **page,
    )


async def _need_a_person(visit: Visit, *, is_first_page: bool) -> dict[str, Any]:
    if not is_first_page:
        return {"items": []}
    return await visit.get("/v1/payments", {"needs_attention": True, "limit": PAGE_SIZE})


def reason(payment: dict[str, Any]) -> str:
    """Return in English why somebody has to look at a payment of which the API says so."""
    failure = payment["failure"]
    if failure and failure["reason"] == "amount_mismatch":
        return _WRONG_AMOUNT
    if any(refund["status"] == "failed" for refund in payment["refunds"]):
        return _REFUND_FAILED
    return _NO_ANSWER if payment["status"] in {"pending", "refunding"} else _SECOND_CHARGE
