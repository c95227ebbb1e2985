"""Webhooks as the providers sign them, and an order that waits for one."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx

from payment_simulator import midtrans, paypal, stripe, xendit
from payment_simulator.webhooks import Webhook

from .conftest import Shop


def genuine(
    shop: Shop, provider: str, payment_id: UUID, amount: int = 250_000, order: UUID | None = None
) -> Webhook:
    """A signed webhook of the provider that says this amount was paid (minor units)."""
    desk = shop.desks[provider]
    if provider == "stripe":
        intent: dict[str, Any] = {
            "id": f"pi_{uuid4().hex}",
            "object": "payment_intent",
            "amount_received": amount,
            "currency": "usd",
            "metadata": {"payment_id": str(payment_id)},
        }
        return stripe.signed(desk, "payment_intent.succeeded", intent)
    value = f"{amount // 100}.00"
    if provider == "paypal":
        capture = {
            "id": uuid4().hex,
            "amount": {"currency_code": "USD", "value": value},
            "custom_id": str(payment_id),
        }
        signer = shop.simulator.app.state.signer
        return paypal.signed(desk, signer, "PAYMENT.CAPTURE.COMPLETED", capture)
    if provider == "xendit":
        invoice = {
            "id": uuid4().hex,
            "external_id": str(payment_id),
            "status": "PAID",
            "amount": amount // 100,
            "currency": "IDR",
        }
        return xendit.signed(desk, invoice)
    transaction = {
        "transaction_id": uuid4().hex,
        "order_id": str(payment_id),
        "status_code": "200",
        "gross_amount": value,
        "transaction_status": "settlement",
    }
    return midtrans.signed(desk, transaction)


async def waiting(shop: Shop, provider: str) -> UUID:
    """An order whose customer has not paid yet."""
    methods = {"stripe": "card", "paypal": "paypal", "xendit": "invoice", "midtrans": "gopay"}
    currency = "USD" if provider in {"stripe", "paypal"} else "IDR"
    order: UUID = await shop.order(
        provider, methods[provider], amount=250_000, currency=currency, token=None
    )
    await shop.until(order, "action_required")
    return order


async def post(
    client: httpx.AsyncClient, webhook: Webhook, *, body: bytes | None = None
) -> httpx.Response:
    return await client.post(
        f"/v1/webhooks/{webhook.provider}",
        content=webhook.body if body is None else body,
        headers=dict(webhook.headers),
    )
