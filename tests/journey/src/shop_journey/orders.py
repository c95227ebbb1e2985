"""Orders of mixed outcomes at a steady rate: open-loop, so that a slow shop is not spared."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from shop_journey.customer import Customer, RefusedError
from shop_journey.timeline import Hop

STRIPE = {"provider": "stripe", "method": "card", "currency": "USD"}
# The bank asks the card's owner first: so the money comes by the provider's signed webhook.
ASKS_FIRST = "pm_card_authenticationRequired"
# The most units that one order may ask for, and more than a well-stocked product has.
TOO_MANY = 1000
VISA = "pm_card_visa"
# How long the word of a decline may take: of a shop under chaos, as long as an order.
DECLINE_SECONDS = 120.0
# So many that none of a run's orders empties the shelf: who buys is to get what they ordered.
PLENTY = 100
# Prices in minor units of STRIPE's currency that a card can be charged with. A free order asks no
# provider, so none can decline it; Stripe takes 50 cents or more.
PRICES = {"min_price": 50, "max_price": 100_000}
# Products to choose from are enough then: the catalogue may be large.
CHOICE = 50


class Kind(StrEnum):
    """What a customer does."""

    BUYS = "buys"
    DECLINED = "declined"
    PAYS_ANOTHER_WAY = "pays another way"
    TOO_MANY = "too many"
    CANCELS = "cancels"


WEIGHTS = {
    Kind.BUYS: 65,
    Kind.DECLINED: 5,
    Kind.PAYS_ANOTHER_WAY: 10,
    Kind.TOO_MANY: 10,
    Kind.CANCELS: 10,
}


@dataclass(frozen=True)
class Placed:
    """An order that the shop accepted: how it ended, after how many seconds by the shop's clock."""

    id: str
    kind: Kind
    seconds: float
    status: str


async def well_stocked(customer: Customer, *, units: int = PLENTY) -> list[dict[str, Any]]:
    """Return products that these orders can be of, whatever else people put into the catalogue.

    They are priced as STRIPE pays, and have `units` or more, yet less than TOO_MANY. Raises
    LookupError where there are none.
    """
    stocked: list[dict[str, Any]] = []
    async for product in customer.products(currency=STRIPE["currency"], **PRICES):
        if units <= product["available"] < TOO_MANY:
            stocked.append(product)
        if len(stocked) == CHOICE:
            break
    if not stocked:
        raise LookupError(
            f"no product in {STRIPE['currency']} has {units} to {TOO_MANY - 1} units: put some in"
            " (POST /v1/products/{product_id}/inventory/adjustments)"
        )
    return stocked


async def place(customer: Customer, kind: Kind, product: dict[str, Any]) -> str:
    """Place one order as that kind of customer does, and return its id. Raises RefusedError."""
    declined = kind in {Kind.DECLINED, Kind.PAYS_ANOTHER_WAY}
    token = "pm_card_chargeDeclined" if declined else VISA
    quantity = TOO_MANY if kind is Kind.TOO_MANY else random.randint(1, 3)
    order = await customer.order({product["id"]: quantity}, STRIPE | {"token": token})
    return str(order["id"])


async def follow_up(customer: Customer, kind: Kind, order_id: str) -> None:
    """Do what that kind of customer does once the order is accepted.

    Raises RefusedError, TimeoutError.
    """
    if kind in {Kind.DECLINED, Kind.PAYS_ANOTHER_WAY}:
        order = await customer.declined(order_id, seconds=DECLINE_SECONDS)
        if order["status"] != "reserved":
            return
    if kind is Kind.PAYS_ANOTHER_WAY:
        await customer.pay(order_id, {"provider": "stripe", "method": "card", "token": VISA})
    if kind not in {Kind.CANCELS, Kind.DECLINED}:
        return
    try:
        await customer.cancel(order_id)
    except RefusedError as error:
        # On its way already: then it cannot be cancelled, and is delivered.
        if error.status != 409:
            raise


async def one(customer: Customer, kind: Kind, product: dict[str, Any], *, seconds: float) -> Placed:
    """Place an order and see it settled. Raises RefusedError, TimeoutError."""
    order_id = await place(customer, kind, product)
    await follow_up(customer, kind, order_id)
    order = await customer.settled(order_id, seconds=seconds)
    hops = Hop.all_of(await customer.history(order_id))
    return Placed(order_id, kind, hops[-1].after, order["status"])


async def many(
    customers: Sequence[Customer], *, count: int, rate: float, seconds: float = 120
) -> tuple[list[Placed], Counter[str]]:
    """Place `count` orders at `rate` a second; return those accepted, and what was refused.

    An order starts at its time whatever became of those before.
    """
    products = await well_stocked(customers[0])
    kinds = random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
    refused: Counter[str] = Counter()
    placed: list[Placed] = []
    began = time.monotonic()

    async def at(number: int, kind: Kind) -> None:
        await asyncio.sleep(began + number / rate - time.monotonic())
        customer = customers[number % len(customers)]
        try:
            placed.append(await one(customer, kind, random.choice(products), seconds=seconds))
        except RefusedError as error:
            refused[str(error)] += 1
        except TimeoutError:
            refused[f"not settled in {seconds:.0f} s"] += 1
        except httpx.TransportError as error:
            refused[type(error).__name__] += 1

    async with asyncio.TaskGroup() as group:
        for number, kind in enumerate(kinds):
            group.create_task(at(number, kind))
    return placed, refused


def outcomes(placed: Sequence[Placed]) -> Counter[tuple[str, str]]:
    """Return how many of each kind ended how."""
    return Counter((order.kind.value, order.status) for order in placed)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of them don't exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * len(ordered)))] if ordered else float("nan")
