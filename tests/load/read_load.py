"""Reads of the catalogue at a steady rate: one list, lists that differ, and products."""

import asyncio
from collections.abc import Callable, Sequence

from shop_journey import orders
from shop_journey.customer import SHOP

from load.shop import Shop, say
from load.vegeta import Target, attack

ADDRESSES = 20_000
"""So many lists that none is asked for again while the gateway keeps its answer."""


def targets(shop: Shop, kind: str, count: int) -> list[Target]:
    """Return reads of a kind, each customer in turn."""
    path = KINDS[kind]
    return [Target("GET", SHOP + path(shop, n), shop.signed_in(n)) for n in range(count)]


def _same_list(_: Shop, __: int) -> str:
    return "/v1/products?limit=20"


def _another_list(_: Shop, number: int) -> str:
    currency = orders.STRIPE["currency"]
    return f"/v1/products?limit=20&currency={currency}&min_price={number % ADDRESSES}"


def _a_product(shop: Shop, number: int) -> str:
    # The query makes it an address of its own; there are fewer products than requests a second.
    product = shop.products[number % len(shop.products)]
    return f"/v1/products/{product['id']}?_={number}"


KINDS: dict[str, Callable[[Shop, int], str]] = {
    "lists of 20 that differ": _another_list,
    "products that differ": _a_product,
    "one list of 20, which the gateway keeps": _same_list,
}


async def reads(shop: Shop, rates: Sequence[int], seconds: int) -> None:
    """Print what comes of each kind of read through the gateway, each customer in turn."""
    say("\n| GET through the gateway | offered | answered 200 | p50 | p99 |\n|---|---|---|---|---|")
    for kind in KINDS:
        for rate in rates:
            asked = targets(shop, kind, rate * seconds)
            report = await asyncio.to_thread(attack, asked, rate=rate, seconds=seconds)
            answered = report.statuses.get("200", 0) / len(asked)
            say(
                f"| {kind} | {rate} /s for {seconds} s | {report.rate:.0f} /s ({answered:.1%}) "
                f"| {report.p50:.0f} ms | {report.p99:.0f} ms |"
            )
