"""A database that was put back to before a charge: the events come again, and charge nobody twice.

What the provider did stays done; a backup of ours knows nothing of it (ADR 90). Xendit is not here:
its invoices know no idempotency key, so it makes a second page, and the customer pays on one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from shop_shared.clock import now
from shop_shared.ids import uuid7
from shop_shared.stores.postgres import transaction

Shop = Any  # conftest.Shop: test modules cannot import it
VISA = "pm_card_visa"

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Stripe's SDK hands httpx its form as httpx no longer likes it.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]


async def put_back(shop: Shop, order: UUID, *, keep: UUID | None = None) -> None:
    """Forget an order's payments, but for one that was the newest, as a backup of before does."""
    found = {"order": order, "key": str(order), "kept": keep}
    mine = "(order_id = :order OR superseded_order_id = :order)"
    lost = f"SELECT id FROM payments WHERE {mine} AND id IS DISTINCT FROM :kept"
    async with transaction(shop.engine) as connection:
        for statement in (
            f"DELETE FROM provider_calls WHERE payment_id IN ({lost})",
            f"DELETE FROM payments WHERE id IN ({lost})",
            "UPDATE payments SET order_id = :order, superseded_order_id = NULL WHERE id = :kept",
            "DELETE FROM outbox WHERE aggregateid = :key AND type NOT LIKE '%failed%'",
        ):
            await connection.execute(sa.text(statement), found)


@pytest.mark.parametrize(
    ("provider", "method", "currency", "said"),
    [
        ("stripe", "card", "USD", "captured"),
        ("midtrans", "card", "IDR", "captured"),
        ("paypal", "paypal", "USD", "action_required"),
    ],
)
async def test_nobody_is_charged_twice(
    shop: Shop, provider: str, method: str, currency: str, said: str
) -> None:
    order = uuid7()
    payment = {"provider": provider, "method": method, "currency": currency, "token": VISA}
    until = now() + timedelta(minutes=15)
    total = {"amount": 250_000, "currency": currency}

    async def hear() -> None:
        await shop.hear("order.placed", order, payment=payment, order_number="MS-7K3Q-9F25")
        await shop.hear("inventory.reserved", order, total=total, reserved_until=until)
        await shop.until(order, said)

    before = shop.desks[provider].created
    await hear()
    reference = await shop.reference(order)
    await put_back(shop, order)
    await hear()
    assert shop.desks[provider].created == before + 1
    assert await shop.reference(order) == reference


@pytest.mark.parametrize(("provider", "currency"), [("stripe", "USD"), ("midtrans", "IDR")])
async def test_what_was_charged_counts_also_when_the_time_to_pay_is_over(
    shop: Shop, provider: str, currency: str
) -> None:
    order = uuid7()
    payment = {"provider": provider, "method": "card", "currency": currency, "token": VISA}
    total = {"amount": 250_000, "currency": currency}
    before = shop.desks[provider].created
    for until in (now() + timedelta(minutes=15), now() - timedelta(minutes=15)):
        await put_back(shop, order)
        await shop.hear("order.placed", order, payment=payment, order_number="MS-7K3Q-9F25")
        await shop.hear("inventory.reserved", order, total=total, reserved_until=until)
        await shop.until(order, "captured")
    assert shop.desks[provider].created == before + 1


async def test_another_way_to_pay_is_charged_once(shop: Shop) -> None:
    order: UUID = await shop.order(token="pm_card_chargeDeclined")
    await shop.until(order, "failed")
    failed = await shop.payment_id(order)
    card = {"provider": "stripe", "method": "card", "currency": "USD", "token": VISA}
    event = shop.event("order.payment_retried", order, attempt=2, payment=card)
    before = shop.desks["stripe"].created
    for _ in range(2):
        await shop.deliver(event)
        await shop.until(order, "failed", "captured")
        assert shop.desks["stripe"].created == before + 1
        await put_back(shop, order, keep=failed)
