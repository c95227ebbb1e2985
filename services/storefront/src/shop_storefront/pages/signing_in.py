"""Signing up, in and out."""

from contextlib import suppress

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import CONFLICT, TOO_MANY_REQUESTS, UNAUTHENTICATED, ApiError
from shop_storefront.forms import PostedForm
from shop_storefront.redirects import own_path
from shop_storefront.sessions import SessionEndedError, Tokens, User
from shop_storefront.visit import AnyVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
_REFUSED = frozenset((400, 401, 403, 422, 429))


@router.get("/sign-in")
async def show_sign_in(visit: AnyVisit, next: str = "/") -> Response:  # noqa: A002 - the query's name
    """Show the form, or go on where somebody has signed in already."""
    if visit.session.user is not None:
        return await visit.redirect(own_path(next))
    return await visit.page("sign_in.html", next=own_path(next), values={})


@router.post("/sign-in")
async def sign_in(visit: AnyVisit, form: PostedForm) -> Response:
    """Sign in, in a new session, and go where the visitor wanted to."""
    wanted = own_path(form.text("next"))
    try:
        await enter(visit, form.text("email"), form.secret("password"))
    except ApiError as error:
        if error.status not in _REFUSED:
            raise
        said = (
            visit.say(N_("The e-mail address or the password is not right."))
            if error.status in {UNAUTHENTICATED, 422}
            else visit.explain(error)
        )
        return await visit.page(
            "sign_in.html", status=422, next=wanted, values=form.values(), problem=said
        )
    return await visit.redirect(wanted)


@router.get("/sign-up")
async def show_sign_up(visit: AnyVisit, next: str = "/") -> Response:  # noqa: A002 - the query's name
    """Show the form of a new account."""
    return await visit.page("sign_up.html", next=own_path(next), values={})


@router.post("/sign-up")
async def sign_up(visit: AnyVisit, form: PostedForm) -> Response:
    """Create an account, sign in to it and ask for its code."""
    wanted = own_path(form.text("next"))
    email, password = form.text("email"), form.secret("password")
    body = {
        "email": email,
        "password": password,
        "name": form.text("name"),
        "locale": visit.language,
    }
    try:
        await visit.state.api.call("POST", "/v1/users", body=body, headers=visit.forwarded())
    except ApiError as error:
        if error.status not in _REFUSED:
            raise
        return await visit.page(
            "sign_up.html",
            status=422,
            next=wanted,
            values=form.values(),
            errors=visit.by_field(error),
            problem=visit.explain(error),
        )
    try:
        await enter(visit, email, password)
    except ApiError as error:
        if error.status != UNAUTHENTICATED:
            raise
        # The address has an account with another password: its owner gets a mail.
        said = visit.say(N_("Read the mail we have sent you, then sign in."))
        return await visit.redirect("/sign-in", notice=said)
    try:
        await visit.call("POST", "/v1/users/me/verifications", body={"channel": "email"})
    except ApiError as error:  # it was their account already, and they know its password
        if error.status == CONFLICT:  # verified, too
            return await visit.redirect(wanted)
        if error.status != TOO_MANY_REQUESTS:
            raise
        return await visit.redirect("/account/verify", problem=visit.explain(error))
    return await visit.redirect("/account/verify")


@router.post("/sign-out")
async def sign_out(visit: AnyVisit) -> Response:
    """End the session, here and at the API; here also while the API does not answer."""
    if visit.session.user is not None:
        # It has ended, which was asked for; or the API is away, and nobody has its tokens any more.
        with suppress(SessionEndedError, ApiError):
            await visit.call("POST", "/v1/auth/logout")
        await visit.forget_user()
    return await visit.redirect("/", notice=visit.say(N_("You have signed out.")))


async def enter(visit: Visit, email: str, password: str) -> None:
    """Sign in: the session is a new one, the basket comes along. Raises ApiError."""
    api = visit.state.api
    grant = {"grant_type": "password", "email": email, "password": password}
    forwarded = visit.forwarded()
    agent = visit.request.headers.get("user-agent", "")[:200]
    answer = await api.call(
        "POST", "/v1/auth/token", body=grant, headers={**forwarded, "User-Agent": agent}
    )
    tokens = Tokens.of_answer(answer.data)
    me = (await api.call("GET", "/v1/users/me", token=tokens.access, headers=forwarded)).data
    before = visit.session
    if before.locale is None and me["locale"][:2] in visit.state.renderer.languages:
        before.locale = me["locale"][:2]
    visit.session = await visit.state.sessions.sign_in(before, as_user(me), tokens)
    await visit.state.baskets.move(before, visit.session)


def as_user(me: dict[str, object]) -> User:
    """Read an answer of /v1/users/me."""
    roles = me["roles"]
    assert isinstance(roles, list)  # noqa: S101 - the API's schema
    return User(
        id=str(me["id"]),
        email=str(me["email"]),
        name=str(me["name"]),
        roles=tuple(str(role) for role in roles),
    )
