"""Another way to pay after a decline: charged once in all, whatever comes late."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from payment_simulator import stripe, xendit
from shop_shared.ids import uuid7
from shop_shared.stores.postgres import transaction
from shop_shared.testing import Signer

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Stripe's SDK hands httpx its form as httpx no longer likes it.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

ATTEMPTS = sa.text("""
    SELECT id, attempt, status, superseded_order_id IS NOT NULL AS superseded, reference,
           captured, provider
      FROM payments WHERE order_id = :id OR superseded_order_id = :id ORDER BY attempt
""")


async def attempts(shop: Shop, order: UUID) -> list[Any]:
    async with shop.engine.connect() as connection:
        return list(await connection.execute(ATTEMPTS, {"id": order}))


async def declined(shop: Shop) -> UUID:
    order: UUID = await shop.order(token="pm_card_chargeDeclined")
    await shop.until(order, "failed")
    return order


async def test_a_failed_payment_says_how_long_another_way_may_be_tried(shop: Shop) -> None:
    order = await declined(shop)
    ((_, failed),) = await shop.events(order)
    assert (failed["attempt"], failed["reason"]) == (1, "declined")
    assert datetime.fromisoformat(failed["retry_until"]) > datetime.now(UTC)


@pytest.mark.parametrize(
    ("provider", "method", "says"),
    [("stripe", "card", ["captured"]), ("paypal", "paypal", ["action_required"])],
)
async def test_another_way_takes_the_money(
    shop: Shop, provider: str, method: str, says: list[str]
) -> None:
    order = await declined(shop)
    await shop.retry(order, provider, method)
    await shop.until(order, "failed", *says)
    first, second = await attempts(shop, order)
    assert (first.status, first.superseded) == ("failed", True)
    assert (second.attempt, second.provider, second.superseded) == (2, provider, False)
    assert shop.desks["stripe"].charges[first.reference]["status"] == "canceled"


async def test_two_retries_at_once_charge_once(shop: Shop) -> None:
    order = await declined(shop)
    await asyncio.gather(*(shop.retry(order) for _ in range(5)))
    await shop.until(order, "failed", "captured")
    assert len(await attempts(shop, order)) == 2
    await shop.retry(order)
    await shop.retry(order, attempt=3)
    await shop.quiet(order)
    assert len(await attempts(shop, order)) == 2, "it is paid"


async def test_ways_fail_until_one_pays(shop: Shop) -> None:
    order = await declined(shop)
    await shop.retry(order, token="pm_card_chargeDeclined")
    await shop.until(order, "failed", "failed")
    assert [event["attempt"] for _, event in await shop.events(order)] == [1, 2]
    await shop.retry(order, attempt=3)
    await shop.until(order, "failed", "failed", "captured")
    assert [row.superseded for row in await attempts(shop, order)] == [True, True, False]


async def test_an_invoice_paid_after_another_way_took_the_money_is_returned(shop: Shop) -> None:
    order = await shop.order("xendit", "invoice", amount=25_000_000, currency="IDR", token=None)
    await shop.until(order, "action_required")
    invoice = await shop.reference(order)
    xendit.settle(shop.desks["xendit"], invoice, paid=False)
    await shop.until(order, "action_required", "failed")
    await shop.retry(order, currency="IDR")
    await shop.until(order, "action_required", "failed", "captured")
    charge = shop.desks["xendit"].charges[invoice]
    charge["status"] = "PENDING"  # the bank's transfer was on its way all the time
    xendit.settle(shop.desks["xendit"], invoice, paid=True)
    await shop.until(order, "action_required", "failed", "captured", "second_charge_returned")
    first, second = await attempts(shop, order)
    assert (first.status, second.status) == ("refunded", "captured")
    _, returned = (await shop.events(order))[-1]
    assert returned["amount"] == {"amount": 25_000_000, "currency": "IDR"}
    assert returned["payment_id"] == str(first.id)


async def test_a_declined_card_that_is_confirmed_before_another_way_is_chosen_pays(
    shop: Shop,
) -> None:
    order = await declined(shop)
    reference = await shop.reference(order)
    await _confirm_late(shop, reference)
    await shop.until(order, "failed", "captured")
    await shop.retry(order)
    await shop.quiet(order)
    assert await shop.said(order) == ["failed", "captured"]
    assert [row.status for row in await attempts(shop, order)] == ["captured"]


async def test_an_order_cancelled_while_another_way_is_charged_keeps_nothing(shop: Shop) -> None:
    order = await declined(shop)
    await asyncio.gather(shop.retry(order), shop.cancel(order))
    await shop.quiet(order)
    said = await shop.said(order)
    # Either the cancellation came first, and nothing was charged, or the money went back.
    assert said in (["failed"], ["failed", "captured", "refunded"]), said
    async with shop.engine.connect() as connection:
        kept = await connection.scalar(
            sa.text("""
                SELECT coalesce(sum(captured), 0) - coalesce((
                    SELECT sum(r.amount) FROM refunds r JOIN payments p ON p.id = r.payment_id
                     WHERE :id IN (p.order_id, p.superseded_order_id)
                       AND r.status = 'succeeded'), 0)
                  FROM payments WHERE :id IN (order_id, superseded_order_id)
            """),
            {"id": order},
        )
    assert kept == 0


async def test_every_attempt_is_listed_newest_first(
    shop: Shop, client: httpx.AsyncClient, signer: Signer
) -> None:
    order = await declined(shop)
    await shop.retry(order)
    await shop.until(order, "failed", "captured")
    listed = await client.get(
        "/v1/payments", params={"order_id": str(order)}, headers=signer.headers(shop.customer)
    )
    assert [(p["attempt"], p["superseded"], p["status"]) for p in listed.json()["items"]] == [
        (2, False, "captured"),
        (1, True, "failed"),
    ]
    assert {p["order_id"] for p in listed.json()["items"]} == {str(order)}


async def _confirm_late(shop: Shop, reference: str) -> None:
    """Let the customer confirm a declined intent with another card of theirs."""
    desk = shop.desks["stripe"]
    desk.charges[reference]["status"] = "requires_action"
    stripe.settle(desk, reference, paid=True)
    await shop.webhooks.idle()


async def test_the_version_before_may_go_on_beside_attempts(shop: Shop) -> None:
    """It inserts with ON CONFLICT (order_id), and knows of one payment an order."""
    order = await declined(shop)
    await shop.retry(order)
    await shop.until(order, "failed", "captured")
    insert = sa.text("""
        INSERT INTO payments (id, order_id, status) VALUES (:id, :order, 'waiting')
        ON CONFLICT (order_id) DO NOTHING
    """)
    async with transaction(shop.engine) as connection:
        again = await connection.execute(insert, {"id": uuid7(), "order": order})
        new = await connection.execute(insert, {"id": uuid7(), "order": uuid7()})
    assert (again.rowcount, new.rowcount) == (0, 1)
