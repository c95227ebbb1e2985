"""PayPal: Orders v2 with intent CAPTURE.

The customer approves at PayPal, then this service captures; so an order that closed meanwhile is
simply never captured. https://developer.paypal.com/docs/api/orders/v2/
"""
# ruff: noqa: D102 - the protocol says what each method does

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx

from shop_payment.domain import (
    ChargeFailed,
    ChargePending,
    CustomerApproved,
    CustomerMustAct,
    MoneyCaptured,
    RefundAnswered,
    RefundStatus,
    Total,
)
from shop_payment.providers.amounts import from_decimal, to_paypal
from shop_payment.providers.http import call, client
from shop_payment.providers.paypal_webhooks import PayPalSignatures
from shop_payment.providers.protocol import Charge, ChargeAnswer, RefundOrder, WebhookNotice

_REFUNDS = {
    "COMPLETED": RefundStatus.SUCCEEDED,
    "FAILED": RefundStatus.FAILED,
    "CANCELLED": RefundStatus.FAILED,
}
_UNPROCESSABLE = 422
_NOT_FOUND = 404


class PayPalProvider:
    """The adapter."""

    name = "paypal"

    def __init__(  # noqa: PLR0913 - an account's settings
        self,
        *,
        base_url: str,
        client_id: str,
        client_secret: str,
        signatures: PayPalSignatures,
        return_url: str,
        timeout: float,
    ) -> None:
        self._http = client(base_url, timeout=timeout)
        self._credentials = httpx.BasicAuth(client_id, client_secret)
        self._signatures = signatures
        self._return_url = return_url
        self._token = ""
        self._token_until = 0.0
        self._token_lock = asyncio.Lock()

    async def create(self, charge: Charge) -> ChargeAnswer:
        order = {
            "intent": "CAPTURE",
            "purchase_units": [
                {
                    "reference_id": str(charge.payment_id),
                    "custom_id": str(charge.payment_id),
                    "invoice_id": str(charge.order_id),
                    "amount": _amount(charge.total),
                }
            ],
            "payment_source": {
                "paypal": {
                    "experience_context": {
                        "return_url": self._return_url,
                        "cancel_url": self._return_url,
                        "user_action": "PAY_NOW",
                    }
                }
            },
        }
        _, created = await self._call(
            "POST", "/v2/checkout/orders", key=f"order-{charge.payment_id}", json=order
        )
        return _answer(created, charge)

    async def capture(self, charge: Charge, reference: str) -> ChargeAnswer:
        status, captured = await self._call(
            "POST",
            f"/v2/checkout/orders/{reference}/capture",
            key=f"capture-{charge.payment_id}",
            accept=(_UNPROCESSABLE,),
        )
        if status != _UNPROCESSABLE:
            return _answer(captured, charge)
        issues = {detail["issue"] for detail in captured.get("details", [])}
        if "ORDER_ALREADY_CAPTURED" in issues:
            return await self._fetched(charge, reference)
        message = captured.get("message", "PayPal did not capture the order")
        return ChargeFailed(reason="declined", message=message, reference=reference)

    async def cancel(self, charge: Charge, reference: str) -> ChargeAnswer:
        """Look whether it was captured; an order that nobody captures lapses by itself."""
        fetched = await self._fetched(charge, reference)
        if isinstance(fetched, MoneyCaptured):
            return fetched
        return ChargeFailed(
            reason="expired", message="never captured at PayPal", reference=reference
        )

    async def fetch(self, charge: Charge, reference: str | None) -> ChargeAnswer | None:
        # Without a reference there may be an order, but no money: creating one takes none, and the
        # same PayPal-Request-Id brings the same order back.
        return None if reference is None else await self._fetched(charge, reference)

    async def refund(self, order: RefundOrder) -> RefundAnswered:
        if order.reference is not None:
            _, refund = await self._call("GET", f"/v2/payments/refunds/{order.reference}")
        else:
            _, paid = await self._call("GET", f"/v2/checkout/orders/{order.charge_reference}")
            capture = paid["purchase_units"][0]["payments"]["captures"][0]["id"]
            _, refund = await self._call(
                "POST",
                f"/v2/payments/captures/{capture}/refund",
                key=f"refund-{order.refund_id}",
                json={
                    "amount": _amount(order.total),
                    "custom_id": str(order.payment_id),
                    "note_to_payer": order.reason,
                },
            )
        return RefundAnswered(
            refund_id=order.refund_id,
            status=_REFUNDS.get(refund["status"], RefundStatus.PENDING),
            reference=refund["id"],
        )

    async def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookNotice:
        await self._signatures.verify(headers, body)
        event: dict[str, Any] = json.loads(body)
        resource = event["resource"]
        if event["event_type"].startswith("CHECKOUT.ORDER."):
            unit = resource["purchase_units"][0]
            payment_id, reference = unit["custom_id"], resource["id"]
        else:
            payment_id, reference = resource.get("custom_id"), None
        captured = event["event_type"] == "PAYMENT.CAPTURE.COMPLETED"
        return WebhookNotice(
            event_id=event["id"],
            kind=event["event_type"],
            payment_id=UUID(payment_id) if payment_id else None,
            reference=reference,
            captured=_total(resource["amount"]) if captured else None,
        )

    async def close(self) -> None:
        await self._http.aclose()
        await self._signatures.close()

    async def _fetched(self, charge: Charge, reference: str) -> ChargeAnswer:
        status, order = await self._call(
            "GET", f"/v2/checkout/orders/{reference}", accept=(_NOT_FOUND,)
        )
        if status == _NOT_FOUND:  # PayPal forgets orders that nobody approved in time
            return ChargeFailed(
                reason="expired", message="never approved at PayPal", reference=reference
            )
        return _answer(order, charge)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        json: Mapping[str, Any] | None = None,
        accept: tuple[int, ...] = (),
    ) -> tuple[int, Any]:
        headers = {
            "Authorization": f"Bearer {await self._access_token()}",
            "Content-Type": "application/json",
            "Prefer": "return=representation",
        }
        if key is not None:
            headers["PayPal-Request-Id"] = key
        return await call(self._http, method, path, json=json, headers=headers, accept=accept)

    async def _access_token(self) -> str:
        async with self._token_lock:
            if time.monotonic() >= self._token_until:
                _, answer = await call(
                    self._http,
                    "POST",
                    "/v1/oauth2/token",
                    form={"grant_type": "client_credentials"},
                    auth=self._credentials,
                )
                self._token = answer["access_token"]
                self._token_until = time.monotonic() + answer["expires_in"] * 0.9
            return self._token


