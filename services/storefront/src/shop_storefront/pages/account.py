"""The account: profile, sessions, export, deletion."""

import asyncio
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import ApiError
from shop_storefront.forms import PostedForm
from shop_storefront.pages.signing_in import as_user
from shop_storefront.visit import CustomerVisit
from shop_storefront.wording import N_

router = APIRouter()
SESSIONS_SHOWN = 20


@router.get("/account")
async def show_account(visit: CustomerVisit) -> Response:
    """Show who one is to the shop, and the ways to change it."""
    answer = await visit.call("GET", "/v1/users/me")
    return await visit.page(
        "account/account.html", me=answer.data, etag=answer.etag, values=answer.data
    )


@router.post("/account")
async def change_profile(visit: CustomerVisit, form: PostedForm) -> Response:
    """Change name, telephone and language."""
    body = {
        "name": form.text("name"),
        "phone": form.optional("phone"),
        "locale": form.text("locale"),
    }
    try:
        answer = await visit.call(
            "PATCH", "/v1/users/me", body=body, headers={"If-Match": form.text("etag") or "*"}
        )
    except ApiError as error:
        if error.status not in {412, 422}:
            raise
        me = await visit.call("GET", "/v1/users/me")
        return await visit.page(
            "account/account.html",
            status=422,
            me=me.data,
            etag=me.etag,
            values={**me.data, **form.values()},
            errors=visit.by_field(error),
            problem=visit.explain(error),
        )
    await visit.state.sessions.put_user(visit.session, as_user(answer.data))
    if form.text("locale") in visit.state.renderer.languages:
        await visit.state.sessions.put(visit.session, locale=form.text("locale"))
        visit.language = form.text("locale")
    return await visit.redirect("/account", notice=visit.say(N_("Your profile is changed.")))


@router.get("/account/sessions")
async def show_sessions(visit: CustomerVisit) -> Response:
    """Show where one has signed in."""
    found = await visit.get("/v1/auth/sessions")
    sessions = found["items"]  # newest first; a page stays small, whoever signs in how often
    current = [each for each in sessions if each["current"]]
    shown = current + [each for each in sessions if not each["current"]][:SESSIONS_SHOWN]
    return await visit.page(
        "account/sessions.html", sessions=shown, more=len(sessions) - len(shown)
    )


@router.post("/account/sessions")
async def end_sessions(visit: CustomerVisit, form: PostedForm) -> Response:
    """End one session, or all of them (the button `all`)."""
    if form.checked("all"):
        await visit.call("DELETE", "/v1/auth/sessions")
        await visit.forget_user()
        return await visit.redirect(
            "/sign-in", notice=visit.say(N_("All sessions have ended, this one too."))
        )
    try:
        session_id = UUID(form.text("session"))
    except ValueError:
        return await visit.redirect("/account/sessions")
    await visit.call("DELETE", f"/v1/auth/sessions/{session_id}")
    return await visit.redirect("/account/sessions", notice=visit.say(N_("The session has ended.")))


@router.get("/account/export")
async def export(visit: CustomerVisit) -> Response:
    """Return all that the shop holds about one, as a file."""
    account, sessions, messages = await asyncio.gather(
        visit.get("/v1/users/me/export"),
        visit.get("/v1/auth/sessions"),
        visit.get("/v1/notifications/export"),
    )
    orders = await _all_orders(visit)
    everything = {
        "account": account,
        "sessions": sessions["items"],
        "messages": messages,
        "orders": orders,
    }
    return Response(
        orjson.dumps(everything, option=orjson.OPT_INDENT_2),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="minishop-export.json"'},
    )


async def _all_orders(visit: CustomerVisit) -> list[object]:
    orders: list[object] = []
    query: dict[str, str | int | bool] = {
        "limit": 100,
        "customer_id": visit.session.user.id if visit.session.user else "",
    }
    while True:
        page = await visit.get("/v1/orders", query)
        orders += page["items"]
        if not page["next_cursor"]:
            return orders
        query["cursor"] = page["next_cursor"]


@router.get("/account/delete")
async def show_delete(visit: CustomerVisit) -> Response:
    """Say what deleting means, and ask once more."""
    return await visit.page("account/delete.html")


@router.post("/account/delete")
async def delete(visit: CustomerVisit, form: PostedForm) -> Response:
    """Delete the account, where the box was ticked."""
    if not form.checked("sure"):
        return await visit.page(
            "account/delete.html", status=422, problem=visit.say(N_("Tick the box first."))
        )
    try:
        await visit.call("DELETE", "/v1/users/me")
    except ApiError as error:
        if error.status >= 500:  # noqa: PLR2004
            raise
        return await visit.page("account/delete.html", status=422, problem=visit.explain(error))
    await visit.state.baskets.drop(visit.session)
    await visit.forget_user()
    return await visit.redirect("/", notice=visit.say(N_("Your account is deleted.")))
