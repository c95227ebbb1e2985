"""Xendit: invoices, a hosted page on which the customer chooses bank, wallet or shop.

The callback token proves who calls but nothing about the body, so a webhook is only a hint here:
the invoice is fetched back. https://developers.xendit.co/api-reference/#invoices
"""
# ruff: noqa: ARG002, D102 - the protocol says what each method takes and does

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from shop_payment.domain import (
    ChargeFailed,
    ChargePending,
    CustomerMustAct,
    MoneyCaptured,
    RefundAnswered,
    RefundStatus,
)
from shop_payment.providers.amounts import from_decimal, to_number
from shop_payment.providers.http import call, client
from shop_payment.providers.protocol import (
    Charge,
    ChargeAnswer,
    ForgedWebhookError,
    RefundOrder,
    RefusedError,
    WebhookNotice,
)

_REFUNDS = {
    "SUCCEEDED": RefundStatus.SUCCEEDED,
    "FAILED": RefundStatus.FAILED,
    "CANCELLED": RefundStatus.FAILED,
}
_CHANNELS = {
    "virtual_account": ["BCA", "BNI", "BRI", "MANDIRI", "PERMATA"],
    "ewallet": ["OVO", "DANA", "SHOPEEPAY", "LINKAJA", "GCASH", "PAYMAYA"],
    "qris": ["QRIS"],
    "card": ["CREDIT_CARD"],
}


class XenditProvider:
    """The adapter."""

    name = "xendit"

    def __init__(
        self,
        *,
        base_url: str,
        secret_key: str,
        callback_token: str,
        return_url: str,
        timeout: float,
    ) -> None:
        self._http = client(base_url, timeout=timeout, auth=httpx.BasicAuth(secret_key, ""))
        self._callback_token = callback_token
        self._return_url = return_url

    async def create(self, charge: Charge) -> ChargeAnswer:
        # Xendit does not deduplicate by external_id: who tries again must fetch first.
        invoice: dict[str, Any] = {
            "external_id": str(charge.payment_id),
            "amount": to_number(charge.total),
            "currency": charge.total.currency,
            "description": f"Order {charge.order_id}",
            "invoice_duration": max(60, _seconds_until(charge.expires_at)),
            "success_redirect_url": self._return_url,
            "failure_redirect_url": self._return_url,
        }
        if charge.method in _CHANNELS:
            invoice["payment_methods"] = _CHANNELS[charge.method]
        _, created = await call(self._http, "POST", "/v2/invoices", json=invoice)
        return _answer(created)

    async def capture(self, charge: Charge, reference: str) -> ChargeAnswer:
        """Nothing is left to capture: Xendit takes the money when the customer pays."""
        return await self._fetched(reference)

    async def cancel(self, charge: Charge, reference: str) -> ChargeAnswer:
        try:
            _, expired = await call(self._http, "POST", f"/invoices/{reference}/expire!")
        except RefusedError:  # paid or expired already
            return await self._fetched(reference)
        return _answer(expired)

    async def fetch(self, charge: Charge, reference: str | None) -> ChargeAnswer | None:
        if reference is not None:
            return await self._fetched(reference)
        _, found = await call(
            self._http, "GET", "/v2/invoices", params={"external_id": str(charge.payment_id)}
        )
        return _answer(found[0]) if found else None

    async def refund(self, order: RefundOrder) -> RefundAnswered:
        if order.reference is not None:
            _, refund = await call(self._http, "GET", f"/refunds/{order.reference}")
        else:
            _, refund = await call(
                self._http,
                "POST",
                "/refunds",
                json={
                    "invoice_id": order.charge_reference,
                    "reference_id": str(order.refund_id),
                    "amount": to_number(order.total),
                    "currency": order.total.currency,
                    "reason": "REQUESTED_BY_CUSTOMER",
                    "metadata": {"payment_id": str(order.payment_id)},
                },
                headers={"idempotency-key": str(order.refund_id)},
            )
        return RefundAnswered(
            refund_id=order.refund_id,
            status=_REFUNDS.get(refund["status"], RefundStatus.PENDING),
            reference=refund["id"],
        )

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookNotice:
        token = headers.get("x-callback-token", "")
        if not hmac.compare_digest(token.encode(), self._callback_token.encode()):
            raise ForgedWebhookError("wrong callback token")
        event: dict[str, Any] = json.loads(body)
        # The id must be bound to the body, or one id could be spent to hide another's message.
        digest = hashlib.sha256(body).hexdigest()
        event_id = f"{headers.get('webhook-id', '')}:{digest}"
        if "event" in event:  # refund.succeeded, refund.failed
            refund = event["data"]
            payment_id = (refund.get("metadata") or {}).get("payment_id")
            return WebhookNotice(
                event_id=event_id,
                kind=event["event"],
                payment_id=UUID(payment_id) if payment_id else None,
                reference=refund.get("invoice_id"),
            )
        return WebhookNotice(
            event_id=event_id,
            kind=f"invoice.{event['status'].lower()}",
            payment_id=UUID(event["external_id"]),
            reference=event["id"],
            captured=from_decimal(event["amount"], event["currency"])
            if event["status"] in {"PAID", "SETTLED"}
            else None,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def _fetched(self, reference: str) -> ChargeAnswer:
        _, invoice = await call(self._http, "GET", f"/v2/invoices/{reference}")
        return _answer(invoice)


def _answer(invoice: dict[str, Any]) -> ChargeAnswer:
    reference = invoice["id"]
    match invoice["status"]:
        case "PAID" | "SETTLED":
            paid = invoice.get("paid_amount", invoice["amount"])
            return MoneyCaptured(reference=reference, total=from_decimal(paid, invoice["currency"]))
        case "EXPIRED":
            message = "the invoice expired unpaid"
            return ChargeFailed(reason="expired", message=message, reference=reference)
        case "PENDING":
            return CustomerMustAct(
                reference=reference,
                action={"type": "redirect", "url": invoice["invoice_url"]},
                expires_at=datetime.fromisoformat(invoice["expiry_date"]),
            )
        case _:
            return ChargePending(reference=reference)


def _seconds_until(time: datetime) -> int:
    return int((time - datetime.now(UTC)).total_seconds())
