"""An order through the real services: all that follows from the request is one tree of spans."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
from shop_event_path import topics
from shop_event_path.collector import Collector, Span, collector
from shop_event_path.orders import a_mug, an_order
from shop_event_path.outboxes import counted
from shop_event_path.shop import Shop, shop
from shop_servers.server_set import ServerSet

from shop_shared.testing.signer import Signer

CALLER = "00f067aa0ba902b7"
CARD = "pm_card_visa"
ASKS_FIRST = "pm_card_authenticationRequired"
"""The money then comes by the provider's webhook."""
TRACES = {CARD: "4bf92f3577b34da6a3ce929d0e0e4736", ASKS_FIRST: "0af7651916cd43dd8448eb211c80319c"}
DELIVERED = "process minishop.shipment.delivered.v1"
HEARD = {
    ("product", "process minishop.order.placed.v1"),
    ("payment", "process minishop.inventory.reserved.v1"),
    ("order", "process minishop.payment.captured.v1"),
    ("product", "process minishop.order.confirmed.v1"),
    ("shipping", "process minishop.order.confirmed.v1"),
    ("notification", "process minishop.shipment.delivered.v1"),
}
WITHIN = 180


class Customer:
    """Someone who buys a mug."""

    def __init__(self, running: Shop, signer: Signer, client: httpx.AsyncClient) -> None:
        self.id = uuid4()
        self._urls = running.urls
        self._signer = signer
        self._client = client

    async def ask(self, method: str, service: str, path: str, **options: Any) -> Any:
        headers = self._signer.headers(self.id, ("customer", "staff", "admin"))
        answer = await self._client.request(
            method,
            f"{self._urls[service]}{path}",
            **{**options, "headers": headers | options.get("headers", {})},
        )
        assert answer.is_success, answer.text
        return answer.json()

    async def order(self, token: str) -> str:
        product = await self.ask("POST", "product", "/v1/products", json=a_mug(units=4))
        order = await self.ask(
            "POST",
            "order",
            "/v1/orders",
            json=an_order(product["id"], token=token),
            headers={
                "Idempotency-Key": str(uuid4()),
                "traceparent": f"00-{TRACES[token]}-{CALLER}-01",
            },
        )
        return str(order["id"])

    async def press_pay(self, order_id: str) -> None:
        """On the provider's page, which then sends its webhook."""
        query = {"order_id": order_id}
        async with asyncio.timeout(WITHIN):
            while True:
                found = await self.ask("GET", "payment", "/v1/payments", params=query)
                actions = [each["action"] for each in found["items"] if each["action"]]
                if actions:
                    break
                await asyncio.sleep(0.1)
        pressed = await self._client.post(actions[0]["url"], data={"act": "pay"})
        assert pressed.is_success, pressed.text

    async def delivered(self, order_id: str) -> None:
        async with asyncio.timeout(WITHIN):
            while True:
                order = await self.ask("GET", "order", f"/v1/orders/{order_id}")
                if order["status"] == "delivered":
                    return
                await asyncio.sleep(0.2)


@asynccontextmanager
async def a_shop(facts: Any, traces: Collector) -> AsyncIterator[Customer]:
    signer = Signer()
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    async with (
        shop(facts, signer=signer, environment=environment) as running,
        httpx.AsyncClient(timeout=60, follow_redirects=True) as client,
    ):
        customer = Customer(running, signer, client)
        await topics.send(
            facts["connect"]["bootstrap_servers"], "user.events", [registered(customer.id)]
        )
        yield customer


def registered(user_id: UUID) -> Any:
    """The user service's event, by which the notification service knows where to write."""
    said = {"user_id": str(user_id), "email": "ada@example.com", "name": "Ada", "locale": "en"}
    return replace(
        counted("user", 0, key=str(user_id)),
        type="minishop.user.registered.v1",
        payload=orjson.dumps(said),
    )


async def test_an_order_is_one_tree_from_the_request_to_the_last_mail(breakable: ServerSet) -> None:
    names = ("postgres", "mongodb", "redis", "rabbitmq", "connect")
    facts = await asyncio.to_thread(breakable.need, *names)
    with collector() as received:
        async with a_shop(facts, received) as customer:
            orders = {token: await customer.order(token) for token in TRACES}
            await customer.press_pay(orders[ASKS_FIRST])
            for token, trace in TRACES.items():
                await customer.delivered(orders[token])
                await mailed_after(DELIVERED, trace, received.spans)
                await whole(trace, received.spans)
    # The processes have ended: these are all.
    is_tree(spans_of(TRACES[CARD], received.spans), paid_by="charge stripe")
    is_tree(spans_of(TRACES[ASKS_FIRST], received.spans), paid_by="fetch stripe")
    elsewhere = {span.name for span in received.spans if span.trace not in TRACES.values()}
    assert {name for name in elsewhere if is_about_orders(name)} == set()


def is_tree(spans: dict[str, Span], *, paid_by: str) -> None:
    [root] = [span for span in spans.values() if span.parent == CALLER]
    assert (root.service, root.name) == ("order", "POST /v1/orders")
    assert [span for span in spans.values() if span.parent not in spans and span != root] == []
    assert {(span.service, span.name) for span in spans.values()} >= HEARD
    # Order hears of the delivery too, and completes; only notification's span has a mail below.
    [last] = [span for span in children_of(DELIVERED, spans) if span.name.startswith("send ")]
    assert (last.service, last.name) == ("notification", "send notification.email")
    # Stock and payment both hear of the order, and either may be the first that payment hears of.
    way = [step for step in way_to(last, spans) if step[0] != "product"]
    assert [service for service, _ in way] == [
        *("order", "payment", "payment", "order", "shipping", "shipping"),
        *("notification", "notification"),
    ]
    assert way[2] == ("payment", paid_by)
    assert way[5] in {("shipping", "book simulated"), ("shipping", "track simulated")}


def spans_of(trace: str, spans: Sequence[Span]) -> dict[str, Span]:
    return {span.id: span for span in spans if span.trace == trace}


def is_about_orders(name: str) -> bool:
    """Whether an order causes spans so named; others are of the product, the user and webhooks."""
    events = ("order", "inventory", "payment", "shipment")
    return name.startswith(tuple(f"process minishop.{event}." for event in events)) or (
        name.endswith((" stripe", " simulated"))
    )


def children_of(name: str, spans: dict[str, Span]) -> list[Span]:
    return [
        span for span in spans.values() if span.parent in spans and spans[span.parent].name == name
    ]


async def mailed_after(name: str, trace: str, spans: Sequence[Span]) -> None:
    async with asyncio.timeout(WITHIN):
        while not any(
            child.name.startswith("send ") for child in children_of(name, spans_of(trace, spans))
        ):
            await asyncio.sleep(0.2)


async def whole(trace: str, spans: Sequence[Span]) -> None:
    """Wait for what was still under way as the mail went, and then for what caused it."""
    async with asyncio.timeout(WITHIN):
        while True:
            found = spans_of(trace, spans)
            heard = {(span.service, span.name) for span in found.values()}
            if heard >= HEARD and all(span.parent in {*found, CALLER} for span in found.values()):
                return
            await asyncio.sleep(0.2)


def way_to(span: Span, spans: dict[str, Span]) -> list[tuple[str, str]]:
    """Services and names from the root down to the span."""
    way = [(span.service, span.name)]
    while span.parent in spans:
        span = spans[span.parent]
        way.append((span.service, span.name))
    return way[::-1]
