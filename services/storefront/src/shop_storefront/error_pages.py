"""Errors as pages that say what happened and what to do."""

from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shop_shared.http.app_state import get_state
from shop_shared.http.problems import Problem
from shop_storefront.api_client import ApiError
from shop_storefront.forms import ForgedFormError
from shop_storefront.languages import negotiate
from shop_storefront.sessions import SessionEndedError
from shop_storefront.state import StorefrontState
from shop_storefront.visit import (
    SignInRequiredError,
    StaffOnlyError,
    Visit,
    address_of,
    begin_visit,
)
from shop_storefront.wording import N_, PROBLEMS

_NOT_FOUND = 404
_log = structlog.get_logger(__name__)

_TITLES = {
    400: N_("This request is not understood"),
    403: N_("You may not open this page"),
    404: N_("Page not found"),
    405: N_("This address cannot be used like that"),
    413: N_("That is too large"),
    422: N_("The address of this page is not valid"),
    429: N_("Too many requests"),
    503: N_("The shop is not available at the moment"),
}
_ADVICE = {
    403: N_("Sign in with an account that may, or go back to the shop."),
    404: N_("It may have been removed, or it belongs to somebody else."),
    429: N_("Wait a little, then try again."),
    503: N_("Try again in a few seconds. Nothing you did is lost."),
}


def install(app: FastAPI) -> None:
    """Answer every error of a page with a page."""
    app.add_exception_handler(ApiError, _of_api)
    app.add_exception_handler(SessionEndedError, _of_ended_session)
    app.add_exception_handler(SignInRequiredError, _of_visitor)
    app.add_exception_handler(StaffOnlyError, _of_customer)
    app.add_exception_handler(ForgedFormError, _of_forgery)
    app.add_exception_handler(RedisError, _of_redis)
    app.add_exception_handler(Problem, _of_problem)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)


async def _visit(request: Request) -> Visit:
    return await begin_visit(request, get_state(request.app, StorefrontState))


async def _page(request: Request, status: int, *, detail: str = "") -> Response:
    visit = await _visit(request)
    title = visit.say(_TITLES.get(status, N_("Something went wrong")))
    advice = visit.say(_ADVICE[status]) if status in _ADVICE else ""
    return await visit.page("error.html", status=status, title=title, detail=detail, advice=advice)


async def _of_api(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for it
    if error.status in _ADVICE:
        return await _page(request, error.status)
    visit = await _visit(request)
    status = error.status if error.status < 500 else 503  # noqa: PLR2004
    return await _page(request, status, detail=visit.explain(error))


async def _of_ended_session(request: Request, _error: Exception) -> Response:
    visit = await _visit(request)
    await visit.forget_user()
    return await visit.redirect(
        _sign_in(request), problem=visit.say(N_("Your session has ended. Sign in again."))
    )


async def _of_visitor(request: Request, _error: Exception) -> Response:
    return await (await _visit(request)).redirect(_sign_in(request))


def _sign_in(request: Request) -> str:
    """Return the sign-in page that leads back here, where here is a page and no form."""
    back = address_of(request) if request.method == "GET" else "/"
    return "/sign-in?" + urlencode({"next": back})


async def _of_customer(request: Request, _error: Exception) -> Response:
    return await _page(request, 403)


async def _of_forgery(request: Request, _error: Exception) -> Response:
    visit = await _visit(request)
    detail = visit.say(
        N_("The form was too old, or came from elsewhere. Nothing was done; open the page again.")
    )
    return await _page(request, 403, detail=detail)


async def _of_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for it
    try:
        visit = await _visit(request)
    except RedisError as away:
        return await _of_redis(request, away)
    known = PROBLEMS.get(error.code)
    detail = visit.say(known) if known is not None else error.detail or ""
    told = "" if error.status in _TITLES else detail
    return await _page(request, error.status, detail=told)


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return await _page(request, error.status_code)


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    # An id that is none in a path: there is no such thing.
    in_path = any(each["loc"][0] == "path" for each in error.errors())
    return await _page(request, _NOT_FOUND if in_path else 422)


async def _of_redis(request: Request, error: Exception) -> Response:
    """Answer without a session: there is nowhere to read one."""
    _log.warning("Redis is away", error=repr(error))
    renderer = get_state(request.app, StorefrontState).renderer
    language = negotiate(request.headers.get("accept-language", ""), renderer.languages)
    page = renderer.render(
        language,
        "away.html",
        {
            "title": renderer.translate(language, _TITLES[503]),
            "advice": renderer.translate(language, _ADVICE[503]),
        },
    )
    return HTMLResponse(page, status_code=503, headers={"Retry-After": "1"})
