"""What runs is scraped, every rule is evaluated, and every panel shows something."""

import asyncio
import contextlib
from typing import Any

import httpx
from shop_journey import orders
from shop_journey.customer import Customer
from shop_journey.kubectl import Kubectl
from shop_journey.steps import StepFailedError

from shop_observability.promql import board_queries
from shop_observability.rules import alerts
from shop_observability.write import every_board

SECONDS = 180
# What shows something only after a fault, or an act that these orders do not contain.
EMPTY_WITHOUT = {
    "minishop-shop: Refunded, in minor units": "a refund",
    "minishop-shop: Refunded by provider and currency, minor units a minute": "a refund",
    "minishop-events: Dead letters in the time shown": "an event that nobody can handle",
    "minishop-events: Events tried again": "a store that is away",
    "minishop-events: Partitions that wait for a store": "a store that is away",
    "minishop-payments: Calls to be made again": "a provider that is away",
    "minishop-gateway: Requests over their limit": "somebody who asks too much",
    "minishop-gateway: Requests refused for want of room": "more load than a service can do",
    "minishop-operator: Conditions that are not True": "a service that is not ready",
    "minishop-operator: Changes by other hands, in the time shown": "somebody's change",
}


async def answer(prometheus: httpx.AsyncClient, query: str) -> list[Any]:
    """Return the series that a query finds now."""
    found = await prometheus.get("/api/v1/query", params={"query": query})
    result: list[Any] = found.raise_for_status().json()["data"]["result"]
    return result


def of_its_namespace(where: str, query: str) -> str:
    """Return a panel's query with the namespace that its dashboard begins with."""
    board = where.partition(":")[0]
    own = "minishop-system" if board == "minishop-operator" else "shop"
    return query.replace('namespace="shop"', f'namespace="{own}"')


async def test_every_service_monitor_has_a_target_that_answers(
    layer: Kubectl, prometheus: httpx.AsyncClient
) -> None:
    monitors = (await layer.get("servicemonitors", "--all-namespaces"))["items"]
    wanted = {(m["metadata"]["namespace"], m["metadata"]["name"]) for m in monitors}
    assert len(wanted) > 9
    up: set[tuple[str, str]] = set()
    async with asyncio.timeout(SECONDS):
        while up < wanted:
            targets = (await prometheus.get("/api/v1/targets?state=active")).json()["data"]
            up = {
                tuple(target["scrapePool"].split("/")[1:3])  # serviceMonitor/NAMESPACE/NAME/0
                for target in targets["activeTargets"]
                if target["health"] == "up"
            }
            await asyncio.sleep(1)


async def test_every_rule_is_evaluated(layer: Kubectl, prometheus: httpx.AsyncClient) -> None:
    declared = (await layer.get("prometheusrules", "--all-namespaces"))["items"]
    wanted = {
        (group["name"], rule["alert"])
        for found in declared
        for group in found["spec"]["groups"]
        for rule in group["rules"]
    }
    assert {rule["alert"] for rule in alerts()} < {alert for _, alert in wanted}
    loaded: dict[tuple[str, str], str] = {}
    async with asyncio.timeout(SECONDS):
        while set(loaded) != wanted or set(loaded.values()) != {"ok"}:
            groups = (await prometheus.get("/api/v1/rules")).json()["data"]["groups"]
            loaded = {(g["name"], r["name"]): r["health"] for g in groups for r in g["rules"]}
            await asyncio.sleep(1)


async def test_every_panel_shows_something_when_orders_were_placed(
    customer: Customer, prometheus: httpx.AsyncClient
) -> None:
    queries = set(board_queries(every_board()))
    assert set(EMPTY_WITHOUT) < {where for where, _ in queries}
    empty = {(where, query) for where, query in queries if where not in EMPTY_WITHOUT}
    # Late, the assertion says which are empty.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS * 2):
            while empty:
                # A rate needs two scrapes with something between them.
                await orders.many([customer], count=6, rate=2)
                # No order is refused with these, and one panel is of what is.
                assert (await customer.http.get("/v1/orders/none")).is_client_error
                await asyncio.sleep(20)
                for where, query in list(empty):
                    if await answer(prometheus, of_its_namespace(where, query)):
                        empty.discard((where, query))
    assert empty == set()


async def test_kubectl_top_tells_what_the_shops_pods_and_the_node_use(layer: Kubectl) -> None:
    deployments = (await layer.get("deployments", "-n", "shop"))["items"]
    wanted = {each["metadata"]["name"] for each in deployments}
    told: dict[str, tuple[str, str]] = {}
    async with asyncio.timeout(SECONDS):
        while not wanted <= {pod.rsplit("-", 2)[0] for pod in told}:
            try:
                said = await layer("top", "pods", "-n", "shop", "--no-headers")
            except StepFailedError:  # nothing is measured yet
                said = ""
            rows = [line.split() for line in said.splitlines()]
            told = {pod: (cpu, memory) for pod, cpu, memory in rows}
            await asyncio.sleep(1)
    assert all(cpu.endswith("m") and memory.endswith("Mi") for cpu, memory in told.values())
    assert "%" in await layer("top", "nodes", "--no-headers")
