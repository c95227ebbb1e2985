"""One customer's order, from an empty account to a parcel at the door."""

import asyncio
import os
import re
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from shop_journey.customer import Customer, RefusedError, ask, register
from shop_journey.orders import ASKS_FIRST, STRIPE, well_stocked
from shop_journey.timeline import Hop, table

SETTLE_SECONDS = 60.0
STOREFRONT = os.environ.get("STOREFRONT_URL", "http://127.0.0.1:8088")
STAFF = "admin@minishop.dev / development-only"
"""The administrator whom manifests/shop/user.yaml makes for development."""
MAILBOX = os.environ.get("MAILBOX_URL", "http://127.0.0.1:8025")


async def walk(shop: str, console: Console) -> list[Hop]:
    """Go the whole way at the shop's URL, telling each step; return the order's hops.

    Raises LookupError, RefusedError, TimeoutError.
    """
    async with httpx.AsyncClient(base_url=shop, timeout=20) as http:
        tell = _teller(console)
        customer = await register(http)
        tell("registered", customer.email)
        await _verify(customer)
        tell("verified", "by the code in the mailbox")
        product = (await well_stocked(customer, units=1))[0]
        tell("chose", f"{product['name']} ({product['sku']})")
        order = await customer.order({product["id"]: 1}, STRIPE | {"token": ASKS_FIRST})
        tell("ordered", order["id"])
        await _pay(customer, order["id"])
        tell("paid", "on the provider's page; its signed webhook brought the money")
        ended = await customer.settled(order["id"], seconds=SETTLE_SECONDS)
        tell("ended", f"{ended['status']}, parcel {ended['tracking_number']}")
        hops = Hop.all_of(await customer.history(order["id"]))
        console.print(table(hops))
        sent = await _notifications(customer, order["id"])
        console.print("Notifications: " + ", ".join(sent), highlight=False)
        _links(console, shop)
        if ended["status"] != "delivered":
            raise TimeoutError(f"the order ended as {ended['status']}")
        return hops


def _teller(console: Console) -> Any:
    def tell(what: str, detail: str) -> None:
        console.print(Text(f"  {what:<11}") + Text(detail), highlight=False)

    return tell


async def _verify(customer: Customer) -> None:
    await ask(customer.http, "POST", "/v1/users/me/verifications", body={"channel": "email"})
    code = await _code(customer)
    await ask(
        customer.http,
        "POST",
        "/v1/users/me/verifications/confirm",
        body={"channel": "email", "code": code},
    )


async def _code(customer: Customer, seconds: float = 20) -> str:
    """Return the code of the newest mail to the customer, as they would read it."""
    async with httpx.AsyncClient(base_url=MAILBOX, timeout=10) as mailbox, asyncio.timeout(seconds):
        while True:
            mails = await ask(mailbox, "GET", "/messages", query={"to": customer.email})
            for mail in mails["items"]:
                if found := re.search(r"\b(\d{6})\b", mail["body"]):
                    return found[1]
            await asyncio.sleep(0.1)


async def _pay(customer: Customer, order_id: str, seconds: float = 20) -> None:
    """Press "Pay" on the provider's page, once the payment has one."""
    async with asyncio.timeout(seconds):
        while True:
            found = await ask(customer.http, "GET", "/v1/payments", query={"order_id": order_id})
            action = next((p["action"] for p in found["items"] if p["action"]), None)
            if action:
                break
            await asyncio.sleep(0.05)
    pressed = await customer.http.post(action["url"], data={"act": "pay"})
    if not pressed.is_success:
        raise RefusedError(pressed)


async def _notifications(customer: Customer, order_id: str, seconds: float = 20) -> list[str]:
    async with asyncio.timeout(seconds):
        while True:
            found = await ask(
                customer.http, "GET", "/v1/notifications", query={"order_id": order_id}
            )
            if found["items"]:
                return [f"{n['template']} by {n['channel']}" for n in found["items"]]
            await asyncio.sleep(0.1)


def _links(console: Console, shop: str) -> None:
    for name, url in (
        ("Shop", f"{STOREFRONT}/"),
        ("Staff", f"{STOREFRONT}/staff  (development: {STAFF})"),
        ("API", f"{shop}/docs"),
        ("Mailbox", f"{MAILBOX}/"),
    ):
        console.print(f"{name:<8} {url}", highlight=False)
