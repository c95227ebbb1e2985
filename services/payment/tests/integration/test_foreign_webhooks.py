"""Webhooks that prove right and concern nothing of ours: another system's on the same account."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prometheus_client import REGISTRY

from payment_simulator import midtrans, paypal, stripe, xendit
from payment_simulator.webhooks import Webhook

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]
PROVIDERS = ["stripe", "paypal", "xendit", "midtrans"]


def received(provider: str, outcome: str) -> float:
    labels = {"provider": provider, "outcome": outcome}
    return REGISTRY.get_sample_value("payment_webhooks_total", labels) or 0.0


def _thin(desk: Any) -> Webhook:
    """A thin event, which carries no object; https://docs.stripe.com/event-destinations."""
    webhook: Webhook = stripe.signed(desk, "v1.billing.meter.error_report_triggered", {})
    event = json.loads(webhook.body)
    del event["data"]
    body = json.dumps(event).encode()
    at = int(time.time())
    key = desk.settings.stripe_webhook_secret.encode()
    proof = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return Webhook("stripe", {"Stripe-Signature": f"t={at},v1={proof}"}, body)


def foreign(shop: Shop, provider: str) -> list[Webhook]:
    """Webhooks that prove right and concern nothing of ours."""
    desk = shop.desks[provider]
    if provider == "stripe":
        intent: dict[str, Any] = {
            "id": "pi_1",
            "object": "payment_intent",
            "metadata": {"payment_id": "inv-17"},
        }
        intent |= {"amount_received": 100, "currency": "usd"}
        return [
            stripe.signed(desk, "payment_intent.succeeded", intent),
            stripe.signed(desk, "payment_intent.succeeded", intent | {"metadata": None}),
            stripe.signed(desk, "balance.available", {"object": "balance", "available": []}),
            stripe.signed(desk, "refund.created", {"object": "refund", "id": "re_1"}),
            _thin(desk),
        ]
    if provider == "paypal":
        signer = shop.simulator.app.state.signer
        capture = {"id": "C1", "amount": {"currency_code": "USD", "value": "1.00"}}
        unit = {"purchase_units": [{"reference_id": "default"}], "id": "O1"}
        return [
            paypal.signed(desk, signer, "PAYMENT.CAPTURE.COMPLETED", capture | {"custom_id": "17"}),
            paypal.signed(desk, signer, "PAYMENT.CAPTURE.COMPLETED", capture),
            paypal.signed(desk, signer, "CHECKOUT.ORDER.APPROVED", unit),
            paypal.signed(desk, signer, "BILLING.PLAN.CREATED", {"id": "P-1"}),
            paypal.signed(desk, signer, "CHECKOUT.ORDER.COMPLETED", {"id": "O1"}),
            paypal.signed(desk, signer, "CHECKOUT.ORDER.VOIDED", {"purchase_units": []}),
        ]
    if provider == "xendit":
        test = {"id": "x", "external_id": "invoice_123124123", "status": "PAID"}
        return [
            xendit.signed(desk, test | {"amount": 50000, "currency": "IDR"}),
            xendit.signed(desk, {"id": "va", "external_id": "demo", "bank_code": "BCA"}),
            xendit.signed(desk, {"event": "payment.succeeded", "data": {"id": "py-1"}}),
            xendit.signed(desk, {"event": "qr.payment", "qr_code": {"external_id": "x"}}),
            xendit.signed(desk, {"id": "d", "external_id": "pay-out-1", "status": "FAILED"}),
        ]
    transaction = {"order_id": "invoice-17", "status_code": "200", "gross_amount": "1.00"}
    return [
        midtrans.signed(desk, transaction | {"transaction_status": "settlement"}),
        midtrans.signed(desk, transaction | {"order_id": str(uuid4())}),
    ]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_proves_right_and_is_not_ours_is_answered_200_and_counted_as_foreign(
    shop: Shop, client: httpx.AsyncClient, provider: str
) -> None:
    for webhook in foreign(shop, provider):
        before = received(provider, "foreign"), received(provider, "forged")
        answer = await client.post(
            f"/v1/webhooks/{provider}", content=webhook.body, headers=dict(webhook.headers)
        )
        assert answer.status_code == 200, (webhook, answer.text)
        assert received(provider, "foreign") == before[0] + 1, json.loads(webhook.body)
        assert received(provider, "forged") == before[1]
