"""A product's stock, for the staff."""

from operator import itemgetter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response

from shop_product.api import views
from shop_product.models import Adjustment, AdjustmentCreate, Inventory, InventoryPut, LowStock
from shop_product.repository import inventory
from shop_product.service import ledger
from shop_product.state import Lists, Store
from shop_shared.http.auth import Principal, permit
from shop_shared.http.etag import IfMatch, set_etag
from shop_shared.http.openapi import documented, sends
from shop_shared.http.pagination import Before, Limit, Page, page_of

router = APIRouter(prefix="/v1/products/{product_id}/inventory", tags=["inventory"])
low_stock_router = APIRouter(prefix="/v1/products/low-stock", tags=["inventory"])

RequestKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key again moves nothing and answers the first adjustment",
    ),
]


@low_stock_router.get("")
async def list_low_stock(
    _: Annotated[Principal, permit("read", "inventory")],
    store: Store,
    *,
    limit: Limit = 20,
    before: Before = None,
) -> Page[LowStock]:
    """List the products whose available units are at or under their threshold (staff)."""
    found = await inventory.low(store.database, before=before, limit=limit + 1)
    return page_of(found, limit=limit, view=views.low_stock, position=itemgetter("_id"))


@router.get("/adjustments", responses=documented(404))
async def list_adjustments(
    product_id: UUID,
    _: Annotated[Principal, permit("read", "inventory")],
    store: Store,
    *,
    limit: Limit = 20,
    before: Before = None,
) -> Page[Adjustment]:
    """Read the ledger of a product's stock, newest first (staff)."""
    await ledger.read(store, product_id)
    found = await inventory.ledger(store.database, product_id, before=before, limit=limit + 1)
    return page_of(found, limit=limit, view=views.adjustment, position=itemgetter("_id"))


@router.get("", responses=sends(200, "ETag"))
async def get_inventory(
    product_id: UUID,
    caller: Annotated[Principal, permit("read", "inventory")],  # noqa: ARG001 - the role is checked
    store: Store,
    response: Response,
) -> Inventory:
    """Read the stock."""
    stock = await ledger.read(store, product_id)
    set_etag(response, stock["version"])
    return views.inventory(stock)


@router.put("", responses=documented(409))
async def count_inventory(  # noqa: PLR0913 - a parameter a part of the request
    product_id: UUID,
    counted: InventoryPut,
    caller: Annotated[Principal, permit("update", "inventory")],
    store: Store,
    lists: Lists,
    *,
    response: Response,
    if_match: IfMatch = None,
) -> Inventory:
    """Set what a count found. ``If-Match`` is required: an order may move the stock meanwhile."""
    stock = await ledger.count(store, product_id, counted, by=caller.user_id, if_match=if_match)
    lists.clear()
    set_etag(response, stock["version"])
    return views.inventory(stock)


@router.post("/adjustments", status_code=201, responses=documented(409))
async def adjust_inventory(  # noqa: PLR0913 - a parameter a part of the request
    product_id: UUID,
    wanted: AdjustmentCreate,
    caller: Annotated[Principal, permit("adjust", "inventory")],
    store: Store,
    lists: Lists,
    *,
    idempotency_key: RequestKey = None,
) -> Adjustment:
    """Book units that came or went."""
    line = await ledger.adjust(
        store, product_id, wanted, by=caller.user_id, request_key=idempotency_key
    )
    lists.clear()
    return views.adjustment(line)
