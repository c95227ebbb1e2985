"""Who is to blame for a failed provider call decides what becomes of the payment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from payment_simulator import stripe
from payment_simulator.faults import Fault
from shop_payment import reconciler
from shop_shared.observability import telemetry
from shop_shared.observability.tracing import OpenTelemetrySpans
from shop_shared.stores.postgres import transaction

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Stripe's SDK hands httpx its form as httpx no longer likes it.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

WAYS = [
    ("stripe", "card", "USD", "captured"),
    ("paypal", "paypal", "USD", "action_required"),
    ("xendit", "invoice", "IDR", "action_required"),
    ("midtrans", "card", "IDR", "captured"),
]
PATIENCE = 120
CALLS = """
    SELECT {} FROM provider_calls JOIN payments ON payments.id = payment_id
    WHERE order_id = :id AND state = {}
"""


def alerts(kind: str) -> float:
    return REGISTRY.get_sample_value("payment_alerts_total", {"kind": kind}) or 0.0


async def wait_for(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


async def tried(shop: Shop, order: UUID, times: int = 2) -> None:
    """Wait until the order's call has failed so often."""
    attempts = CALLS.format("max(attempts)", "'open' AND error IS NOT NULL")

    async def often() -> bool:
        return int(await shop.value(attempts, order) or 0) >= times

    await wait_for(often)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _no_fault_is_left(shop: Shop) -> AsyncIterator[None]:
    yield
    shop.desks["stripe"].faults.clear()


async def place(
    shop: Shop, provider: str, method: str, currency: str, amount: int = 250_000
) -> UUID:
    token = "pm_card_visa" if method == "card" else None
    order: UUID = await shop.order(provider, method, amount=250_000, currency=currency, token=token)
    return order


@pytest.mark.parametrize(("provider", "method", "currency", "end"), WAYS)
async def test_refused_credentials_decide_nothing_and_call_a_person(
    shop: Shop, provider: str, method: str, currency: str, end: str
) -> None:
    before = alerts("not_authorised")

    async def called_twice() -> bool:
        return alerts("not_authorised") >= before + 2

    shop.desks[provider].faults.order(provider, Fault.NOT_AUTHORISED, times=10_000, seconds=None)
    order = await place(shop, provider, method, currency)
    await tried(shop, order)
    assert await shop.said(order) == []
    assert await shop.status(order) == "pending"
    await wait_for(called_twice)
    shop.desks[provider].faults.clear()
    await shop.until(order, end)
    assert len(await shop.charges(provider, order)) == 1


@pytest.mark.parametrize(("provider", "method", "currency", "end"), WAYS)
async def test_an_unreadable_answer_is_held_alerted_and_fetched(
    shop: Shop, provider: str, method: str, currency: str, end: str
) -> None:
    before = alerts("unreadable")
    shop.desks[provider].faults.order(provider, Fault.UNREADABLE, times=1, seconds=None)
    order = await place(shop, provider, method, currency)
    await shop.until(order, end)
    assert alerts("unreadable") > before
    assert len(await shop.charges(provider, order)) == 1


@pytest.mark.parametrize(
    ("provider", "method", "currency", "said"),
    [("stripe", "card", "USD", []), ("midtrans", "card", "IDR", [])],
)
async def test_parts_of_a_minor_unit_never_fail_a_payment(
    shop: Shop, provider: str, method: str, currency: str, said: list[str]
) -> None:
    before = alerts("unreadable")
    shop.desks[provider].faults.order(provider, Fault.UNREADABLE_AMOUNT, times=1, seconds=None)
    order = await place(shop, provider, method, currency)
    await tried(shop, order, times=5)
    assert await shop.said(order) == said
    assert await shop.status(order) == "pending"
    assert alerts("unreadable") >= before + 4
    (charge,) = await shop.charges(provider, order)
    # A person has mended it with the provider: the payment goes on by itself.
    charge |= {"amount_received": 250_000} if provider == "stripe" else {"gross_amount": "2500.00"}
    await shop.until(order, "captured")


