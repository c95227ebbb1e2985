"""Who may see and refund what."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa

from payment_simulator import xendit
from shop_payment import reconciler
from shop_shared.stores.postgres import transaction
from shop_shared.testing import Signer

from .signed_webhooks import genuine, post, waiting

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]


async def test_one_sees_ones_own_payments_only(
    shop: Shop, client: httpx.AsyncClient, signer: Signer
) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    payment_id = await shop.payment_id(order)
    own, other = signer.headers(shop.customer), signer.headers(uuid4())
    listed = (await client.get("/v1/payments", headers=own)).json()["items"]
    assert [item["id"] for item in listed] == [str(payment_id)]
    assert listed[0]["captured"] == {"amount": 1999, "currency": "USD"}
    found = await client.get(f"/v1/payments?order_id={order}", headers=own)
    assert len(found.json()["items"]) == 1
    assert (await client.get(f"/v1/payments/{payment_id}", headers=own)).status_code == 200
    assert (await client.get("/v1/payments", headers=other)).json()["items"] == []
    for method, path in (("GET", ""), ("POST", "/refunds")):
        answer = await client.request(
            method,
            f"/v1/payments/{payment_id}{path}",
            headers={**other, "Idempotency-Key": uuid4().hex},
            json={} if method == "POST" else None,
        )
        # To refund is not a customer's right, whosever payment it is.
        assert answer.status_code == (403 if method == "POST" else 404)
        assert (
            await client.request(method, f"/v1/payments/{payment_id}{path}", json={})
        ).status_code == 401


async def test_a_customer_may_not_refund(
    shop: Shop, client: httpx.AsyncClient, signer: Signer
) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    answer = await client.post(
        f"/v1/payments/{await shop.payment_id(order)}/refunds",
        headers={**signer.headers(shop.customer), "Idempotency-Key": uuid4().hex},
        json={},
    )
    assert answer.status_code == 403
    await shop.until(order, "captured")


async def test_partial_refunds_up_to_the_whole_each_once(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    path = f"/v1/payments/{await shop.payment_id(order)}/refunds"
    body = {"amount": {"amount": 999, "currency": "USD"}, "reason": "damaged"}

    async def refund(key: str, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = await client.post(path, headers={**staff, "Idempotency-Key": key}, json=wanted)
        return answer.status_code, answer.json()

    assert (await client.post(path, headers=staff, json=body)).status_code == 400
    answers = await asyncio.gather(*(refund("once", body) for _ in range(20)))
    assert {status for status, _ in answers} <= {201, 409}
    await shop.until(order, "captured", "refunded")
    status, made = await refund("once", body)
    assert (status, made["amount"]["amount"]) == (201, 999)
    for wrong in ({"amount": 1001, "currency": "USD"}, {"amount": 1, "currency": "EUR"}):
        status, problem = await refund(uuid4().hex, {"amount": wrong})
        assert (status, problem["code"]) == (422, "refund_refused")
    assert (await refund("rest", {}))[0] == 201
    await shop.until(order, "captured", "refunded", "refunded")
    (_, part), (_, rest) = (await shop.events(order))[1:]
    assert (part["full"], rest["full"]) == (False, True)
    assert rest["total_refunded"]["amount"] == 1999
    assert (await refund(uuid4().hex, {}))[0] == 422


async def test_a_refund_that_the_provider_refuses_is_told(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    payment_id = await shop.payment_id(order)
    answer = await client.post(
        f"/v1/payments/{payment_id}/refunds",
        headers={**staff, "Idempotency-Key": "no"},
        json={"amount": {"amount": 5, "currency": "USD"}},
    )
    assert answer.status_code == 201
    await shop.until(order, "captured", "refunded")
    shown = (await client.get(f"/v1/payments/{payment_id}", headers=staff)).json()
    assert shown["status"] == "partially_refunded"


@pytest.mark.parametrize(
    ("provider", "method", "token"),
    [("midtrans", "card", "card-token"), ("xendit", "invoice", None)],
)
async def test_a_refund_that_the_provider_cannot_express_is_refused_at_once(  # noqa: PLR0913, PLR0917
    shop: Shop,
    client: httpx.AsyncClient,
    staff: dict[str, str],
    provider: str,
    method: str,
    token: str | None,
) -> None:
    order = await shop.order(provider, method, amount=250_000, currency="IDR", token=token)
    said = ["captured"]
    if provider == "xendit":
        await shop.until(order, "action_required")
        xendit.settle(shop.desks[provider], await shop.reference(order), paid=True)
        said = ["action_required", "captured"]
    await shop.until(order, *said)
    answer = await client.post(
        f"/v1/payments/{await shop.payment_id(order)}/refunds",
        headers={**staff, "Idempotency-Key": uuid4().hex},
        json={"amount": {"amount": 100_050, "currency": "IDR"}},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "refund_refused")
    assert "IDR" in answer.json()["detail"]
    assert await shop.status(order) == "captured"


async def test_ways_to_pay_by_currency(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/v1/payments/methods?currency=IDR")).json()["items"]
    assert {item["provider"] for item in shown} == {"stripe", "xendit", "midtrans"}
    assert (await client.get("/v1/payments/methods?currency=XXX")).status_code == 422


@pytest.mark.parametrize("extra", [{"status": "succeeded"}, {"amount": -1}, {"amount": 1e400}])
async def test_bad_input_changes_nothing(
    shop: Shop, client: httpx.AsyncClient, staff: dict[str, str], extra: dict[str, object]
) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    content = str(extra).replace("'", '"').replace("inf", "1e400")
    answer = await client.post(
        f"/v1/payments/{await shop.payment_id(order)}/refunds",
        headers={**staff, "Idempotency-Key": "x", "content-type": "application/json"},
        content=content,
    )
    assert answer.status_code == 422
    await shop.until(order, "captured")


async def test_the_service_is_ready_and_counts(client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).status_code == 200
    assert "payment_webhooks_total" in (await client.get("/metrics")).text
    assert (await client.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"


async def test_staff_find_the_payment_of_any_order(
    shop: Shop, client: httpx.AsyncClient, signer: Signer, staff: dict[str, str]
) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    other = signer.headers(uuid4())
    path = f"/v1/payments?order_id={order}"
    [found] = (await client.get(path, headers=staff)).json()["items"]
    assert found["id"] == str(await shop.payment_id(order))
    assert (await client.get(path, headers=other)).json()["items"] == []
    of_customer = f"/v1/payments?customer_id={shop.customer}"
    assert len((await client.get(of_customer, headers=staff)).json()["items"]) == 1
    assert (await client.get(of_customer, headers=other)).json()["items"] == []


async def test_a_free_order_is_captured_with_nothing_and_asks_no_provider(
    shop: Shop, client: httpx.AsyncClient, signer: Signer
) -> None:
    order = await shop.order(amount=0)
    await shop.until(order, "captured")
    _, captured = (await shop.events(order))[0]
    assert captured["amount"] == {"amount": 0, "currency": "USD"}
    assert await shop.charges("stripe", order) == []
    own = signer.headers(shop.customer)
    [shown] = (await client.get(f"/v1/payments?order_id={order}", headers=own)).json()["items"]
    assert (shown["status"], shown["captured"]["amount"]) == ("captured", 0)
    await shop.cancel(order)
    await shop.until(order, "captured")
    assert await shop.status(order) == "cancelled"


async def test_old_webhooks_are_purged_and_others_stay(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    order = await waiting(shop, "stripe")
    for _ in range(2):
        await post(client, genuine(shop, "stripe", await shop.payment_id(order)))
    kept = """
        SELECT count(*) FROM webhooks JOIN payments ON payments.id = payment_id
        WHERE order_id = :id
    """
    before = int(await shop.value(kept, order))
    async with transaction(shop.engine) as connection:
        await connection.execute(
            sa.text(
                "UPDATE webhooks SET received_at = now() - interval '31 days' WHERE event_id = "
                "(SELECT event_id FROM webhooks JOIN payments ON payments.id = payment_id "
                "WHERE order_id = :id LIMIT 1)"
            ),
            {"id": order},
        )
        assert await reconciler.purge_webhooks(connection) == 1
    assert await shop.value(kept, order) == before - 1
