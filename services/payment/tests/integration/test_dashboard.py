"""What happens at the provider without us: refunds, disputes, second charges."""

from __future__ import annotations

import asyncio
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from prometheus_client import REGISTRY

from payment_simulator import midtrans, paypal, stripe, xendit
from payment_simulator.faults import Fault

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]
PROVIDERS = ["stripe", "paypal", "xendit", "midtrans"]
WAYS = {
    "stripe": ("card", "USD"),
    "paypal": ("paypal", "USD"),
    "xendit": ("invoice", "IDR"),
    "midtrans": ("gopay", "IDR"),
}


def alerts(kind: str) -> float:
    return REGISTRY.get_sample_value("payment_alerts_total", {"kind": kind}) or 0.0


async def paid(shop: Shop, provider: str, fault: Fault = Fault.NONE) -> tuple[UUID, list[str]]:
    """An order that its customer has paid, and what was said of it, once that is known."""
    method, currency = WAYS[provider]
    order: UUID = await shop.order(provider, method, amount=250_000, currency=currency, token=None)
    await shop.until(order, "action_required")
    desk, reference = shop.desks[provider], await shop.reference(order)
    desk.faults_of[reference] = fault
    if provider == "stripe":
        stripe.settle(desk, reference, paid=True)
    elif provider == "paypal":
        paypal.settle(desk, shop.simulator.app.state.signer, reference, paid=True)
    elif provider == "xendit":
        xendit.settle(desk, reference, paid=True)
    else:
        midtrans.settle(desk, reference, paid=True)
    said = ["action_required", "captured"]
    if fault is not Fault.NO_WEBHOOK:
        await shop.until(order, *said)
    return order, said


@pytest.mark.parametrize(
    ("provider", "fault"),
    [
        *product(PROVIDERS, [Fault.NONE]),
        # Told before the payment: PayPal's is captured by us, so known.
        *product(["stripe", "xendit", "midtrans"], [Fault.NO_WEBHOOK]),
    ],
)
async def test_a_refund_made_on_the_dashboard_is_booked_once(
    shop: Shop, provider: str, fault: Fault
) -> None:
    order, said = await paid(shop, provider, fault)
    shop.simulator.app.state.dashboard.refund(provider, await shop.reference(order))
    await shop.until(order, *said, "refunded")
    assert await shop.status(order) == "refunded"
    _, refunded = (await shop.events(order))[-1]
    assert refunded["full"]
    assert refunded["total_refunded"]["amount"] == 250_000
    reason = """
        SELECT reason FROM refunds JOIN payments ON payments.id = payment_id WHERE order_id = :id
    """
    assert await shop.value(reason, order) == "provider_dashboard"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_dispute_calls_a_person(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str], provider: str
) -> None:
    order, said = await paid(shop, provider)
    before = alerts("dispute")
    url = f"/v1/payments/{await shop.payment_id(order)}"
    assert (await client.get(url, headers=staff)).json()["disputed_at"] is None
    shop.simulator.app.state.dashboard.dispute(provider, await shop.reference(order))
    await shop.until(order, *said)
    assert alerts("dispute") == before + 1
    assert await shop.status(order) == "captured"
    assert (await client.get(url, headers=staff)).json()["disputed_at"] is not None


@pytest.mark.parametrize("first", ["another shop's", "ours"])
async def test_a_dispute_of_several_transactions_calls_a_person(shop: Shop, first: str) -> None:
    order, said = await paid(shop, "paypal")
    ours = {"seller_transaction_id": "C1", "custom": str(await shop.payment_id(order))}
    others = {"seller_transaction_id": "C2", "custom": str(uuid4())}
    named = [ours, others] if first == "ours" else [others, ours]
    before = alerts("dispute")
    desk, signer = shop.desks["paypal"], shop.simulator.app.state.signer
    resource = {"dispute_id": "PP-D-1", "disputed_transactions": named}
    desk.webhooks.send(paypal.signed(desk, signer, "CUSTOMER.DISPUTE.CREATED", resource))
    await shop.until(order, *said)
    assert alerts("dispute") == before + 1


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_our_own_refund_is_not_booked_twice(shop: Shop, provider: str) -> None:
    order, said = await paid(shop, provider)
    await shop.cancel(order)
    await shop.until(order, *said, "refunded")
    count = """
        SELECT count(*) FROM refunds JOIN payments ON payments.id = payment_id WHERE order_id = :id
    """
    assert await shop.value(count, order) == 1


