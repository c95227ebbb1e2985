"""What the shop's pods log is found by the trace of the order that it is about."""

import asyncio
import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from shop_journey import orders
from shop_journey.customer import Customer
from shop_journey.kubectl import Kubectl
from shop_journey.steps import StepFailedError

from .places import ROOT

SECONDS = 120
DECLINED = "pm_card_visa_chargeDeclined"
SEARCH = "/api/v1/namespaces/monitoring/services/opensearch:9200/proxy/logs-*/_search"


def kibanas_queries() -> list[str]:
    """Return the queries of the searches that are committed for Kibana."""
    objects = (ROOT / "observability" / "kibana" / "saved-objects.ndjson").read_text()
    searches = [
        found for found in map(json.loads, objects.splitlines()) if found["type"] == "search"
    ]
    sources = [each["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"] for each in searches]
    return [json.loads(source)["query"]["query"] for source in sources]


async def found(kubectl: Kubectl, query: str) -> list[dict[str, Any]]:
    """Return the log lines that a query in Lucene's syntax finds.

    A store that has just begun says that it cannot tell yet, and is asked again.
    """
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                answer = await kubectl("get", "--raw", f"{SEARCH}?size=100&q={query}")
            except StepFailedError as error:
                if "(ServiceUnavailable)" not in str(error):
                    raise
                await asyncio.sleep(1)
            else:
                return [hit["_source"] for hit in json.loads(answer)["hits"]["hits"]]


async def test_a_failed_orders_trace_finds_what_the_services_logged(
    layer: Kubectl, customer: Customer
) -> None:
    product = (await orders.well_stocked(customer))[0]
    trace = uuid4().hex
    payment = orders.STRIPE | {"token": DECLINED}
    order = await customer.order({product["id"]: 1}, payment, trace=trace)
    await customer.declined(order["id"], seconds=60)
    lines: list[dict[str, Any]] = []
    async with asyncio.timeout(SECONDS):
        while not any(line.get("event") == "payment failed" for line in lines):
            lines = await found(layer, f"trace_id:{trace}")
            await asyncio.sleep(1)
    [failed] = [line for line in lines if line.get("event") == "payment failed"]
    assert failed["service"] == "payment"
    assert order["id"] in failed["message"]
    assert failed["kubernetes"]["namespace"] == "shop"
    assert failed["kubernetes"]["pod"].startswith("payment-")
    assert failed["kubernetes"]["container"] == "service"


async def test_lines_arrive_again_once_the_store_was_replaced(
    layer: Kubectl, customer: Customer
) -> None:
    await layer("delete", "pod", "opensearch-0", "-n", "monitoring")
    await layer("rollout", "status", "statefulset/opensearch", "-n", "monitoring", "--timeout=180s")
    headers = {"traceparent": f"00-{uuid4().hex}-00f067aa0ba902b7-01"}
    trace = headers["traceparent"].split("-")[1]
    refused = await customer.http.get(
        "/v1/orders", headers={**headers, "Authorization": "Bearer none"}
    )
    assert refused.status_code == 401
    lines: list[dict[str, Any]] = []
    async with asyncio.timeout(SECONDS):
        while "gateway" not in {line.get("service") for line in lines}:
            lines = await found(layer, f"trace_id:{trace}")
            await asyncio.sleep(1)


async def test_the_logs_of_every_service_of_the_operator_and_of_the_stores_arrive(
    layer: Kubectl,
) -> None:
    # The operator says nothing while nothing changes, and a store that was replaced has lost what
    # it said before: a pod that begins says something.
    chosen = "--selector=app.kubernetes.io/name=shop-operator"
    pods = await layer("get", "pods", "-n=minishop-system", chosen, "-o=name")
    await layer("delete", "-n=minishop-system", pods.split()[0])
    wanted = {"shop", "minishop-system", "platform"}
    arrived: set[str] = set()
    async with asyncio.timeout(SECONDS):
        while not arrived >= wanted:
            for namespace in wanted:
                if await found(layer, f"kubernetes.namespace:{namespace}"):
                    arrived.add(namespace)
            await asyncio.sleep(1)


@pytest.mark.parametrize("query", kibanas_queries())
async def test_the_store_takes_kibanas_searches(layer: Kubectl, query: str) -> None:
    await found(layer, quote(query))  # one that is none would be an error


async def test_the_store_refuses_a_search_that_is_none(layer: Kubectl) -> None:
    with pytest.raises(StepFailedError):
        await found(layer, quote("service:("))
