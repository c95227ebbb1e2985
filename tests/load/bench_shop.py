"""`make bench`: how fast the shop on the cluster is, and how heavy.

It prints the tables of docs/benchmarks.md: an order's journey on an idle shop, orders a second to
their end, reads of the catalogue, and the memory and the start of each service.
"""

import argparse
import asyncio
import os
import random
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from shop_journey import orders
from shop_journey.customer import ADDRESS, SETTLED, SHOP, Customer, register
from shop_journey.kubectl import Kubectl
from shop_journey.place import here
from shop_journey.processes import memory, pids_of

from load.vegeta import Target, attack
from store_access import Stores, from_cluster

WARM_UP = 10
"""Journeys not counted."""
CUSTOMERS = 100
"""So many that no one of them reaches the gateway's limit of requests."""
ENDS = "('" + "', '".join(sorted(SETTLED)) + "')"
DRAIN_SECONDS = 300
# Runs in a service's container: a second process of it, until that says that it is ready.
START = """
import os, subprocess, time, urllib.request
os.environ["PORT"] = "18000"
began = time.perf_counter()
service = subprocess.Popen(["service"], stdout=subprocess.DEVNULL)
while True:
    try:
        urllib.request.urlopen("http://127.0.0.1:18000/readyz").read()
        break
    except OSError:
        time.sleep(0.01)
print(time.perf_counter() - began)
service.terminate()
service.wait()
"""
SERVICES = ("user", "auth", "product", "order", "payment", "shipping", "notification", "gateway")


@dataclass(frozen=True)
class Shop:
    """The shop under test, its customers and its products."""

    kubectl: Kubectl
    stores: Stores
    customers: Sequence[Customer]
    products: Sequence[dict[str, Any]]


async def journeys(shop: Shop, count: int) -> None:
    """One order after another: from placed to delivered by the shop's own clock."""
    took = []
    for number in range(WARM_UP + count):
        placed = await orders.one(
            shop.customers[number % len(shop.customers)],
            orders.Kind.BUYS,
            random.choice(shop.products),
            seconds=60,
        )
        if number >= WARM_UP and placed.status == "delivered":
            took.append(placed.seconds * 1000)
    p50, p99 = orders.percentile(took, 0.5), orders.percentile(took, 0.99)
    say("| journey, one order at a time | orders | p50 | p99 | max |\n|---|---|---|---|---|")
    say(f"| placed to delivered | {len(took)} | {p50:.0f} ms | {p99:.0f} ms | {max(took):.0f} ms |")


async def throughput(shop: Shop, rates: Sequence[int], seconds: int) -> None:
    """Orders at a steady rate until each has come to its end."""
    say("\n| orders offered | accepted | POST p50 | POST p99 | to their end | placed to end p50 |")
    say("|---|---|---|---|---|---|")
    for rate in rates:
        since = datetime.now(UTC)
        targets = [_order(shop, number) for number in range(rate * seconds)]
        report = await asyncio.to_thread(attack, targets, rate=rate, seconds=seconds)
        accepted = report.statuses.get("201", 0)
        ended, per_second, p50 = await _ended(shop.stores, since)
        if ended != accepted:
            raise SystemExit(f"{accepted} orders accepted, {ended} ended in {DRAIN_SECONDS} s")
        say(
            f"| {rate} /s for {seconds} s | {accepted} of {len(targets)} | {report.p50:.0f} ms "
            f"| {report.p99:.0f} ms | {per_second:.1f} /s | {p50:.1f} s |"
        )


def _order(shop: Shop, number: int) -> Target:
    customer = shop.customers[number % len(shop.customers)]
    body = {
        "items": [{"product_id": random.choice(shop.products)["id"], "quantity": 1}],
        "shipping_address": ADDRESS,
        "payment": orders.STRIPE | {"token": "pm_card_visa"},
    }
    headers = _signed_in(customer) | {"Idempotency-Key": str(uuid.uuid4())}
    return Target("POST", f"{SHOP}/v1/orders", headers, body)


