"""Users: search, suspension, roles, deletion, their sessions."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.forms import PostedForm
from shop_storefront.staff.actions import act
from shop_storefront.staff.paging import Cursor, Word, read_page
from shop_storefront.visit import AdminVisit, StaffVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
STATES = ("active", "suspended", "deleted")
ROLES = ("customer", "staff", "admin")
_REFUSED = frozenset((400, 403, 409, 422))


@router.get("/staff/users")
async def show_users(
    visit: StaffVisit, email: Word = "", status: Word = "", cursor: Cursor = ""
) -> Response:
    """Show users, by e-mail address or state."""
    page = await read_page(
        visit,
        "/v1/users",
        "/staff/users",
        cursor=cursor,
        email=email.strip(),
        status=status if status in STATES else "",
    )
    return await visit.page("staff/users.html", email=email, chosen=status, states=STATES, **page)


@router.get("/staff/users/{user_id}")
async def show_user(visit: StaffVisit, user_id: UUID) -> Response:
    """Show a user with what may be done."""
    account = await visit.get(f"/v1/users/{user_id}")
    return await visit.page("staff/user.html", account=account, roles=ROLES)


@router.post("/staff/users/{user_id}/suspend")
async def suspend(visit: AdminVisit, user_id: UUID) -> Response:
    """Suspend a user: all sessions end, none begins."""
    return await _change(visit, user_id, "suspend", N_("The user is suspended."))


@router.post("/staff/users/{user_id}/reinstate")
async def reinstate(visit: AdminVisit, user_id: UUID) -> Response:
    """Let a suspended user in again."""
    return await _change(visit, user_id, "reinstate", N_("The user may sign in again."))


@router.post("/staff/users/{user_id}/roles")
async def change_roles(visit: AdminVisit, user_id: UUID, form: PostedForm) -> Response:
    """Set a user's roles."""
    roles = [role for role in ROLES if role in form.all("role")]
    return await _change(
        visit, user_id, "roles", N_("The roles are set."), method="PUT", body={"roles": roles}
    )


@router.post("/staff/users/{user_id}/delete")
async def delete(visit: AdminVisit, user_id: UUID, form: PostedForm) -> Response:
    """Delete a user who has asked for it, where the box was ticked."""
    page = f"/staff/users/{user_id}"
    if not form.checked("sure"):
        return await visit.redirect(page, problem=visit.say(N_("Tick the box first.")))
    done = N_("The user is deleted.")
    path = f"/v1/users/{user_id}"
    return await act(visit, "DELETE", path, back=page, done=done, refused=_REFUSED)


@router.post("/staff/users/{user_id}/sessions")
async def end_sessions(visit: StaffVisit, user_id: UUID) -> Response:
    """End all sessions of a user."""
    await visit.call("DELETE", f"/v1/auth/users/{user_id}/sessions")
    said = visit.say(N_("All sessions of the user have ended."))
    return await visit.redirect(f"/staff/users/{user_id}", notice=said)


async def _change(  # noqa: PLR0913 - the parts of a request, by name
    visit: Visit,
    user_id: UUID,
    what: str,
    done: str,
    *,
    method: str = "POST",
    body: object = None,
) -> Response:
    return await act(
        visit,
        method,
        f"/v1/users/{user_id}/{what}",
        back=f"/staff/users/{user_id}",
        done=done,
        refused=_REFUSED,
        body=body,
    )
