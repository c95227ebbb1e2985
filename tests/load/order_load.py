"""Orders at a steady rate: how many, how soon, and the CPU that each costs."""

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shop_journey import orders
from shop_journey.customer import ADDRESS, SETTLED, SHOP

from load.shop import Shop, say
from load.vegeta import Report, Target, attack
from store_access import Stores

DRAIN_SECONDS = 300
ENDS = "('" + "', '".join(sorted(SETTLED)) + "')"


@dataclass(frozen=True)
class Moments:
    """When orders came to be something: how many did, how many a second, seconds from placed."""

    count: int
    per_second: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Run:
    """Orders offered, what came of the requests, and when those that were accepted got where."""

    offered: int
    report: Report
    paid: Moments
    ended: Moments
    drained: float
    """Seconds from the last request until every order was at its end."""

    @property
    def accepted(self) -> int:
        """How many the shop has promised to see to their end."""
        return self.report.statuses.get("201", 0)


async def run(shop: Shop, *, rate: int, seconds: int) -> Run:
    """Offer orders and see all that are accepted to their end, else SystemExit."""
    since = datetime.now(UTC)
    targets = [_order(shop, number) for number in range(rate * seconds)]
    report = await asyncio.to_thread(attack, targets, rate=rate, seconds=seconds)
    last = time.monotonic()
    await _until_none_is_open(shop.stores, since)
    drained = time.monotonic() - last
    paid = await _moments(shop.stores, since, "status = 'paid'")
    ended = await _moments(shop.stores, since, f"status IN {ENDS}")
    done = Run(len(targets), report, paid, ended, drained)
    if ended.count != done.accepted:
        raise SystemExit(f"{done.accepted} orders accepted, {ended.count} ended")
    return done


def _order(shop: Shop, number: int) -> Target:
    body = {
        "items": [{"product_id": random.choice(shop.products)["id"], "quantity": 1}],
        "shipping_address": ADDRESS,
        "payment": orders.STRIPE | {"token": orders.VISA},
    }
    headers = shop.signed_in(number) | {"Idempotency-Key": str(uuid.uuid4())}
    return Target("POST", f"{SHOP}/v1/orders", headers, body)


async def _until_none_is_open(stores: Stores, since: datetime) -> None:
    for _ in range(DRAIN_SECONDS):
        [row] = await stores.rows(
            "order",
            f"SELECT count(*) FILTER (WHERE status NOT IN {ENDS}) AS open FROM orders "
            f"WHERE placed_at >= '{since.isoformat()}'",
        )
        if not row["open"]:
            return
        await asyncio.sleep(1)
    raise SystemExit(f"{row['open']} orders have not ended in {DRAIN_SECONDS} s")


async def _moments(stores: Stores, since: datetime, reached: str) -> Moments:
    """Read the orders' histories: when each first was what `reached` says of `order_history`."""
    [row] = await stores.rows(
        "order",
        "SELECT count(*) AS count, "
        "count(*) / extract(epoch FROM max(at) - min(placed_at))::float AS per_second, "
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at - placed_at))::float "
        "AS p50, percentile_cont(0.99) WITHIN GROUP "
        "(ORDER BY extract(epoch FROM at - placed_at))::float AS p99 "
        "FROM (SELECT placed_at, (SELECT min(at) FROM order_history WHERE order_id = orders.id "
        f"AND order_history.{reached}) AS at FROM orders "
        f"WHERE placed_at >= '{since.isoformat()}') AS reached WHERE at IS NOT NULL",
    )
    return Moments(row["count"], row["per_second"] or 0.0, row["p50"] or 0.0, row["p99"] or 0.0)


async def throughput(shop: Shop, rates: Sequence[int], seconds: int) -> None:
    """Print the orders a second that are paid, and that come to their end, at each rate."""
    say(
        "\n| orders offered | accepted | POST p50; p99 | paid | placed to paid p50 "
        "| to their end | placed to end p50 |\n|---|---|---|---|---|---|---|"
    )
    for rate in rates:
        done = await run(shop, rate=rate, seconds=seconds)
        say(
            f"| {rate} /s for {seconds} s | {done.accepted} of {done.offered} "
            f"| {done.report.p50:.0f}; {done.report.p99:.0f} ms "
            f"| {done.paid.per_second:.1f} /s | {done.paid.p50:.1f} s "
            f"| {done.ended.per_second:.1f} /s | {done.ended.p50:.1f} s |"
        )


async def overload(shop: Shop, rate: int, seconds: int) -> None:
    """Print what becomes of more orders than the shop can carry."""
    done = await run(shop, rate=rate, seconds=seconds)
    answers = ", ".join(f"{n} x {status}" for status, n in sorted(done.report.statuses.items()))
    say(
        f"\n| {rate} orders offered a second for {seconds} s | |\n|---|---|\n"
        f"| answers | {answers} |\n"
        f"| POST p50; p99 | {done.report.p50:.0f}; {done.report.p99:.0f} ms |\n"
        f"| accepted, placed to paid p50; p99 | {done.paid.p50:.1f}; {done.paid.p99:.1f} s |\n"
        f"| accepted, placed to end p50; p99 | {done.ended.p50:.1f}; {done.ended.p99:.1f} s |\n"
        f"| all at their end after the last request | {done.drained:.0f} s |"
    )