async def _ended(stores: Stores, since: datetime) -> tuple[int, float, float]:
    """Wait for all orders placed since then: how many, how many a second, the median's seconds."""
    for _ in range(DRAIN_SECONDS):
        [row] = await stores.rows(
            "order",
            f"SELECT count(*) FILTER (WHERE status NOT IN {ENDS}) AS open FROM orders "
            f"WHERE placed_at >= '{since.isoformat()}'",
        )
        if not row["open"]:
            break
        await asyncio.sleep(1)
    [row] = await stores.rows(
        "order",
        "SELECT count(*) AS ended, "
        "count(*) / extract(epoch FROM max(at) - min(placed_at))::float AS per_second, "
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM at - placed_at))::float "
        "AS p50 FROM (SELECT placed_at, max(at) AS at FROM orders JOIN order_history "
        f"ON order_id = id WHERE placed_at >= '{since.isoformat()}' "
        f"AND orders.status IN {ENDS} GROUP BY id) AS ended",
    )
    return row["ended"], row["per_second"] or 0.0, row["p50"] or 0.0


async def reads(shop: Shop, rates: Sequence[int], seconds: int) -> None:
    """Lists of twenty products through the gateway, each customer in turn."""
    targets = [
        Target("GET", f"{SHOP}/v1/products?limit=20", _signed_in(customer))
        for customer in shop.customers
    ]
    say("\n| GET /v1/products?limit=20 offered | answered 200 | p50 | p99 |\n|---|---|---|---|")
    for rate in rates:
        report = await asyncio.to_thread(attack, targets, rate=rate, seconds=seconds)
        say(
            f"| {rate} /s for {seconds} s | {report.rate:.0f} /s ({report.success:.1%}) "
            f"| {report.p50:.0f} ms | {report.p99:.0f} ms |"
        )


async def weights(shop: Shop) -> None:
    """Print the resident memory of the services' processes."""
    say("\n| service | resident | proportional |\n|---|---|---|")
    rss = pss = 0.0
    for service in SERVICES:
        pids = await pids_of(shop.kubectl, "shop", f"app.kubernetes.io/name={service}")
        held = memory(pids)
        rss, pss = rss + held.rss, pss + held.pss
        say(f"| {service} | {held.rss:.0f} MiB | {held.pss:.0f} MiB |")
    say(f"| all eight | {rss:.0f} MiB | {pss:.0f} MiB |")


async def starts(shop: Shop) -> None:
    """Print how long each service takes from its process's begin to its being ready."""
    say("\n| service | ready after |\n|---|---|")
    for service in SERVICES:
        where = ("-n", "shop", f"deployment/{service}", "-c", "service")
        took = await shop.kubectl("exec", *where, "--", "python", "-c", START)
        say(f"| {service} | {float(took):.2f} s |")


def _signed_in(customer: Customer) -> dict[str, str]:
    return {"Authorization": customer.http.headers["Authorization"]}


def say(line: str) -> None:
    """Print, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def bench(asked: argparse.Namespace) -> None:
    """Measure what was asked for, on the shop that is up."""
    kubectl = here().kubectl
    say(f"Load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n")
    clients = [httpx.AsyncClient(base_url=SHOP, timeout=30) for _ in range(CUSTOMERS)]
    try:
        customers = [await register(http) for http in clients]
        products = await orders.well_stocked(customers[0])
        async with from_cluster(kubectl.kubeconfig) as stores:
            shop = Shop(kubectl, stores, customers, products)
            if "memory" in asked.what:
                await weights(shop)
            if "start" in asked.what:
                await starts(shop)
            if "journey" in asked.what:
                await journeys(shop, asked.journeys)
            if "reads" in asked.what:
                await reads(shop, asked.read_rates, asked.seconds)
            if "orders" in asked.what:
                await throughput(shop, asked.order_rates, asked.seconds)
    finally:
        for http in clients:
            await http.aclose()


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    what = ("memory", "start", "journey", "reads", "orders")
    parser.add_argument("what", nargs="*", default=what, help=f"of {', '.join(what)}; all if none")
    parser.add_argument("--journeys", type=int, default=200, help="orders, one at a time")
    parser.add_argument("--seconds", type=int, default=20, help="of each load")
    parser.add_argument("--order-rates", type=int, nargs="+", default=[10, 20, 40])
    parser.add_argument("--read-rates", type=int, nargs="+", default=[200, 400, 800])
    asyncio.run(bench(parser.parse_args()))


if __name__ == "__main__":
    main()
