"""A steady load of orders that goes on whatever becomes of the shop."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from shop_journey import orders
from shop_journey.customer import SHOP, Customer, RefusedError, register


@dataclass
class Load:
    """What the customers have seen: ids of accepted orders, and why others were refused.

    `weights` says how many customers are of which kind; those who cancel do so at some moment of
    the first `cancel_within` seconds.
    """

    weights: Mapping[orders.Kind, int] = field(default_factory=lambda: orders.WEIGHTS)
    cancel_within: float = 0
    accepted: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)

    async def run(self, customer: Customer, products: list[dict[str, Any]], rate: float) -> None:
        """Place orders at `rate` a second until cancelled; then end those begun."""
        kinds, weights = list(self.weights), list(self.weights.values())
        began, number = time.monotonic(), 0
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    [kind] = random.choices(kinds, weights)
                    group.create_task(self._one(customer, kind, random.choice(products)))
                    number += 1
                    await asyncio.sleep(began + number / rate - time.monotonic())
            except asyncio.CancelledError:
                return

    async def _one(self, customer: Customer, kind: orders.Kind, product: dict[str, Any]) -> None:
        try:
            order_id = await orders.place(customer, kind, product)
            self.accepted.add(order_id)  # from here on it may not be lost
            if kind is orders.Kind.CANCELS:
                await asyncio.sleep(random.uniform(0, self.cancel_within))
            await orders.follow_up(customer, kind, order_id)
        except RefusedError as error:
            self.refused[f"{error.status} {error.problem.get('detail', '')}".strip()] += 1
        except TimeoutError:
            self.refused["no word of a decline"] += 1
        except httpx.TransportError as error:
            self.refused[type(error).__name__] += 1


@asynccontextmanager
async def under_load(load: Load, rate: float) -> AsyncIterator[None]:
    """Let a new customer order at `rate` a second inside the block, as `load` says."""
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=SHOP, timeout=20, limits=limits) as http:
        customer = await register(http)
        products = await orders.well_stocked(customer)
        running = asyncio.create_task(load.run(customer, products, rate))
        try:
            yield
        finally:
            running.cancel()
            await running
