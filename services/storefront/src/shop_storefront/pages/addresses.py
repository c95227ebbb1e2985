"""The address book."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import ApiError
from shop_storefront.forms import Form, PostedForm
from shop_storefront.visit import CustomerVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
_BOOK = "/account/addresses"
_REFUSED = frozenset((409, 412, 422, 428))
_EMPTY: dict[str, Any] = {"country": "", "is_default": False}


@router.get(_BOOK)
async def show_addresses(visit: CustomerVisit) -> Response:
    """Show the address book."""
    found = await visit.get("/v1/users/me/addresses")
    return await visit.page("account/addresses.html", addresses=found["items"])


@router.get(f"{_BOOK}/new")
async def show_new(visit: CustomerVisit) -> Response:
    """Show the form of a new address."""
    name = visit.session.user.name if visit.session.user else ""
    return await visit.page(
        "account/address.html", values={**_EMPTY, "name": name}, etag="", action=_BOOK
    )


@router.post(_BOOK)
async def add(visit: CustomerVisit, form: PostedForm) -> Response:
    """Add an address."""
    try:
        await visit.call("POST", "/v1/users/me/addresses", body=read_address(form))
    except ApiError as error:
        return await _again(visit, form, error, action=_BOOK)
    return await visit.redirect(_BOOK, notice=visit.say(N_("The address is in your book.")))


@router.get(f"{_BOOK}/{{address_id}}")
async def show_address(visit: CustomerVisit, address_id: UUID) -> Response:
    """Show an address to be changed."""
    answer = await visit.call("GET", f"/v1/users/me/addresses/{address_id}")
    return await visit.page(
        "account/address.html",
        values=answer.data,
        etag=answer.etag,
        action=f"{_BOOK}/{address_id}",
    )


@router.post(f"{_BOOK}/{{address_id}}")
async def change(visit: CustomerVisit, address_id: UUID, form: PostedForm) -> Response:
    """Change an address, or take it out (the button `delete`)."""
    path = f"/v1/users/me/addresses/{address_id}"
    if form.checked("delete"):
        await visit.call("DELETE", path)
        return await visit.redirect(_BOOK, notice=visit.say(N_("The address is deleted.")))
    headers = {"If-Match": form.text("etag") or "*"}
    try:
        await visit.call("PUT", path, body=read_address(form), headers=headers)
    except ApiError as error:
        return await _again(visit, form, error, action=f"{_BOOK}/{address_id}")
    return await visit.redirect(_BOOK, notice=visit.say(N_("The address is changed.")))


def read_address(form: Form) -> dict[str, Any]:
    """Return an address as the user service takes it; the rest is for it to judge."""
    return {
        "label": form.text("label"),
        "name": form.text("name"),
        "line1": form.text("line1"),
        "line2": form.text("line2"),
        "city": form.text("city"),
        "region": form.text("region"),
        "postal_code": form.text("postal_code"),
        "country": form.text("country"),
        "phone": form.optional("phone"),
        "is_default": form.checked("is_default"),
    }


def for_order(address: dict[str, Any]) -> dict[str, Any]:
    """Return an address as the order service takes it: what is empty is left out."""
    names = ("name", "line1", "line2", "city", "region", "postal_code", "country", "phone")
    return {name: address[name] for name in names if address.get(name)}


async def _again(visit: Visit, form: Form, error: ApiError, *, action: str) -> Response:
    if error.status not in _REFUSED:
        raise error
    return await visit.page(
        "account/address.html",
        status=422,
        values={**_EMPTY, **form.values(), "is_default": form.checked("is_default")},
        etag=form.text("etag"),
        action=action,
        errors=visit.by_field(error),
        problem=visit.explain(error),
    )
