"""The catalogue, edited: products with their prices and texts."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import ApiError
from shop_storefront.forms import Form, PostedForm
from shop_storefront.money import parse_amount, price_in, to_decimal
from shop_storefront.staff.paging import Cursor, Word, read_page
from shop_storefront.visit import StaffVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
_REFUSED = frozenset((400, 409, 412, 422, 428))
_EMPTY = {"sku": "", "name": "", "category": "", "brand": "", "description": "", "active": True}


class BadFieldError(Exception):
    """A field that the form itself can refuse: its name, and what is wrong."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


@router.get("/staff/products")
async def show_products(
    visit: StaffVisit, q: Word = "", active: Word = "true", cursor: Cursor = ""
) -> Response:
    """Show the products that are on sale, or those that are not."""
    page = await read_page(
        visit,
        "/v1/products",
        "/staff/products",
        cursor=cursor,
        q=q.strip(),
        active="false" if active == "false" else "true",
    )
    return await visit.page("staff/products.html", q=q, active=active, **page)


@router.get("/staff/products/new")
async def show_new(visit: StaffVisit) -> Response:
    """Show the form of a new product."""
    return await _page(visit, None, None, dict(_EMPTY))


@router.post("/staff/products/new")
async def create(visit: StaffVisit, form: PostedForm) -> Response:
    """Add a product."""
    try:
        body = {
            **_read(visit, form, None),
            "sku": form.text("sku"),
            "initial_stock": _count(visit, form, "initial_stock"),
            "low_stock_threshold": _count(visit, form, "low_stock_threshold"),
        }
        answer = await visit.call("POST", "/v1/products", body=body)
    except BadFieldError as error:
        return await _again(visit, form, None, {error.name: error.message}, error.message)
    except ApiError as error:
        if error.status not in _REFUSED:
            raise
        return await _again(visit, form, None, visit.by_field(error), visit.explain(error))
    return await visit.redirect(
        f"/staff/products/{answer.data['id']}", notice=visit.say(N_("The product is added."))
    )


@router.get("/staff/products/{product_id}")
async def show_product(visit: StaffVisit, product_id: UUID) -> Response:
    """Show a product to be edited."""
    answer = await visit.call("GET", f"/v1/products/{product_id}")
    values = {**answer.data}
    for currency in visit.state.settings.currencies:
        price = price_in(answer.data, currency)
        values[f"price-{currency}"] = f"{to_decimal(price).normalize():f}" if price else ""
    return await _page(visit, answer.data, answer.etag, values)


@router.post("/staff/products/{product_id}")
async def change(visit: StaffVisit, product_id: UUID, form: PostedForm) -> Response:
    """Change a product, or take it out of the catalogue for good (the button `delete`)."""
    path = f"/v1/products/{product_id}"
    product = (await visit.call("GET", path)).data
    headers = {"If-Match": form.text("etag") or '"0"'}
    try:
        if form.checked("delete"):
            await visit.call("DELETE", path, headers=headers)
            said = visit.say(N_("The product is removed from the catalogue."))
            return await visit.redirect("/staff/products", notice=said)
        await visit.call("PATCH", path, body=_read(visit, form, product), headers=headers)
    except BadFieldError as error:
        return await _again(visit, form, product, {error.name: error.message}, error.message)
    except ApiError as error:
        if error.status not in _REFUSED:
            raise
        return await _again(visit, form, product, visit.by_field(error), visit.explain(error))
    return await visit.redirect(
        f"/staff/products/{product_id}", notice=visit.say(N_("The product is changed."))
    )


def _read(visit: Visit, form: Form, before: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the form says of a product. Raises BadFieldError.

    Prices in currencies that the form does not show stay, and the main price is in the same one.
    """
    shown = visit.state.settings.currencies
    known = [before["price"], *before["other_prices"]] if before is not None else []
    prices: list[dict[str, Any]] = []
    for currency in shown:
        name = f"price-{currency}"
        try:
            amount = parse_amount(form.text(name), currency)
        except ValueError as error:
            raise BadFieldError(name, visit.say(N_("This is no amount."))) from error
        if amount is not None:
            prices.append({"amount": amount, "currency": currency})
    prices += [price for price in known if price["currency"] not in shown]
    if not prices:
        raise BadFieldError(f"price-{shown[0]}", visit.say(N_("A product has a price.")))
    main = known[0]["currency"] if known else shown[0]
    prices.sort(key=lambda price: price["currency"] != main)
    return {
        "name": form.text("name"),
        "category": form.text("category"),
        "brand": form.text("brand"),
        "description": form.text("description"),
        "active": form.checked("active"),
        "price": prices[0],
        "other_prices": prices[1:],
    }


def _count(visit: Visit, form: Form, name: str) -> int:
    """Return a whole number, 0 where the field is empty. Raises BadFieldError."""
    number = form.number(name)
    if number is None and form.text(name):
        raise BadFieldError(name, visit.say(N_("Enter a whole number.")))
    return number or 0


async def _again(
    visit: Visit,
    form: Form,
    product: dict[str, Any] | None,
    errors: dict[str, str],
    problem: str,
) -> Response:
    values = {**_EMPTY, **form.values(), "active": form.checked("active")}
    return await _page(
        visit, product, form.text("etag"), values, status=422, errors=errors, problem=problem
    )


async def _page(  # noqa: PLR0913 - what is shown, by name
    visit: Visit,
    product: dict[str, Any] | None,
    etag: str | None,
    values: dict[str, Any],
    *,
    status: int = 200,
    errors: dict[str, str] | None = None,
    problem: str | None = None,
) -> Response:
    return await visit.page(
        "staff/product.html",
        status=status,
        product=product,
        etag=etag or "",
        values=values,
        errors=errors or {},
        problem=problem,
    )
