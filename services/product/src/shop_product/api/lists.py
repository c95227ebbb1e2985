"""Lists of products: searched, filtered, sorted, a page at a time; rendered without models."""

import math
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints

from shop_product.api.cached_route import CachedRoute, cache_key, render
from shop_product.api.views import listed
from shop_product.api.visibility import PRIVATE, require_sight
from shop_product.models import Categories, Category, ListedProduct
from shop_product.repository import products
from shop_product.repository.products import Sort
from shop_product.state import Lists, State, Store
from shop_shared.http.etag import IfNoneMatch
from shop_shared.http.openapi import documented
from shop_shared.http.pagination import (
    Cursor,
    Limit,
    NotACursor,
    Page,
    decode_cursor,
    encode_cursor,
)
from shop_shared.http.problems import Unprocessable
from shop_shared.money import MAX_AMOUNT, Currency

router = APIRouter(prefix="/v1/products", tags=["catalogue"], route_class=CachedRoute)

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]


@router.get(
    "",
    response_model=Page[ListedProduct],
    responses={304: {"description": "Not modified"}, **documented(401, 403)},
)
async def list_products(  # noqa: PLR0913 - a parameter a part of the query
    request: Request,
    state: State,
    *,
    q: Annotated[Words | None, Query(description="Words to look for")] = None,
    category: Annotated[Category | None, Query(description="In this category only")] = None,
    currency: Annotated[
        Currency | None,
        Query(
            description="Only products with a price in it, shown in it. Bounds and sorts by price"
            " are in it; without it, in the shop's currency"
        ),
    ] = None,
    min_price: Annotated[
        Amount | None, Query(description="From this price, in minor units")
    ] = None,
    max_price: Annotated[
        Amount | None, Query(description="Up to this price, in minor units")
    ] = None,
    sort: Annotated[
        Sort | None, Query(description="Without it newest first, or with q the best match")
    ] = None,
    active: Annotated[bool, Query(description="false, for staff: what is not on sale")] = True,
    limit: Limit = 20,
    cursor: Cursor = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List active products, newest first; a search by relevance, unless told otherwise.

    Names are sorted by Unicode's collation, prices within one currency.
    """
    sort = sort or ("relevance" if q else "newest")
    if sort == "relevance" and q is None:
        raise Unprocessable(
            "Only a search has a relevance.",
            errors=[{"pointer": "/query/sort", "message": "needs q"}],
        )
    if sort in ("price", "-price") or min_price is not None or max_price is not None:
        currency = currency or state.settings.currency
    query = products.Query(
        text=q,
        category=category,
        currency=currency,
        min_price=min_price,
        max_price=max_price,
        sort=sort,
        active=active,
        after=_after(sort, cursor) if cursor else None,
        limit=limit + 1,
    )

    async def make() -> bytes:
        rows = await products.page(state.store.database, query)
        shown = rows[:limit]
        more = len(rows) > limit
        page = {
            "items": [listed(row, currency=currency) for row in shown],
            "next_cursor": _cursor(query, shown[-1]) if more else None,
        }
        return orjson.dumps(page)

    if not active:
        await require_sight(request)
        return Response(await make(), headers=PRIVATE, media_type="application/json")
    return render(await state.lists.answer(cache_key(request), make), if_none_match)


@router.get(
    "/categories", response_model=Categories, responses={304: {"description": "Not modified"}}
)
async def list_categories(
    request: Request, store: Store, lists: Lists, if_none_match: IfNoneMatch = None
) -> Response:
    """List the categories that have active products."""

    async def make() -> bytes:
        rows = await products.categories(store.database)
        items = [{"category": row["_id"], "products": row["products"]} for row in rows]
        return orjson.dumps({"items": items})

    return render(await lists.answer(cache_key(request), make), if_none_match)


def _cursor(query: products.Query, row: dict[str, Any]) -> str:
    key = products.sort_key(query, row)
    # A score is a fraction: its shortest exact spelling survives the way there and back.
    return encode_cursor(repr(key) if isinstance(key, float) else key, row["_id"])


def _after(sort: Sort, cursor: str) -> tuple[Any, str]:
    kind: type[str | int] = int if sort in ("price", "-price") else str
    key, product_id = decode_cursor(cursor, kind, UUID)
    if sort == "relevance":
        try:
            key = float(key)
        except ValueError as error:
            raise NotACursor from error
        if not math.isfinite(key):
            raise NotACursor
    return key, str(product_id)
