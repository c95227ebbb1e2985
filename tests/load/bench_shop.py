"""`make bench`: how fast the shop on the cluster is, and how heavy.

It prints the tables of docs/benchmarks.md: an order's journey on an idle shop, the CPU that a pod
takes idle and for an order or a read, orders a second to their end, more of them than it can carry,
reads of the catalogue, and the memory and the start of each service. Flame graphs only by name.
"""

import argparse
import asyncio
import os
import random

import httpx
from shop_journey import orders
from shop_journey.customer import SHOP, register
from shop_journey.kubectl import Kubectl
from shop_journey.place import here
from shop_journey.processes import memory, pids_of

from chaos.replicas import replicas
from load import order_load
from load.costs import cost
from load.flames import flames
from load.read_load import reads
from load.shop import SERVICES, Shop, say
from store_access import from_cluster

WARM_UP = 10
"""Journeys not counted."""
CUSTOMERS = 100
"""So many that no one of them reaches the gateway's limit of requests."""
OVERLOAD_SECONDS = 60
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


async def bench(asked: argparse.Namespace) -> None:
    """Measure what was asked for, on the shop that is up."""
    kubectl = here().kubectl
    say(f"Load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n")
    async with replicas(kubectl, asked.replicas):
        await _measure(kubectl, asked)


async def _measure(kubectl: Kubectl, asked: argparse.Namespace) -> None:
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
            if "cost" in asked.what:
                await cost(shop, asked.cost_rate)
            if "flames" in asked.what:
                await flames(shop, asked.cost_rate)
            if "orders" in asked.what:
                await order_load.throughput(shop, asked.order_rates, asked.seconds)
            if "overload" in asked.what:
                await order_load.overload(shop, asked.overload_rate, OVERLOAD_SECONDS)
    finally:
        for http in clients:
            await http.aclose()


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    usual = ("memory", "start", "journey", "reads", "cost", "orders", "overload")
    what = (*usual, "flames")
    parser.add_argument(
        "what", nargs="*", default=usual, help=f"of {', '.join(what)}; all but the last if none"
    )
    parser.add_argument("--replicas", type=int, help="pods of each service (default: as they are)")
    parser.add_argument("--journeys", type=int, default=200, help="orders, one at a time")
    parser.add_argument("--seconds", type=int, default=20, help="of each load")
    parser.add_argument(
        "--cost-rate", type=int, default=8, help="orders a second, of `cost` and `flames`"
    )
    parser.add_argument("--overload-rate", type=int, default=30, help="twice what it can carry")
    parser.add_argument("--order-rates", type=int, nargs="+", default=[10, 20, 40])
    parser.add_argument("--read-rates", type=int, nargs="+", default=[200, 400, 800])
    asked = parser.parse_args()
    if unknown := {*asked.what} - {*what}:
        parser.error(f"{', '.join(sorted(unknown))}: it is of {', '.join(what)}")
    asyncio.run(bench(asked))


if __name__ == "__main__":
    main()
