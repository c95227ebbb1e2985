"""Today: the last hours in plots, and what runs out."""

import asyncio
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.responses import Response

from shop_shared.clock import now
from shop_storefront.staff import figures
from shop_storefront.staff.paging import read_newest
from shop_storefront.visit import StaffVisit

router = APIRouter()
NEWEST = 500
LOW_STOCK = 20


@router.get("/staff")
async def show_today(visit: StaffVisit) -> Response:
    """Show the newest orders of the last day in plots, with what needs somebody."""
    orders, low, payments = await asyncio.gather(
        read_newest(visit, "/v1/orders", most=NEWEST),
        visit.get("/v1/products/low-stock", {"limit": LOW_STOCK}),
        read_newest(visit, "/v1/payments", most=NEWEST),
    )
    moment = now()
    of_a_day = [
        order
        for order in orders
        if moment - datetime.fromisoformat(order["placed_at"]) < timedelta(hours=figures.HOURS)
    ]
    waiting = sum(figures.needs_a_person(payment, moment) is not None for payment in payments)
    return await visit.page(
        "staff/today.html",
        count=len(of_a_day),
        is_capped=len(of_a_day) == NEWEST,
        newest=NEWEST,
        orders_an_hour=figures.orders_an_hour(of_a_day, moment),
        money_an_hour=figures.money_an_hour(of_a_day, moment),
        by_state=figures.by_state(of_a_day),
        by_provider=figures.by_provider(of_a_day),
        low_stock=low["items"],
        waiting=waiting,
    )