def _answer(order: dict[str, Any], charge: Charge) -> ChargeAnswer:
    reference = order["id"]
    captures = order["purchase_units"][0].get("payments", {}).get("captures", [])
    if captures:
        return _captured(captures[0], reference)
    match order["status"]:
        case "APPROVED":
            return CustomerApproved(reference=reference)
        case "VOIDED":
            return ChargeFailed(reason="expired", message="voided at PayPal", reference=reference)
        case "CREATED" | "PAYER_ACTION_REQUIRED" | "SAVED":
            links = {link["rel"]: link["href"] for link in order.get("links", [])}
            url = links.get("payer-action") or links.get("approve")
            action = {"type": "redirect", "url": url}
            return CustomerMustAct(reference=reference, action=action, expires_at=charge.expires_at)
        case _:
            return ChargePending(reference=reference)


def _captured(capture: dict[str, Any], reference: str) -> ChargeAnswer:
    match capture["status"]:
        case "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED":
            return MoneyCaptured(reference=reference, total=_total(capture["amount"]))
        case "DECLINED" | "FAILED":
            return ChargeFailed(
                reason="declined", message="declined by PayPal", reference=reference
            )
        case _:
            return ChargePending(reference=reference)


def _amount(total: Total) -> dict[str, str]:
    return {"currency_code": total.currency, "value": to_paypal(total)}


def _total(amount: dict[str, str]) -> Total:
    return from_decimal(amount["value"], amount["currency_code"])
