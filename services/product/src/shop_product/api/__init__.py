"""The product service over HTTP: what everyone reads, and what the staff changes."""

from fastapi import APIRouter

from shop_product.api import catalogue, imports, inventory, lists

router = APIRouter()
for room in (lists, imports, catalogue, inventory):  # fixed paths before /{product_id}
    router.include_router(room.router)