@pytest.mark.parametrize("by", ["us", "dashboard"])
async def test_a_refund_that_comes_back_after_it_succeeded_calls_a_person(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str], by: str
) -> None:
    """Weeks later, when the payer's bank could not credit it."""
    order, said = await paid(shop, "stripe")
    reference = await shop.reference(order)
    if by == "us":
        await shop.cancel(order)
    else:
        shop.simulator.app.state.dashboard.refund("stripe", reference)
    await shop.until(order, *said, "refunded")
    before = alerts("refund_failed")
    desk = shop.desks["stripe"]
    [refund] = [r for r in desk.refunds.values() if r["payment_intent"] == reference]
    refund["status"] = "failed"
    for _ in range(2):
        stripe.send(desk, "refund.failed", refund)
    await shop.until(order, *said, "refunded", "refund_failed")
    assert alerts("refund_failed") == before + 1
    _, failed = (await shop.events(order))[-1]
    assert (failed["amount"]["amount"], failed["total_refunded"]["amount"]) == (250_000, 0)
    # What the customer does not have is in no sum of what went back, and staff find it.
    assert await shop.status(order) == "captured"
    wanted = {"needs_attention": "true", "order_id": str(order)}
    found = (await client.get("/v1/payments", params=wanted, headers=staff)).json()
    [payment] = found["items"]
    assert payment["refunded"]["amount"] == 0
    assert [each["status"] for each in payment["refunds"]] == ["failed"]


@pytest.mark.parametrize("provider", ["midtrans", "paypal"])
async def test_a_charge_that_is_voided_after_it_was_paid_calls_a_person(
    shop: Shop, provider: str
) -> None:
    order, said = await paid(shop, provider)
    before = alerts("dispute")
    desk = shop.desks[provider]
    if provider == "midtrans":
        transaction = midtrans.find(desk, await shop.reference(order))
        transaction |= {"transaction_status": "cancel", "status_code": "200"}
        midtrans.notify(desk, transaction)
    else:
        unit = desk.charges[await shop.reference(order)]["purchase_units"][0]
        [capture] = unit["payments"]["captures"]
        capture["status"] = "DECLINED"
        resource = capture | {"custom_id": unit["custom_id"]}
        signer = shop.simulator.app.state.signer
        desk.webhooks.send(paypal.signed(desk, signer, "PAYMENT.CAPTURE.DENIED", resource))
    await shop.until(order, *said)
    assert alerts("dispute") == before + 1
    assert await shop.status(order) == "captured"


async def test_an_attempt_that_failed_before_is_no_reason_to_call_a_person(shop: Shop) -> None:
    """Its webhook comes late: the provider, asked, says that it is paid."""
    order, said = await paid(shop, "stripe")
    before = alerts("dispute")
    desk = shop.desks["stripe"]
    intent = desk.charges[await shop.reference(order)]
    stripe.send(desk, "payment_intent.payment_failed", intent | {"status": "failed"})
    await shop.until(order, *said)
    assert alerts("dispute") == before


async def test_a_second_invoice_that_is_paid_is_alerted_and_refunded(
    shop: Shop, addresses: Any, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    order, said = await paid(shop, "xendit")
    first = await shop.reference(order)
    before = alerts("double_capture")
    desk = shop.desks["xendit"]
    key = desk.settings.xendit_secret_key
    async with httpx.AsyncClient(base_url=addresses.simulator_url, auth=(key, "")) as http:
        invoice = {
            "external_id": str(await shop.payment_id(order)),
            "amount": 2500,
            "currency": "IDR",
            "invoice_duration": 600,
        }
        second = (await http.post("/xendit/v2/invoices", json=invoice)).json()["id"]
    xendit.settle(desk, second, paid=True)
    await shop.until(order, *said, "second_charge_returned")
    assert alerts("double_capture") == before + 1
    assert [
        r["invoice_id"] for r in desk.refunds.values() if r["invoice_id"] in {first, second}
    ] == [second]
    settled = """
        SELECT duplicate_charges.status FROM duplicate_charges
        JOIN payments ON payments.id = payment_id WHERE order_id = :id
    """
    async with asyncio.timeout(30):
        while await shop.value(settled, order) != "succeeded":
            await asyncio.sleep(0.02)
    disputes = alerts("dispute")
    shop.simulator.app.state.dashboard.dispute("xendit", second)
    async with asyncio.timeout(30):
        while alerts("dispute") == disputes:
            await asyncio.sleep(0.02)
    assert await shop.status(order) == "captured"
    wanted = {"order_id": str(order)}
    [shown] = (await client.get("/v1/payments", params=wanted, headers=staff)).json()["items"]
    money = {"amount": 250_000, "currency": "IDR"}
    charge = {"reference": second, "amount": money, "status": "succeeded"}
    assert (shown["second_charges"], shown["refunded"]["amount"]) == ([charge], 0)
    failed = alerts("refund_failed")
    [refund] = [r for r in desk.refunds.values() if r["invoice_id"] == second]
    refund["status"] = "FAILED"
    desk.webhooks.send(xendit.signed(desk, {"event": "refund.failed", "data": refund}))
    await shop.until(order, *said, "second_charge_returned")
    assert alerts("refund_failed") == failed + 1
    assert await shop.value(settled, order) == "failed"
