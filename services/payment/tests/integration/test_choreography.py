"""From order.placed to the money, with each provider, as the simulator answers over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from payment_simulator import midtrans, paypal, stripe, xendit
from payment_simulator.faults import Fault
from shop_payment import reconciler
from shop_shared.stores.postgres import transaction

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Stripe's SDK hands httpx its form as httpx no longer likes it.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

WAYS = [
    ("paypal", "paypal", "USD"),
    ("xendit", "invoice", "IDR"),
    ("midtrans", "gopay", "IDR"),
    ("midtrans", "bank_transfer", "IDR"),
]


def settle(shop: Shop, provider: str, reference: str, *, paid: bool) -> None:
    desk = shop.desks[provider]
    acts: dict[str, Callable[[], None]] = {
        "stripe": lambda: stripe.settle(desk, reference, paid=paid),
        "paypal": lambda: paypal.settle(
            desk, shop.simulator.app.state.signer, reference, paid=paid
        ),
        "xendit": lambda: xendit.settle(desk, reference, paid=paid),
        "midtrans": lambda: midtrans.settle(desk, reference, paid=paid),
    }
    acts[provider]()


async def test_a_card_is_charged_at_once_and_its_webhook_changes_nothing(shop: Shop) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    (charge,) = await shop.charges("stripe", order)
    assert charge["amount_received"] == 1999
    ((_, captured),) = await shop.events(order)
    assert captured["amount"] == {"amount": 1999, "currency": "USD"}


@pytest.mark.parametrize(("provider", "currency"), [("stripe", "USD"), ("midtrans", "IDR")])
async def test_no_card_is_charged_once_the_time_to_pay_is_over(
    shop: Shop, provider: str, currency: str
) -> None:
    """After an outage the reservation may be heard of before the order's end."""
    order = await shop.order(
        provider, "card", amount=250_000, currency=currency, time_to_pay=timedelta(seconds=-1)
    )
    await shop.until(order, "failed")
    ((_, failed),) = await shop.events(order)
    assert (failed["reason"], failed["retry_until"]) == ("expired", None)
    assert await shop.charges(provider, order) == []


async def test_what_is_approved_once_the_time_to_pay_is_over_is_not_captured(shop: Shop) -> None:
    order = await shop.order("paypal", "paypal", token=None)
    await shop.until(order, "action_required")
    async with transaction(shop.engine) as connection:
        await connection.execute(
            sa.text("UPDATE payments SET pay_until = now() WHERE order_id = :id"), {"id": order}
        )
    settle(shop, "paypal", await shop.reference(order), paid=True)
    await shop.until(order, "action_required", "failed")
    assert (await shop.events(order))[-1][1]["reason"] == "expired"
    [charge] = await shop.charges("paypal", order)
    assert charge["status"] == "APPROVED"


async def test_midtrans_takes_a_card_at_once_in_whole_rupiah(shop: Shop) -> None:
    order = await shop.order("midtrans", "card", amount=14_500_000, currency="IDR", token="t")
    await shop.until(order, "captured")
    (charge,) = await shop.charges("midtrans", order)
    assert charge["gross_amount"] == "145000.00"


@pytest.mark.parametrize(
    ("provider", "method", "currency", "amount"),
    [
        ("stripe", "card", "USD", 1),
        ("xendit", "invoice", "PHP", 20_000_001),
        ("midtrans", "qris", "IDR", 1_000_000_001),
    ],
)
async def test_a_refusal_is_told_without_what_the_provider_answered(
    shop: Shop, provider: str, method: str, currency: str, amount: int
) -> None:
    order = await shop.order(provider, method, amount=amount, currency=currency)
    await shop.until(order, "failed")
    ((_, failed),) = await shop.events(order)
    assert (failed["reason"], failed["message"]) == (
        "provider_error",
        "the payment provider refused it",
    )


@pytest.mark.parametrize(
    ("provider", "method", "currency"), [("stripe", "card", "USD"), *WAYS], ids=str
)
async def test_the_payer_and_every_event_read_the_orders_number(
    shop: Shop, provider: str, method: str, currency: str
) -> None:
    order = await shop.order(provider, method, amount=250_000, currency=currency, token=None)
    await shop.until(order, "action_required")
    (charge,) = await shop.charges(provider, order)
    assert "MS-7K3Q-9F25" in str(charge)
    ((_, asked),) = await shop.events(order)
    assert asked["order_number"] == "MS-7K3Q-9F25"


