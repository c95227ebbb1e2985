"""Messages: what was sent to whom, every attempt, and another one for what is parked."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.staff.actions import act
from shop_storefront.staff.paging import Cursor, Word, read_page
from shop_storefront.visit import StaffVisit
from shop_storefront.wording import N_

router = APIRouter()
_REFUSED = frozenset((400, 403, 409, 422))


@router.get("/staff/messages")
async def show_messages(
    visit: StaffVisit, order_id: Word = "", user_id: Word = "", cursor: Cursor = ""
) -> Response:
    """Show messages, of an order or a person where that is asked for."""
    page = await read_page(
        visit,
        "/v1/notifications",
        "/staff/messages",
        cursor=cursor,
        order_id=order_id,
        user_id=user_id,
    )
    return await visit.page("staff/messages.html", order_id=order_id, user_id=user_id, **page)


@router.get("/staff/messages/{message_id}")
async def show_message(visit: StaffVisit, message_id: UUID) -> Response:
    """Show what a message said, and every attempt to send it."""
    message = await visit.get(f"/v1/notifications/{message_id}")
    return await visit.page("staff/message.html", message=message)


@router.post("/staff/messages/{message_id}/retry")
async def retry(visit: StaffVisit, message_id: UUID) -> Response:
    """Send a parked message once more."""
    return await act(
        visit,
        "POST",
        f"/v1/notifications/{message_id}/retry",
        back=f"/staff/messages/{message_id}",
        done=N_("It is sent again."),
        refused=_REFUSED,
    )
