"""One product: read by everyone, changed by the staff."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from shop_product.api import views
from shop_product.api.visibility import VisibleProduct
from shop_product.models import Product, ProductCreate, ProductPatch
from shop_product.repository import products
from shop_product.service import catalogue
from shop_product.state import Lists, Store
from shop_shared.http.auth import Principal, permit
from shop_shared.http.etag import IfMatch, set_etag
from shop_shared.http.openapi import documented, sends

router = APIRouter(prefix="/v1/products", tags=["catalogue"])


@router.get("/{product_id}")
async def get_product(product_id: UUID, document: VisibleProduct, store: Store) -> Product:
    """Read a product; staff also one that is not active.

    The ETag is the version to edit; ``available`` changes without it.
    """
    return views.product(document, available=await products.available(store.database, product_id))


@router.post("", status_code=201, responses=documented(409) | sends(201, "Location"))
async def create_product(
    wanted: ProductCreate,
    caller: Annotated[Principal, permit("create", "product")],
    store: Store,
    lists: Lists,
    response: Response,
) -> Product:
    """Add a product (staff)."""
    document = await catalogue.create(store, wanted, by=caller.user_id)
    lists.clear()
    response.headers["Location"] = f"/v1/products/{document['_id']}"
    set_etag(response, document["version"])
    return views.product(document, available=wanted.initial_stock)


@router.patch("/{product_id}")
async def change_product(  # noqa: PLR0913 - a parameter a part of the request
    product_id: UUID,
    patch: ProductPatch,
    caller: Annotated[Principal, permit("update", "product")],  # noqa: ARG001 - the role is checked
    store: Store,
    lists: Lists,
    *,
    response: Response,
    if_match: IfMatch = None,
) -> Product:
    """Change a product (staff). ``If-Match`` is required."""
    document = await catalogue.change(store, product_id, patch, if_match=if_match)
    lists.clear()
    set_etag(response, document["version"])
    return views.product(document, available=await products.available(store.database, product_id))


@router.delete("/{product_id}", status_code=204)
async def delete_product(
    product_id: UUID,
    caller: Annotated[Principal, permit("delete", "product")],  # noqa: ARG001 - the role is checked
    store: Store,
    lists: Lists,
    if_match: IfMatch = None,
) -> None:
    """Take a product out of the catalogue (staff). ``If-Match`` is required."""
    await catalogue.remove(store, product_id, if_match=if_match)
    lists.clear()
