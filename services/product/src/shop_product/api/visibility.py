"""Who sees products that are not active: whoever has the right, and nobody else."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from shop_product.repository import products
from shop_product.repository.products import Document
from shop_product.state import Store
from shop_shared.http.auth import current_user, may, require
from shop_shared.http.etag import set_etag
from shop_shared.http.problems import NotFound, Unauthenticated

PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Authorization"}
"""Headers of an answer that only its caller may see."""


async def require_sight(request: Request) -> None:
    """Raise Unauthenticated or Forbidden unless the caller may see inactive products."""
    require(await current_user(request), "read", "inactive_product")


async def has_sight(request: Request) -> bool:
    """Return True if the caller of a public route may see inactive products.

    A token that does not count is ignored.
    """
    try:
        caller = await current_user(request)
    except Unauthenticated:
        return False
    return may(caller, "read", "inactive_product")


async def _visible_product(
    product_id: UUID, request: Request, store: Store, response: Response
) -> Document:
    """Find a product, staff also one that is not active, and set its headers. Raises NotFound."""
    document = await products.find(store.database, product_id, hidden=True)
    if document is None or not (document["active"] or await has_sight(request)):
        raise NotFound("No such product.")
    set_etag(response, document["version"])
    if not document["active"]:
        response.headers.update(PRIVATE)
    return document


VisibleProduct = Annotated[Document, Depends(_visible_product)]
"""FastAPI dependency: the product of the path, as its caller may see it."""
