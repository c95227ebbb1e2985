"""Passwords and codes: forgotten, changed, verified; another e-mail address."""

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import ApiError
from shop_storefront.forms import PostedForm
from shop_storefront.pages.signing_in import as_user
from shop_storefront.visit import AnyVisit, CustomerVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()


async def _again(
    visit: Visit, template: str, error: ApiError, values: dict[str, str], **context: object
) -> Response:
    """Show the form again with what is wrong. Raises the error where that is not the form's."""
    if error.status >= 500:  # noqa: PLR2004
        raise error
    errors = visit.by_field(error)
    if "new_password" in errors:  # as the API calls what the forms call by what it is
        errors["password"] = errors.pop("new_password")
    return await visit.page(
        template,
        status=422,
        values=values,
        errors=errors,
        problem=visit.explain(error),
        **context,
    )


@router.get("/password/forgotten")
async def show_forgotten(visit: AnyVisit) -> Response:
    """Show the form that asks for a code by mail."""
    return await visit.page("password_forgotten.html", values={})


@router.post("/password/forgotten")
async def send_code(visit: AnyVisit, form: PostedForm) -> Response:
    """Have a code sent, to whoever has an account; the answer is the same for all."""
    body = {"email": form.text("email")}
    try:
        await visit.call("POST", "/v1/users/password-resets", body=body)
    except ApiError as error:
        return await _again(visit, "password_forgotten.html", error, form.values())
    return await visit.page(
        "password_reset.html",
        values=form.values(),
        notices=[("notice", visit.say(N_("If the address has an account, a code is on its way.")))],
    )


@router.post("/password/reset")
async def reset_password(visit: AnyVisit, form: PostedForm) -> Response:
    """Set a new password by the code."""
    body = {
        "email": form.text("email"),
        "code": form.text("code"),
        "new_password": form.secret("password"),
    }
    try:
        await visit.call("POST", "/v1/users/password-resets/confirm", body=body)
    except ApiError as error:
        return await _again(visit, "password_reset.html", error, form.values())
    said = visit.say(N_("Your password is changed. Sign in with it."))
    return await visit.redirect("/sign-in", notice=said)


@router.get("/account/password")
async def show_password(visit: CustomerVisit) -> Response:
    """Show the form of a new password."""
    return await visit.page("account/password.html", values={})


@router.post("/account/password")
async def change_password(visit: CustomerVisit, form: PostedForm) -> Response:
    """Change the password; every other session ends."""
    body = {
        "current_password": form.secret("current_password"),
        "new_password": form.secret("password"),
    }
    try:
        await visit.call("POST", "/v1/users/me/password", body=body)
    except ApiError as error:
        return await _again(visit, "account/password.html", error, {})
    said = visit.say(N_("Your password is changed. All other sessions have ended."))
    return await visit.redirect("/account", notice=said)


@router.get("/account/verify")
async def show_verify(visit: CustomerVisit, channel: str = "email") -> Response:
    """Show the form that takes the code."""
    return await visit.page("account/verify.html", values={"channel": _channel(channel)})


@router.post("/account/verify")
async def verify(visit: CustomerVisit, form: PostedForm) -> Response:
    """Confirm by a code, or have one sent (the button `send`)."""
    channel = _channel(form.text("channel"))
    try:
        if form.checked("send"):
            await visit.call("POST", "/v1/users/me/verifications", body={"channel": channel})
            said = visit.say(N_("A code is on its way. It is good for ten minutes."))
            return await visit.redirect(f"/account/verify?channel={channel}", notice=said)
        body = {"channel": channel, "code": form.text("code")}
        await visit.call("POST", "/v1/users/me/verifications/confirm", body=body)
    except ApiError as error:
        return await _again(visit, "account/verify.html", error, {"channel": channel})
    return await visit.redirect("/account", notice=visit.say(N_("Thank you, that is verified.")))


@router.get("/account/email")
async def show_email(visit: CustomerVisit) -> Response:
    """Show the form of another e-mail address."""
    return await visit.page("account/email.html", values={}, sent=False)


@router.post("/account/email")
async def change_email(visit: CustomerVisit, form: PostedForm) -> Response:
    """Ask for a move to another address: a code is sent there."""
    body = {
        "new_email": form.text("new_email"),
        "current_password": form.secret("current_password"),
    }
    try:
        await visit.call("POST", "/v1/users/me/email", body=body)
    except ApiError as error:
        return await _again(visit, "account/email.html", error, form.values(), sent=False)
    return await visit.page("account/email.html", values=form.values(), sent=True)


@router.post("/account/email/confirm")
async def confirm_email(visit: CustomerVisit, form: PostedForm) -> Response:
    """Move to the new address by the code."""
    try:
        await visit.call("POST", "/v1/users/me/email/confirm", body={"code": form.text("code")})
    except ApiError as error:
        return await _again(visit, "account/email.html", error, {}, sent=True)
    user = as_user(await visit.get("/v1/users/me"))
    await visit.state.sessions.put_user(visit.session, user)
    return await visit.redirect("/account", notice=visit.say(N_("Your address is changed.")))


def _channel(text: str) -> str:
    return text if text in {"email", "phone"} else "email"
