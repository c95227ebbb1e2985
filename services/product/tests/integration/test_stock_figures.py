"""How many products run out is measured; also of a stock that only a broken store could hold."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
from prometheus_client import REGISTRY

from shop_product import stock_figures
from shop_shared.stores import mongo

Stock = Callable[[int], Awaitable[UUID]]
Headers = dict[str, str]


async def measured(database: mongo.Database) -> dict[str, float | None]:
    """Return what is measured now, by state."""
    await stock_figures.count(database)
    states = ("low", "out", "oversold")
    name = "product_stock_products"
    return {state: REGISTRY.get_sample_value(name, {"state": state}) for state in states}


async def test_products_are_counted_by_what_is_left_of_them(
    http: httpx.AsyncClient, staff: Headers, database: mongo.Database, stock: Stock
) -> None:
    assert await measured(database) == {"low": 0, "out": 0, "oversold": 0}
    many, _, _, gone = [await stock(units) for units in (1000, 1, 0, 0)]
    assert await measured(database) == {"low": 1, "out": 2, "oversold": 0}
    deleted = await http.delete(f"/v1/products/{gone}", headers={**staff, "If-Match": "*"})
    assert deleted.status_code == 204, deleted.text
    assert await measured(database) == {"low": 1, "out": 1, "oversold": 0}
    await database["inventory"].update_one({"_id": str(many)}, {"$set": {"reserved": 1000}})
    assert await measured(database) == {"low": 1, "out": 2, "oversold": 0}


async def test_more_reserved_than_there_is_counts_as_oversold(
    database: mongo.Database, stock: Stock
) -> None:
    mug = await stock(1)
    # The store itself refuses it: see test_reservations.py.
    await database.command("collMod", "inventory", validationLevel="off")
    await database["inventory"].update_one({"_id": str(mug)}, {"$set": {"reserved": 2}})
    assert await measured(database) == {"low": 0, "out": 0, "oversold": 1}