@pytest.mark.parametrize("token", ["pm_card_visa_chargeDeclined", "pm_card_chargeDeclined"])
async def test_a_declined_card_fails_the_payment(shop: Shop, token: str) -> None:
    order = await shop.order(token=token)
    await shop.until(order, "failed")
    ((_, failed),) = await shop.events(order)
    assert failed["reason"] == "declined"


async def test_a_card_that_wants_authentication_waits_for_the_customer(shop: Shop) -> None:
    order = await shop.order(token="pm_card_authenticationRequired")
    await shop.until(order, "action_required")
    settle(shop, "stripe", await shop.reference(order), paid=True)
    await shop.until(order, "action_required", "captured")


async def test_a_card_without_a_token_is_confirmed_by_the_customer(shop: Shop) -> None:
    order = await shop.order(token=None)
    await shop.until(order, "action_required")
    ((_, asked),) = await shop.events(order)
    assert asked["action"]["client_secret"].startswith("pi_")
    settle(shop, "stripe", await shop.reference(order), paid=True)
    await shop.until(order, "action_required", "captured")


@pytest.mark.parametrize(("provider", "method", "currency"), WAYS)
async def test_the_customer_pays_elsewhere(
    shop: Shop, provider: str, method: str, currency: str
) -> None:
    order = await shop.order(provider, method, amount=250_000, currency=currency, token=None)
    await shop.until(order, "action_required")
    settle(shop, provider, await shop.reference(order), paid=True)
    await shop.until(order, "action_required", "captured")
    assert len(await shop.charges(provider, order)) == 1


@pytest.mark.parametrize(("provider", "method", "currency"), WAYS)
async def test_the_customer_does_not_pay(
    shop: Shop, provider: str, method: str, currency: str
) -> None:
    order = await shop.order(provider, method, amount=250_000, currency=currency, token=None)
    await shop.until(order, "action_required")
    settle(shop, provider, await shop.reference(order), paid=False)
    await shop.until(order, "action_required", "failed")


@pytest.mark.parametrize(("provider", "method", "currency"), WAYS)
async def test_an_order_cancelled_before_payment_is_closed_at_the_provider(
    shop: Shop, provider: str, method: str, currency: str
) -> None:
    order = await shop.order(provider, method, amount=250_000, currency=currency, token=None)
    await shop.until(order, "action_required")
    await shop.cancel(order)
    await shop.quiet(order)
    settle(shop, provider, await shop.reference(order), paid=True)
    await shop.until(order, "action_required")
    assert await shop.status(order) == "cancelled"
    (charge,) = await shop.charges(provider, order)
    assert charge.get("status", charge.get("transaction_status")) not in {"PAID", "COMPLETED"}


@pytest.mark.parametrize(
    ("provider", "method", "currency"),
    [("stripe", "card", "USD"), ("midtrans", "card", "IDR")],
)
async def test_an_order_cancelled_after_payment_is_refunded_once(
    shop: Shop, provider: str, method: str, currency: str
) -> None:
    order = await shop.order(provider, method, amount=250_000, currency=currency)
    await shop.until(order, "captured")
    await asyncio.gather(*(shop.cancel(order) for _ in range(3)))
    await shop.until(order, "captured", "refunded")
    _, refunded = (await shop.events(order))[-1]
    assert refunded["full"]
    assert refunded["total_refunded"] == {"amount": 250_000, "currency": currency}


async def test_money_that_wins_the_race_against_the_cancellation_goes_back(shop: Shop) -> None:
    shop.desks["xendit"].faults.order("xendit", Fault.NO_WEBHOOK, times=1, seconds=None)
    order = await shop.order("xendit", "invoice", amount=250_000, currency="IDR", token=None)
    await shop.until(order, "action_required")
    settle(shop, "xendit", await shop.reference(order), paid=True)
    await shop.cancel(order)
    await shop.until(order, "action_required", "captured", "refunded")
    assert await shop.status(order) == "refunded"


