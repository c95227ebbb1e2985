"""Today: the last hours in plots, and what runs out."""

import asyncio
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.staff import figures
from shop_storefront.visit import StaffVisit

router = APIRouter()
LOW_STOCK = 20
MOST_WAITING = 100


@router.get("/staff")
async def show_today(visit: StaffVisit) -> Response:
    """Show the orders of the last day in plots, with what needs somebody."""
    counted, low, waiting = await asyncio.gather(
        visit.get("/v1/orders/figures", {"hours": figures.HOURS}),
        visit.get("/v1/products/low-stock", {"limit": LOW_STOCK}),
        visit.get("/v1/payments", {"needs_attention": True, "limit": MOST_WAITING}),
    )
    counts, since = counted["items"], datetime.fromisoformat(counted["since"])
    return await visit.page(
        "staff/today.html",
        count=sum(each["orders"] for each in counts),
        orders_an_hour=figures.orders_an_hour(counts, since),
        money_an_hour=figures.money_an_hour(counts, since),
        by_state=figures.by("status", counts),
        by_provider=figures.by("provider", counts),
        low_stock=low["items"],
        waiting=len(waiting["items"]),
        more_wait=bool(waiting.get("next_cursor")),
    )
