"""An order's way through the shop is one trace in Zipkin, across Kafka."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
from shop_journey import orders
from shop_journey.customer import Customer
from shop_journey.golden import STOREFRONT

from e2e.chromium import Chromium, sign_in_as_staff, visitor

from .places import PAGES, PICTURES

SECONDS = 120
# Who causes what: the caller's service, the service it is continued in, and the way there.
EDGES = {
    ("gateway", "order"),
    ("order", "product"),  # order.events: placed → reserve
    ("order", "payment"),  # order.events: placed → the way to pay
    ("product", "payment"),  # inventory.events: reserved → charge
    ("payment", "order"),  # payment.events: captured → confirm
    ("order", "shipping"),  # order.events: confirmed → book
    ("shipping", "order"),  # shipment.events: → follow
    ("shipping", "notification"),  # shipment.events: → mail
    ("order", "notification"),  # order.events: confirmed → mail
}
SERVICES = {"gateway", "order", "product", "payment", "shipping", "notification"}


def edges(spans: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return which service's span is the parent of which other's."""
    service = {span["id"]: span["localEndpoint"]["serviceName"] for span in spans}
    pairs = {(service.get(span.get("parentId", "")), service[span["id"]]) for span in spans}
    return {(parent, child) for parent, child in pairs if parent and parent != child}


async def test_every_edge_of_an_order_is_in_its_trace(
    customer: Customer, zipkin: httpx.AsyncClient
) -> None:
    product = (await orders.well_stocked(customer))[0]
    trace = uuid4().hex
    payment = orders.STRIPE | {"token": "pm_card_visa"}
    order = await customer.order({product["id"]: 1}, payment, trace=trace)
    assert (await customer.settled(order["id"], seconds=60))["status"] == "delivered"
    spans: list[dict[str, Any]] = []
    missing = EDGES
    try:
        async with asyncio.timeout(SECONDS):
            while missing:
                found = await zipkin.get(f"/trace/{trace}")
                spans = found.json() if found.is_success else []
                missing = EDGES - edges(spans)
                await asyncio.sleep(1)
    except TimeoutError:
        raise AssertionError(f"not in the trace: {missing}; there are {edges(spans)}") from None
    assert {span["localEndpoint"]["serviceName"] for span in spans} >= SERVICES
    named = {(span["localEndpoint"]["serviceName"], span["name"]) for span in spans}
    assert ("order", "post /v1/orders") in named
    assert ("notification", "send notification.email") in named
    # Whose parent is not there would be a break: only the caller's own is.
    ids = {span["id"] for span in spans}
    assert {s["parentId"] for s in spans if s.get("parentId") not in ids} == {"00f067aa0ba902b7"}


async def test_staff_come_from_a_failed_order_to_its_trace_and_to_its_log_lines(
    customer: Customer, browser: Chromium, zipkin: httpx.AsyncClient
) -> None:
    product = (await orders.well_stocked(customer))[0]
    trace = uuid4().hex
    payment = orders.STRIPE | {"token": "pm_card_chargeDeclined"}
    order = await customer.order({product["id"]: 1}, payment, trace=trace)
    await customer.declined(order["id"], seconds=60)
    await spans_of(zipkin, trace, lambda spans: edges(spans) >= {("payment", "notification")})
    async with visitor(replace(browser, storefront=STOREFRONT)) as page:
        await sign_in_as_staff(page)
        await page.goto(f"/staff/orders/{order['id']}")
        await page.get_by_role("link", name=trace).click()
        await page.wait_for_url(f"**/zipkin/traces/{trace}")
        for service in ("order", "payment"):
            await page.get_by_text(service).first.wait_for()
        await page.screenshot(path=PICTURES / "staff-trace.png")
        # Its menu has no name of its own.
        beside = page.get_by_role("button", name="Span Table")
        await beside.locator("xpath=following-sibling::button").click()
        address = await page.get_by_role("menuitem", name="View Logs").get_attribute("href")
        assert address == f"{PAGES}/logs?q=trace_id:{trace}"
        await page.goto(address)
        await page.get_by_role("row").filter(has_text="payment failed").first.wait_for()


async def test_spans_are_counted_for_prometheus(
    customer: Customer, prometheus: httpx.AsyncClient
) -> None:
    await orders.many([customer], count=3, rate=2)
    query = (
        'sum by (service_name) (traces_span_metrics_calls_total{span_kind="SPAN_KIND_CONSUMER"})'
    )
    counted: set[str] = set()
    async with asyncio.timeout(SECONDS):
        while not counted >= {"order", "product", "payment", "shipping", "notification"}:
            found = (await prometheus.get("/api/v1/query", params={"query": query})).json()
            counted = {each["metric"]["service_name"] for each in found["data"]["result"]}
            await asyncio.sleep(1)


async def test_what_failed_is_marked_in_its_trace(
    customer: Customer, zipkin: httpx.AsyncClient
) -> None:
    product = (await orders.well_stocked(customer))[0]
    trace = uuid4().hex
    fault = {"fault": "error", "times": 1}
    (await customer.http.post("/simulator/faults/stripe", json=fault)).raise_for_status()
    payment = orders.STRIPE | {"token": orders.VISA}
    order = await customer.order({product["id"]: 1}, payment, trace=trace)
    assert (await customer.settled(order["id"], seconds=60))["status"] == "delivered"

    def marked(spans: list[dict[str, Any]]) -> set[tuple[str, str]]:
        return {
            (span["localEndpoint"]["serviceName"], span["name"])
            for span in spans
            if "error" in span.get("tags", {})
        }

    spans = await spans_of(zipkin, trace, lambda spans: bool(marked(spans)))
    assert marked(spans) == {("payment", "charge stripe")}


async def spans_of(
    zipkin: httpx.AsyncClient, trace: str, whole: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    """Return the spans of a trace once they are what is waited for."""
    spans: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(SECONDS):
            while not whole(spans):
                found = await zipkin.get(f"/trace/{trace}")
                spans = found.json() if found.is_success else []
                await asyncio.sleep(1)
    except TimeoutError:
        raise AssertionError(f"the trace has edges {edges(spans)}") from None
    return spans
