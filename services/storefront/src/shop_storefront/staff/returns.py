"""Returns: by state, and each with what staff may do: approve, refuse, receive."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.forms import PostedForm
from shop_storefront.staff.actions import act
from shop_storefront.staff.paging import Cursor, Word, read_page
from shop_storefront.visit import StaffVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
STATES = ("requested", "approved", "refused", "received", "refunded", "refund_failed")
_REFUSED = frozenset((400, 403, 409, 412, 422))


@router.get("/staff/returns")
async def show_returns(visit: StaffVisit, status: Word = "", cursor: Cursor = "") -> Response:
    """Show returns, of one state where that is asked for."""
    page = await read_page(
        visit,
        "/v1/returns",
        "/staff/returns",
        cursor=cursor,
        status=status if status in STATES else "",
    )
    return await visit.page("staff/returns.html", states=STATES, chosen=status, **page)


@router.get("/staff/returns/{return_id}")
async def show_return(visit: StaffVisit, return_id: UUID) -> Response:
    """Show a return with what can be done next."""
    answer = await visit.call("GET", f"/v1/returns/{return_id}")
    return await visit.page("staff/return.html", returned=answer.data, etag=answer.etag or "")


@router.post("/staff/returns/{return_id}/approve")
async def approve(visit: StaffVisit, return_id: UUID, form: PostedForm) -> Response:
    """Let the customer send the goods."""
    said = N_("The customer may send the goods, and is told so.")
    return await _decide(visit, return_id, form.text("etag"), "approve", said)


@router.post("/staff/returns/{return_id}/refuse")
async def refuse(visit: StaffVisit, return_id: UUID, form: PostedForm) -> Response:
    """Do not take the goods back; the customer reads why."""
    body = {"reason": form.text("reason")}
    said = N_("The return is refused, and the customer is told why.")
    return await _decide(visit, return_id, form.text("etag"), "refuse", said, body=body)


@router.post("/staff/returns/{return_id}/receive")
async def receive(visit: StaffVisit, return_id: UUID, form: PostedForm) -> Response:
    """Say that the goods are here: the money goes back."""
    body = {"restock": form.checked("restock")}
    said = N_("The goods are here, and the money is on its way back.")
    return await _decide(visit, return_id, form.text("etag"), "receive", said, body=body)


async def _decide(  # noqa: PLR0913 - the parts of a request, by name
    visit: Visit, return_id: UUID, etag: str, decision: str, done: str, *, body: object = None
) -> Response:
    return await act(
        visit,
        "POST",
        f"/v1/returns/{return_id}/{decision}",
        back=f"/staff/returns/{return_id}",
        done=done,
        refused=_REFUSED,
        body=body,
        headers={"If-Match": etag},
    )