async def test_a_revoked_access_token_of_paypal_is_renewed_at_once(shop: Shop) -> None:
    first = await place(shop, "paypal", "paypal", "USD")
    await shop.until(first, "action_required")
    before = alerts("not_authorised")
    shop.desks["paypal"].faults.order("paypal", Fault.TOKEN_REVOKED, times=1, seconds=None)
    second = await place(shop, "paypal", "paypal", "USD")
    await shop.until(second, "action_required")
    assert alerts("not_authorised") == before


async def test_a_call_that_failed_is_marked_in_its_trace_and_a_decline_is_not(shop: Shop) -> None:
    exporter = InMemorySpanExporter()
    spans = OpenTelemetrySpans(exporter, Resource.create({}))
    telemetry.set_span_backend(spans)
    try:
        for fault, end in ((Fault.ERROR, "captured"), (Fault.DECLINE, "failed")):
            exporter.clear()
            shop.desks["stripe"].faults.order("stripe", fault, times=1, seconds=None)
            await shop.until(await place(shop, "stripe", "card", "USD"), end)
            spans.flush()
            charged = [s for s in exporter.get_finished_spans() if s.name == "charge stripe"]
            marked = {(span.status.is_ok, span.status.description) for span in charged}
            assert ((False, "unknown") in marked) is (fault is Fault.ERROR), marked
            assert (True, None) in marked
    finally:
        telemetry.set_span_backend(None)
        spans.shutdown()


async def lost_charge(shop: Shop, fault: Fault) -> UUID:
    """Let a charge time out after charging while the search lags, and cancel at once."""
    faults = shop.desks["stripe"].faults
    faults.order("stripe", Fault.SEARCH_LAG, times=1, seconds=600)
    faults.order("stripe", fault, times=1, seconds=None)
    order: UUID = await shop.order()

    async def charged() -> bool:
        return bool(await shop.charges("stripe", order))

    await wait_for(charged)
    await shop.cancel(order)
    return order


async def test_a_charge_lost_to_a_lagging_search_is_found_by_its_webhook(shop: Shop) -> None:
    order = await lost_charge(shop, Fault.TIMEOUT_AFTER_CHARGING)
    await shop.until(order, "captured", "refunded")
    (intent,) = await shop.charges("stripe", order)
    refunds = shop.desks["stripe"].refunds.values()
    assert [r["amount"] for r in refunds if r["payment_intent"] == intent["id"]] == [1999]


async def test_a_charge_lost_to_a_lagging_search_is_found_by_the_reconciler(shop: Shop) -> None:
    order = await lost_charge(shop, Fault.LOST)

    async def given_up() -> bool:
        return bool(await shop.value(CALLS.format("count(*)", "'unknown'"), order))

    await wait_for(given_up)
    await shop.quiet(order)
    assert await shop.said(order) == []
    shop.desks["stripe"].faults.clear()
    for _ in range(2):
        async with transaction(shop.engine) as connection:
            await reconciler.reconcile(connection, silent_for=timedelta(0))
        await shop.until(order, "captured", "refunded")


async def test_nothing_is_charged_after_a_cancellation_when_nothing_was_charged(shop: Shop) -> None:
    shop.desks["stripe"].faults.order("stripe", Fault.ERROR, times=1, seconds=None)
    order = await shop.order()
    await shop.cancel(order)
    await shop.until(order)
    async with transaction(shop.engine) as connection:
        await reconciler.reconcile(connection, silent_for=timedelta(0))
    await shop.until(order)
    assert await shop.charges("stripe", order) == []


async def test_a_hint_at_another_payments_charge_is_not_taken_for_ours(shop: Shop) -> None:
    desk = shop.desks["stripe"]
    paid, waiting = await shop.order(), await shop.order(token=None)
    await shop.until(paid, "captured")
    await shop.until(waiting, "action_required")
    (intent,) = await shop.charges("stripe", paid)
    metadata = {"payment_id": str(await shop.payment_id(waiting))}
    stripe.send(desk, "payment_intent.succeeded", intent | {"metadata": metadata})
    await shop.until(waiting, "action_required")
    assert await shop.status(waiting) == "action_required"
