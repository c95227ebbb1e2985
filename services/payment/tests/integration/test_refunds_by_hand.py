"""Refunds on a provider's dashboard that no webhook told of, or that are of a second charge."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from payment_simulator import midtrans, paypal, stripe, xendit
from payment_simulator.dashboard import Dashboard
from payment_simulator.faults import Fault
from payment_simulator.webhooks import Webhook, Webhooks

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]
WAYS = {
    "stripe": ("card", "USD"),
    "paypal": ("paypal", "USD"),
    "xendit": ("invoice", "IDR"),
    "midtrans": ("gopay", "IDR"),
}


class LostWebhooks(Webhooks):
    """None arrives."""

    def send(self, *webhooks: Webhook, fault: Fault = Fault.NONE) -> None:
        """Send nothing."""


@pytest_asyncio.fixture(loop_scope="module")
async def silent(shop: Shop) -> Any:
    """The dashboards of all providers, whose webhooks are lost."""
    lost = LostWebhooks("http://nowhere.test")
    desks = {name: replace(desk, webhooks=lost) for name, desk in shop.desks.items()}
    yield Dashboard(desks, shop.simulator.app.state.signer)
    await lost.close()


async def paid(shop: Shop, provider: str) -> UUID:
    method, currency = WAYS[provider]
    order: UUID = await shop.order(provider, method, amount=250_000, currency=currency, token=None)
    await shop.until(order, "action_required")
    desk, reference = shop.desks[provider], await shop.reference(order)
    match provider:
        case "stripe":
            stripe.settle(desk, reference, paid=True)
        case "paypal":
            paypal.settle(desk, shop.simulator.app.state.signer, reference, paid=True)
        case "xendit":
            xendit.settle(desk, reference, paid=True)
        case _:
            midtrans.settle(desk, reference, paid=True)
    await shop.until(order, "action_required", "captured")
    return order


@pytest.mark.parametrize("provider", WAYS)
async def test_a_refund_that_is_refused_as_it_was_made_on_the_dashboard_is_booked(
    shop: Shop, silent: Dashboard, provider: str
) -> None:
    order = await paid(shop, provider)
    silent.refund(provider, await shop.reference(order))
    await shop.cancel(order)
    await shop.until(order, "action_required", "captured", "refund_failed", "refunded")
    assert await shop.status(order) == "refunded"
    _, refunded = (await shop.events(order))[-1]
    assert refunded["full"]


@pytest.mark.parametrize("provider", WAYS)
async def test_the_dashboard_gives_back_what_is_left(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str], provider: str
) -> None:
    order = await paid(shop, provider)
    shop.desks[provider].faults.order(provider, Fault.DECLINE, times=1, seconds=None)
    said = ["action_required", "captured"]
    for outcome in ("refund_failed", "refunded"):
        answer = await client.post(
            f"/v1/payments/{await shop.payment_id(order)}/refunds",
            json={"amount": {"amount": 50_000, "currency": WAYS[provider][1]}},
            headers={**staff, "Idempotency-Key": f"{order}-{outcome}"},
        )
        assert answer.status_code == 201
        said.append(outcome)
        await shop.until(order, *said)
    shop.simulator.app.state.dashboard.refund(provider, await shop.reference(order))
    await shop.until(order, *said, "refunded")
    _, refunded = (await shop.events(order))[-1]
    assert (refunded["total_refunded"]["amount"], refunded["full"]) == (250_000, True)


async def test_a_second_charge_that_staff_gave_back_needs_nobody_any_more(
    shop: Shop, addresses: Any, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    order = await paid(shop, "xendit")
    desk = shop.desks["xendit"]
    key = desk.settings.xendit_secret_key
    invoice = {
        "external_id": str(await shop.payment_id(order)),
        "amount": 2500,
        "currency": "IDR",
        "invoice_duration": 600,
    }
    async with httpx.AsyncClient(base_url=addresses.simulator_url, auth=(key, "")) as http:
        second = (await http.post("/xendit/v2/invoices", json=invoice)).json()["id"]
        fault = {"fault": "decline", "times": 1}
        await http.post("/simulator/faults/xendit", json=fault)
    xendit.settle(desk, second, paid=True)
    async with asyncio.timeout(30):
        while await shop.value(SECOND_CHARGE, order) != "failed":
            await asyncio.sleep(0.02)
    await shop.quiet(order)
    path = f"/v1/payments?needs_attention=true&order_id={order}"
    assert len((await client.get(path, headers=staff)).json()["items"]) == 1
    shop.simulator.app.state.dashboard.refund("xendit", second)
    await shop.until(order, "action_required", "captured", "second_charge_returned")
    assert await shop.value(SECOND_CHARGE, order) == "succeeded"
    assert (await client.get(path, headers=staff)).json()["items"] == []


async def test_money_given_back_without_the_provider_is_booked_and_not_asked_of_it(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    """A card that was closed: the customer gets it by bank transfer."""
    order: UUID = await shop.order()
    await shop.until(order, "captured")
    desk, reference = shop.desks["stripe"], await shop.reference(order)
    desk.faults.order("stripe", Fault.DECLINE, times=1, seconds=None)
    refunds = f"/v1/payments/{await shop.payment_id(order)}/refunds"
    attention = f"/v1/payments?needs_attention=true&order_id={order}"

    async def refund(amount: int, **how: object) -> httpx.Response:
        body = {"amount": {"amount": amount, "currency": "USD"}, "reason": "damaged", **how}
        headers = {**staff, "Idempotency-Key": f"{order}-{amount}-{how}"}
        return await client.post(refunds, json=body, headers=headers)

    assert (await refund(500)).status_code == 201
    await shop.until(order, "captured", "refund_failed")
    assert len((await client.get(attention, headers=staff)).json()["items"]) == 1
    assert (await refund(2000, elsewhere=True)).json()["code"] == "refund_refused"
    for _ in range(2):
        made = await refund(500, elsewhere=True)
        assert (made.status_code, made.json()["status"]) == (201, "succeeded")
    await shop.until(order, "captured", "refund_failed", "refunded")
    _, told = (await shop.events(order))[-1]
    assert (told["refund_id"], told["total_refunded"]["amount"]) == (made.json()["id"], 500)
    assert (await client.get(attention, headers=staff)).json()["items"] == []
    shown = (await client.get(f"/v1/refunds?order_id={order}", headers=staff)).json()["items"]
    assert [each["elsewhere"] for each in shown] == [True, False]
    at_stripe = [r["status"] for r in desk.refunds.values() if r["payment_intent"] == reference]
    assert at_stripe == ["failed"]


SECOND_CHARGE = """
    SELECT duplicate_charges.status FROM duplicate_charges
    JOIN payments ON payments.id = payment_id WHERE order_id = :id
"""
