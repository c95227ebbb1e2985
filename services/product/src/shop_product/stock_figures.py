"""Counts the products whose stock runs out, for Prometheus; each replica counts all of them."""

from functools import partial

from prometheus_client import Gauge

from shop_product.repository import inventory
from shop_shared.background import every
from shop_shared.stores import mongo

SECONDS = 60.0
_products = Gauge(
    "product_stock_products",
    "Products that run out: low, out, or oversold (more reserved than there is)",
    ["state"],
)


async def run(database: mongo.Database) -> None:
    """Count every minute, until cancelled."""
    await every(SECONDS, partial(count, database), is_temporary=mongo.is_temporary)


async def count(database: mongo.Database) -> None:
    """Count once. Raises PyMongoError."""
    for state, products in (await inventory.running_out(database)).items():
        _products.labels(state).set(products)
