"""Shipments: by state, and each with its way."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_shared.clock import now
from shop_storefront.forms import PostedForm
from shop_storefront.staff.actions import act
from shop_storefront.staff.paging import Cursor, Word, read_page
from shop_storefront.visit import StaffVisit
from shop_storefront.wording import N_

router = APIRouter()
STATES = ("created", "dispatched", "in_transit", "delivered", "failed")
SCANS = STATES[1:]
FAILURES = ("lost", "refused", "undeliverable")
_REFUSED = frozenset((400, 403, 409, 422))


@router.get("/staff/shipments")
async def show_shipments(visit: StaffVisit, status: Word = "", cursor: Cursor = "") -> Response:
    """Show shipments, of one state where that is asked for."""
    page = await read_page(
        visit,
        "/v1/shipments",
        "/staff/shipments",
        cursor=cursor,
        status=status if status in STATES else "",
    )
    return await visit.page("staff/shipments.html", states=STATES, chosen=status, **page)


@router.get("/staff/shipments/{shipment_id}")
async def show_shipment(visit: StaffVisit, shipment_id: UUID) -> Response:
    """Show a shipment with its progress."""
    shipment = await visit.get(f"/v1/shipments/{shipment_id}")
    return await visit.page(
        "staff/shipment.html", shipment=shipment, scans=SCANS, failures=FAILURES
    )


@router.post("/staff/shipments/{shipment_id}")
async def report(visit: StaffVisit, shipment_id: UUID, form: PostedForm) -> Response:
    """Report a scan that the carrier did not."""
    body = {
        "status": form.text("status"),
        "at": now().isoformat(),
        "location": form.optional("location"),
        "reason": form.optional("reason") if form.text("status") == "failed" else None,
    }
    return await act(
        visit,
        "POST",
        f"/v1/shipments/{shipment_id}/events",
        back=f"/staff/shipments/{shipment_id}",
        done=N_("The scan is reported."),
        refused=_REFUSED,
        body=body,
    )