async def test_a_time_out_after_charging_is_not_charged_again(shop: Shop) -> None:
    order = await shop.order(token="pm_card_timeoutAfterCharge")
    await shop.until(order, "captured")
    assert len(await shop.charges("stripe", order)) == 1


@pytest.mark.parametrize(("provider", "method", "currency"), WAYS)
@pytest.mark.parametrize("fault", [Fault.ERROR_AFTER_CHARGING, Fault.ERROR])
async def test_an_error_of_the_provider_leaves_one_charge(
    shop: Shop, provider: str, method: str, currency: str, fault: Fault
) -> None:
    shop.desks[provider].faults.order(provider, fault, times=1, seconds=None)
    order = await shop.order(provider, method, amount=250_000, currency=currency, token=None)
    await shop.until(order, "action_required")
    assert len(await shop.charges(provider, order)) == 1


@pytest.mark.parametrize("fault", [Fault.DUPLICATE_WEBHOOKS, Fault.REORDERED_WEBHOOKS])
async def test_webhooks_repeated_or_out_of_order_change_nothing(shop: Shop, fault: Fault) -> None:
    shop.desks["paypal"].faults.order("paypal", fault, times=1, seconds=None)
    order = await shop.order("paypal", "paypal", token=None)
    await shop.until(order, "action_required")
    settle(shop, "paypal", await shop.reference(order), paid=True)
    await shop.until(order, "action_required", "captured")


async def test_a_webhook_that_never_comes_is_made_up_for(shop: Shop) -> None:
    order = await shop.order("xendit", "invoice", amount=400_600, currency="IDR", token=None)
    await shop.until(order, "action_required")
    settle(shop, "xendit", await shop.reference(order), paid=True)
    await shop.until(order, "action_required")
    async with transaction(shop.engine) as connection:
        assert await reconciler.reconcile(connection, silent_for=timedelta(0)) >= 1
    await shop.until(order, "action_required", "captured")


@pytest.mark.parametrize(
    ("provider", "method", "amount", "currency", "before"),
    [
        ("stripe", "card", 4008, "USD", []),
        ("paypal", "paypal", 4008, "USD", ["action_required"]),
        ("xendit", "invoice", 400_800, "IDR", ["action_required"]),
        ("midtrans", "gopay", 400_800, "IDR", ["action_required"]),
    ],
)
async def test_another_amount_is_refused(  # noqa: PLR0913, PLR0917 - parameters of a case
    shop: Shop, provider: str, method: str, amount: int, currency: str, before: list[str]
) -> None:
    order = await shop.order(provider, method, amount=amount, currency=currency)
    if before:
        await shop.until(order, *before)
        settle(shop, provider, await shop.reference(order), paid=True)
    await shop.until(order, *before, "failed")
    _, failed = (await shop.events(order))[-1]
    assert failed["reason"] == "amount_mismatch"
    assert await shop.value("SELECT captured FROM payments WHERE order_id = :id", order) == 0


async def test_a_provider_that_hangs_delays_no_other(shop: Shop) -> None:
    shop.desks["paypal"].faults.order("paypal", Fault.HANG, times=1000, seconds=None)
    stuck = [await shop.order("paypal", "paypal", token=None) for _ in range(20)]
    orders = [await shop.order() for _ in range(10)]
    for order in orders:
        await shop.until(order, "captured")
    assert await shop.said(stuck[-1]) == []
    shop.desks["paypal"].faults.clear()
    for order in stuck:
        await shop.until(order, "action_required")
        assert len(await shop.charges("paypal", order)) == 1


async def test_a_method_that_is_not_offered_fails(shop: Shop) -> None:
    order = await shop.order("paypal", "paypal", amount=100_000, currency="IDR")
    await shop.until(order, "failed")
    assert await shop.charges("paypal", order) == []


async def test_an_order_closed_before_its_price_is_known_is_never_charged(shop: Shop) -> None:
    order: UUID = uuid4()
    payment = {"provider": "stripe", "method": "card", "currency": "USD"}
    await shop.hear("order.placed", order, payment=payment)
    await shop.hear("order.expired", order)
    await shop.hear("inventory.reserved", order, total={"amount": 1, "currency": "USD"})
    await shop.until(order)
    assert await shop.charges("stripe", order) == []
