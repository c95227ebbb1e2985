"""Which payments a person has to look at."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from payment_simulator import xendit
from shop_payment import service
from shop_payment.domain import RefundAnswered, RefundStatus
from shop_shared.stores.postgres import transaction
from shop_shared.testing import Signer

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]


async def captured(shop: Shop) -> UUID:
    order = await shop.order()
    await shop.until(order, "captured")
    return UUID(str(await shop.payment_id(order)))


async def change(shop: Shop, statement: str, payment: UUID) -> None:
    async with transaction(shop.engine) as connection:
        await connection.execute(sa.text(statement), {"id": payment})


async def test_a_wrong_amount_a_failed_refund_and_no_answer_need_a_person(
    shop: Shop, client: httpx.AsyncClient, signer: Signer, staff: dict[str, str]
) -> None:
    wrong, refused, returned, twice, silent, waits, fine = [await captured(shop) for _ in range(7)]
    await change(
        shop,
        "UPDATE payments SET status = 'failed', failure_reason = 'amount_mismatch', "
        "failure_message = 'another' WHERE id = :id",
        wrong,
    )
    for payment in (refused, returned):
        await change(
            shop,
            "INSERT INTO refunds (id, payment_id, amount, reason, status, automatic) "
            "VALUES (gen_random_uuid(), :id, 5, 'damaged', 'failed', false)",
            payment,
        )
    await change(shop, "UPDATE payments SET status = 'refunded' WHERE id = :id", returned)
    await change(
        shop,
        "INSERT INTO duplicate_charges (id, payment_id, reference, amount, currency, status) "
        "VALUES (gen_random_uuid(), :id, 'pi_2', 1999, 'USD', 'failed')",
        twice,
    )
    for payment, minutes in ((silent, 16), (waits, 14)):
        await change(
            shop,
            "UPDATE payments SET status = 'refunding', "
            f"updated_at = now() - interval '{minutes} minutes' WHERE id = :id",
            payment,
        )
    customer = signer.headers(shop.customer)
    path = "/v1/payments?needs_attention=true"
    found = (await client.get(f"{path}&customer_id={shop.customer}", headers=staff)).json()
    ids = [each["id"] for each in found["items"]]
    assert ids == sorted(map(str, (wrong, refused, twice, silent)), reverse=True)
    first = (await client.get(f"{path}&limit=1&customer_id={shop.customer}", headers=staff)).json()
    assert [each["id"] for each in first["items"]] == ids[:1]
    assert first["next_cursor"]
    assert (await client.get(path, headers=signer.headers(uuid4()))).json()["items"] == []
    own = (await client.get("/v1/payments", headers=customer)).json()["items"]
    assert {str(waits), str(fine), str(returned)} < {each["id"] for each in own}


@pytest.mark.parametrize(
    ("refunds", "is_listed"),
    [
        ([("return", "failed")], True),
        ([("return", "failed"), ("by hand", "succeeded")], False),
        ([("goodwill", "succeeded"), ("return", "failed")], True),
        ([("return", "failed"), ("return", "failed"), ("by hand", "succeeded")], True),
        ([("return", "failed"), ("return", "failed"), *[("by hand", "succeeded")] * 2], False),
        ([*[("damaged", "failed")] * 3, ("damaged", "succeeded")], False),
        ([("return", "failed"), ("by hand", "pending")], True),
        ([("return", "failed"), ("return", "succeeded")], True),
    ],
    ids=lambda case: "+".join(" ".join(each) for each in case) if isinstance(case, list) else None,
)
async def test_a_failed_refund_needs_nobody_once_its_amount_is_back(
    shop: Shop,
    client: httpx.AsyncClient,
    staff: dict[str, str],
    refunds: list[tuple[str, str]],
    is_listed: bool,  # noqa: FBT001 - a case's
) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    payment = UUID(str(await shop.payment_id(order)))
    for reason, status in refunds:
        await change(
            shop,
            "INSERT INTO refunds (id, payment_id, amount, reason, status, automatic) "
            f"VALUES (gen_random_uuid(), :id, 500, '{reason}', '{status}', false)",
            payment,
        )
    await change(shop, "UPDATE payments SET status = 'partially_refunded' WHERE id = :id", payment)
    path = f"/v1/payments?needs_attention=true&order_id={order}"
    assert bool((await client.get(path, headers=staff)).json()["items"]) is is_listed


async def test_another_amount_paid_for_a_closed_order_needs_a_person(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    order = await shop.order("xendit", "invoice", amount=250_000, currency="IDR", token=None)
    await shop.until(order, "action_required")
    await shop.cancel(order)
    await shop.quiet(order)
    desk = shop.desks["xendit"]
    invoice = desk.charges[await shop.reference(order)]
    invoice |= {"status": "PAID", "paid_amount": 2600}
    desk.webhooks.send(xendit.signed(desk, invoice))
    await shop.quiet(order)
    path = f"/v1/payments?needs_attention=true&order_id={order}"
    [found] = (await client.get(path, headers=staff)).json()["items"]
    assert (found["status"], found["failure"]["reason"]) == ("cancelled", "amount_mismatch")
    assert await shop.said(order) == ["action_required"]
    settle = f"/v1/payments/{found['id']}/settle"
    for charge, is_listed in ((invoice, False), (await _another(shop, invoice), True)):
        await client.post(settle, headers=staff)
        desk.webhooks.send(xendit.signed(desk, charge))
        await shop.quiet(order)
        listed = (await client.get(path, headers=staff)).json()["items"]
        assert bool(listed) is is_listed, "a person has looked at the first, not at the second"


async def _another(shop: Shop, invoice: dict[str, Any]) -> dict[str, Any]:
    """Make a second invoice for the same payment, paid with the wrong amount too."""
    charges = shop.desks["xendit"].charges
    second: dict[str, Any] = invoice | {"id": uuid4().hex, "paid_amount": 2700}
    charges[second["id"]] = second
    return second


async def test_another_amount_that_staff_have_sorted_out_needs_nobody_any_more(
    shop: Shop, client: httpx.AsyncClient, signer: Signer, staff: dict[str, str]
) -> None:
    wrong, fine = [await captured(shop) for _ in range(2)]
    await change(
        shop,
        "UPDATE payments SET status = 'failed', failure_reason = 'amount_mismatch', "
        "failure_message = 'another' WHERE id = :id",
        wrong,
    )
    path = f"/v1/payments/{wrong}/settle"
    refused = await client.post(path, headers=signer.headers(shop.customer))
    assert refused.status_code == 403
    settled = await client.post(path, headers=staff)
    assert settled.status_code == 200
    assert settled.json()["settled_at"]
    again = await client.post(path, headers=staff)
    assert again.json()["settled_at"] == settled.json()["settled_at"]
    asked = "/v1/payments?needs_attention=true&limit=100"
    waiting = (await client.get(asked, headers=staff)).json()["items"]
    assert str(wrong) not in {each["id"] for each in waiting}
    nothing = await client.post(f"/v1/payments/{fine}/settle", headers=staff)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_settle")


async def test_a_refund_that_came_back_needs_a_person_whatever_was_given_back_before(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    path = f"/v1/payments/{await shop.payment_id(order)}/refunds"
    body = {"amount": {"amount": 500, "currency": "USD"}, "reason": "goodwill", "elsewhere": True}
    given = [
        await client.post(path, json=body, headers=staff | {"Idempotency-Key": uuid4().hex})
        for _ in range(2)
    ]
    listed = f"/v1/payments?needs_attention=true&order_id={order}"
    assert (await client.get(listed, headers=staff)).json()["items"] == []
    first = UUID(given[0].json()["id"])
    failed = RefundAnswered(refund_id=first, status=RefundStatus.FAILED)
    async with transaction(shop.engine) as connection:
        await service.handle_event(connection, await shop.payment_id(order), failed)
    assert (await client.get(listed, headers=staff)).json()["items"]
    again = await client.post(path, json=body, headers=staff | {"Idempotency-Key": uuid4().hex})
    assert again.status_code in {200, 201, 202}
    assert (await client.get(listed, headers=staff)).json()["items"] == []
