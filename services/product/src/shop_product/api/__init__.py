"""The product service over HTTP: what everyone reads, and what the staff changes."""

from fastapi import APIRouter

from shop_product.api import catalogue, images, imports, inventory, lists

router = APIRouter()
# Fixed paths before /{product_id}.
for included in (
    lists.router,
    imports.router,
    inventory.low_stock_router,
    catalogue.router,
    images.router,
    inventory.router,
):
    router.include_router(included)
