"""The catalogue: search, categories, prices, order, paging; a product; its pictures."""

import asyncio
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from shop_storefront.forms import PostedForm
from shop_storefront.money import parse_amount, price_in
from shop_storefront.redirects import own_path
from shop_storefront.state import State
from shop_storefront.visit import AnyVisit, forwarded
from shop_storefront.wording import N_

PAGE_SIZE = 24
SORTS = {
    "newest": N_("Newest first"),
    "price": N_("Cheapest first"),
    "-price": N_("Most expensive first"),
    "name": N_("By name"),
}
_KEPT = frozenset(("content-type", "etag", "cache-control", "content-security-policy"))

router = APIRouter()
Text = Annotated[str, Query(max_length=200)]


@router.get("/")
async def show_catalogue(  # noqa: PLR0913 - what a search has
    visit: AnyVisit,
    *,
    q: Text = "",
    category: Text = "",
    min_price: Annotated[str, Query(max_length=20)] = "",
    max_price: Annotated[str, Query(max_length=20)] = "",
    sort: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Show the products that were looked for, a page of them at a time."""
    asked = {"q": q.strip(), "category": category, "min_price": min_price, "max_price": max_price}
    query: dict[str, str | int | bool] = {"limit": PAGE_SIZE, "currency": visit.currency}
    query |= {name: asked[name] for name in ("q", "category") if asked[name]}
    problem = None
    for name in ("min_price", "max_price"):
        try:
            amount = parse_amount(asked[name], visit.currency)
        except ValueError:
            problem = visit.say(N_("The price must be a number, for example 12.50."))
        else:
            if amount is not None:
                query[name] = amount
    if sort in SORTS:
        query["sort"] = sort
    if cursor:
        query["cursor"] = cursor
    found, categories = await asyncio.gather(
        visit.get("/v1/products", query), visit.get("/v1/products/categories")
    )
    kept = {name: value for name, value in {**asked, "sort": sort}.items() if value}
    following = found.get("next_cursor")
    return await visit.page(
        "catalogue.html",
        products=found["items"],
        categories=categories["items"],
        asked={**asked, "sort": sort},
        sorts=SORTS,
        problem=problem,
        next_url="/?" + urlencode({**kept, "cursor": following}) if following else None,
        first_url="/?" + urlencode(kept) if cursor else None,
    )


@router.get("/products/{product_id}")
async def show_product(visit: AnyVisit, product_id: UUID) -> Response:
    """Show a product with its price, its stock and the way into the basket."""
    product = await visit.get(f"/v1/products/{product_id}")
    pictures = [(each["url"], each["alt"]) for each in product["images"]]
    return await visit.page(
        "product.html",
        product=product,
        pictures=pictures,
        price=price_in(product, visit.currency),
    )


@router.get("/pictures/{product_id}/image")
async def show_main_picture(
    request: Request, state: State, product_id: UUID, v: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Return a product's main picture, as lists show it."""
    return await _picture(request, state, f"/v1/products/{product_id}/image", {"v": v} if v else {})


@router.get("/pictures/{product_id}/images/{image_id}")
async def show_picture(
    request: Request,
    state: State,
    product_id: UUID,
    image_id: Annotated[str, Path(pattern="^[0-9a-f]{16}$")],
) -> Response:
    """Return one of a product's pictures."""
    return await _picture(request, state, f"/v1/products/{product_id}/images/{image_id}", {})


async def _picture(request: Request, state: State, path: str, query: dict[str, str]) -> Response:
    """Return a picture of the API from this origin, kept as long as the API allows."""
    answer = await state.api.get_file(path, query=query, headers=forwarded(request))
    headers = {name: value for name, value in answer.headers.items() if name.lower() in _KEPT}
    return Response(answer.content, status_code=answer.status_code, headers=headers)


@router.post("/preferences")
async def choose(visit: AnyVisit, form: PostedForm) -> Response:
    """Choose language and currency, and go back to the page."""
    chosen: dict[str, str] = {}
    if form.text("locale") in visit.state.renderer.languages:
        chosen["locale"] = form.text("locale")
    if form.text("currency") in visit.state.settings.currencies:
        chosen["currency"] = form.text("currency")
    if chosen:
        await visit.state.sessions.put(visit.session, **chosen)
    return await visit.redirect(own_path(form.text("next")))
