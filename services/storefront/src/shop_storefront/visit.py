"""A visit: one request of a browser with its session, its language and its rights."""

from collections.abc import Mapping
from typing import Annotated
from uuid import uuid4

import structlog
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from shop_storefront import wording
from shop_storefront.api_client import UNAUTHENTICATED, Answer, ApiError, Content, Json, Query
from shop_storefront.languages import name_of, negotiate
from shop_storefront.redirects import own_path
from shop_storefront.sessions import Session, SessionEndedError
from shop_storefront.state import State, StorefrontState
from shop_storefront.wording import N_

COOKIE = "minishop_session"
COOKIE_SECONDS = 400 * 24 * 3600
"""As long as browsers keep one (RFC 6265bis, 5.5): Redis says when a session is forgotten."""
SEE_OTHER = 303
_log = structlog.get_logger(__name__)


def forwarded(request: Request) -> dict[str, str]:
    """Return for whom the storefront asks: the gateway counts requests by this address."""
    return {"X-Forwarded-For": request.client.host} if request.client else {}


def address_of(request: Request) -> str:
    """Return a page's path and query."""
    address = request.url
    return address.path + (f"?{address.query}" if address.query else "")


def cookie_name(request: Request) -> str:
    """Return the session cookie's name: by TLS one that no other host can set (`__Host-`).

    Else a page of another host of the domain could have a visitor go on in a session of its own.
    """
    return f"__Host-{COOKIE}" if request.url.scheme == "https" else COOKIE


class SignInRequiredError(Exception):
    """The page is for people who have signed in."""


class StaffOnlyError(Exception):
    """The page is for staff, or for administrators."""


class Visit:
    """What a page needs: who asks, in which language, and the API in their name."""

    def __init__(self, request: Request, state: StorefrontState, session: Session) -> None:
        self.request = request
        self.state = state
        self.session = session
        available = state.renderer.languages
        self.language: str = (
            session.locale
            if session.locale is not None and session.locale in available
            else negotiate(request.headers.get("accept-language", ""), available)
        )

    @property
    def currency(self) -> str:
        """The currency in which prices are shown."""
        offered = self.state.settings.currencies
        chosen = self.session.currency
        return chosen if chosen is not None and chosen in offered else offered[0]

    def say(self, text: str, **values: object) -> str:
        """Return a text in the visitor's language."""
        return self.state.renderer.translate(self.language, text, **values)

    def explain(self, error: ApiError) -> str:
        """Return what people are told of a problem."""
        if error.errors:
            told = dict.fromkeys(self.by_field(error).values())  # each once
            return " ".join([self.say(N_("Please check what you entered.")), *told])
        known = wording.PROBLEMS.get(error.code)
        return self.say(known) if known is not None else error.detail

    def by_field(self, error: ApiError) -> dict[str, str]:
        """Return what people are told of each field of a form."""
        found: dict[str, str] = {}
        for name, message in error.by_field().items():
            text, values = wording.of_field(message)
            found[name] = self.say(text, **values)
        return found

    async def call(  # noqa: PLR0913 - the parts of a request, by name
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call the API in the visitor's name. Raises ApiError and SessionEndedError."""
        try:
            return await self.state.api.call(
                method,
                path,
                token=await self.token(),
                query=query,
                body=body,
                content=content,
                headers={**self.forwarded(), **(headers or {})},
            )
        except ApiError as error:
            if error.status == UNAUTHENTICATED and self.session.user is not None:
                raise SessionEndedError from error
            raise

    async def get(self, path: str, query: Query | None = None) -> Json:
        """Return the JSON of an answer. Raises as call does."""
        return (await self.call("GET", path, query=query)).data

    async def token(self) -> str | None:
        """Return the visitor's access token, None for who has not signed in."""
        if self.session.user is None:
            return None
        return await self.state.sessions.access_token(self.session, headers=self.forwarded())

    def forwarded(self) -> dict[str, str]:
        """Return for whom the storefront asks."""
        return forwarded(self.request)

    async def page(self, template: str, *, status: int = 200, **context: object) -> Response:
        """Return a page, with the notices that wait for one."""
        notices = list(self.session.notices)
        await self.state.sessions.keep(self.session)
        if notices:
            self.session.notices.clear()
            await self.state.sessions.put_notices(self.session)
        count = await self.state.baskets.count(self.session)
        shown = {
            "user": self.session.user,
            "csrf": self.session.csrf,
            "currency": self.currency,
            "currencies": self.state.settings.currencies,
            "languages": [(code, name_of(code)) for code in self.state.renderer.languages],
            "basket_count": count,
            "here": address_of(self.request),
            "path": self.request.url.path,
            "notices": notices,
            "errors": {},
            "problem": None,
            "new_key": lambda: str(uuid4()),
            **context,
        }
        text = self.state.renderer.render(self.language, template, shown)
        return self._with_cookie(HTMLResponse(text, status_code=status))

    def part(self, template: str, **context: object) -> Response:
        """Return a part of a page; notices wait for a whole one."""
        shown = {"csrf": self.session.csrf, **context}
        return HTMLResponse(self.state.renderer.render(self.language, template, shown))

    async def redirect(self, path: str, *, notice: str = "", problem: str = "") -> Response:
        """Send the browser to another page of ours, which will say the notice or the problem."""
        await self.state.sessions.keep(self.session)
        said = [("notice", notice)] if notice else [("problem", problem)] if problem else []
        if said:
            self.session.notices += said
            await self.state.sessions.put_notices(self.session)
        return self._with_cookie(RedirectResponse(own_path(path), status_code=SEE_OTHER))

    async def forget_user(self) -> None:
        """Go on as somebody who has not signed in, in a session of its own."""
        before = self.session
        self.session = self.state.sessions.begin()
        self.session.locale, self.session.currency = before.locale, before.currency
        await self.state.sessions.end(before)

    def require_user(self) -> None:
        """Raise SignInRequiredError unless somebody has signed in."""
        if self.session.user is None:
            raise SignInRequiredError

    def _with_cookie(self, response: Response) -> Response:
        name = cookie_name(self.request)
        if self.request.cookies.get(name) != self.session.id:
            response.set_cookie(
                name,
                self.session.id,
                max_age=COOKIE_SECONDS,
                httponly=True,
                samesite="lax",
                secure=self.request.url.scheme == "https",
            )
        return response


async def begin_visit(request: Request, state: StorefrontState) -> Visit:
    """Make the visit of a request, once. Raises redis.RedisError."""
    known = getattr(request.state, "visit", None)
    if isinstance(known, Visit):
        return known
    cookie = request.cookies.get(cookie_name(request), "")
    session = await state.sessions.load(cookie) if cookie else None
    visit = Visit(request, state, session or state.sessions.begin())
    request.state.visit = visit
    return visit


async def _visit(request: Request, state: State) -> Visit:
    return await begin_visit(request, state)


async def _customer(request: Request, state: State) -> Visit:
    visit = await begin_visit(request, state)
    visit.require_user()
    return visit


async def require_staff(request: Request, state: State) -> Visit:
    """Return the visit of somebody of the staff. Raises SignInRequiredError, StaffOnlyError."""
    visit = await _customer(request, state)
    if visit.session.user is None or not visit.session.user.is_staff:
        raise StaffOnlyError
    return visit


async def _admin(request: Request, state: State) -> Visit:
    visit = await _customer(request, state)
    if visit.session.user is None or not visit.session.user.is_admin:
        raise StaffOnlyError
    return visit


AnyVisit = Annotated[Visit, Depends(_visit)]
CustomerVisit = Annotated[Visit, Depends(_customer)]
StaffVisit = Annotated[Visit, Depends(require_staff)]
AdminVisit = Annotated[Visit, Depends(_admin)]
