"""Xendit: invoices, a hosted page on which the customer chooses bank, wallet or shop.

The callback token proves who calls but nothing about the body, so a webhook is only a hint here:
the invoice is fetched back. https://developers.xendit.co/api-reference/#invoices
"""
# ruff: noqa: ARG002, D102 - the protocol says what each method takes and does

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from shop_payment import domain
from shop_payment.providers import protocol
from shop_payment.providers.amounts import UnreadableAmountError, from_decimal, to_number
from shop_payment.providers.http import call, client

_REFUNDS = {
    "SUCCEEDED": domain.RefundStatus.SUCCEEDED,
    "FAILED": domain.RefundStatus.FAILED,
    "CANCELLED": domain.RefundStatus.FAILED,
    "PENDING": domain.RefundStatus.PENDING,
}
_PAID = frozenset({"PAID", "SETTLED"})
_FAILED = frozenset({"CANCELLED", "EXPIRED", "FAILED"})
_NOT_FOUND = 404
_REFUNDS_A_PAGE = 50
_CHANNELS = {
    ("virtual_account", "IDR"): ["BCA", "BNI", "BRI", "MANDIRI", "PERMATA"],
    ("ewallet", "IDR"): ["OVO", "DANA", "SHOPEEPAY", "LINKAJA"],
    ("ewallet", "PHP"): ["GCASH", "PAYMAYA"],
    ("qris", "IDR"): ["QRIS"],
    ("card", "IDR"): ["CREDIT_CARD"],
    ("card", "PHP"): ["CREDIT_CARD"],
}
"""By method and currency: Xendit refuses an invoice that names a channel of another one."""


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

    async def create(self, charge: protocol.Charge) -> protocol.ChargeAnswer:
        # Xendit does not deduplicate by external_id: who tries again must fetch first.
        invoice: dict[str, Any] = {
            "external_id": str(charge.payment_id),
            "amount": to_number(charge.total),
            "currency": charge.total.currency,
            "description": f"Order {charge.order_number or charge.order_id}",
            "invoice_duration": max(60, _seconds_until(charge.expires_at)),
            "success_redirect_url": self._return_url,
            "failure_redirect_url": self._return_url,
        }
        channels = _CHANNELS.get((charge.method, charge.total.currency))
        if channels is not None:
            invoice["payment_methods"] = channels
        _, created = await call(self._http, "POST", "/v2/invoices", json=invoice)
        return _answer(created, charge)

    async def capture(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        """Nothing is left to capture: Xendit takes the money when the customer pays."""
        return await self._fetched(charge, reference)

    async def cancel(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        try:
            _, expired = await call(self._http, "POST", f"/invoices/{reference}/expire!")
        except protocol.DeclinedError:  # paid or expired already
            return await self._fetched(charge, reference)
        return _answer(expired, charge)

    async def fetch(
        self, charge: protocol.Charge, reference: str | None
    ) -> protocol.ChargeAnswer | None:
        if reference is not None:
            status, invoice = await call(
                self._http, "GET", f"/v2/invoices/{reference}", accept=(_NOT_FOUND,)
            )
            return None if status == _NOT_FOUND else _answer(invoice, charge)
        _, found = await call(
            self._http, "GET", "/v2/invoices", params={"external_id": str(charge.payment_id)}
        )
        if not isinstance(found, list):
            raise protocol.UnreadableError(f"a list of invoices that is none: {found!r}"[:300])
        answers = [_answer(invoice, charge) for invoice in found]
        paid = (answer for answer in answers if isinstance(answer, domain.MoneyCaptured))
        return next(paid, answers[0] if answers else None)

    async def refund(self, order: protocol.RefundOrder) -> domain.RefundAnswered:
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
        with protocol.reading("Xendit's refund"):
            return domain.RefundAnswered(
                refund_id=order.refund_id,
                status=_REFUNDS[refund["status"]],
                reference=refund["id"],
            )

    async def fetch_refunds(
        self, charge: protocol.Charge, reference: str
    ) -> tuple[protocol.RefundReport, ...]:
        reports: list[protocol.RefundReport] = []
        page: dict[str, Any] = {"invoice_id": reference, "limit": _REFUNDS_A_PAGE}
        while True:
            _, listed = await call(self._http, "GET", "/refunds", params=page)
            with protocol.reading("Xendit's list of refunds"):
                reports += map(_report, listed["data"])
                if not (listed.get("has_more") and listed["data"]):
                    return tuple(reports)
                page["after_id"] = reports[-1].reference

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> protocol.WebhookNotice:
        token = headers.get("x-callback-token", "")
        if not hmac.compare_digest(token.encode(), self._callback_token.encode()):
            raise protocol.ForgedWebhookError("wrong callback token")
        # The id must be bound to the body, or one id could be spent to hide another's message.
        digest = hashlib.sha256(body).hexdigest()
        try:
            return _notice(protocol.webhook_json(body), f"{headers.get('webhook-id', '')}:{digest}")
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise protocol.UnreadableWebhookError(repr(error)) from error

    async def close(self) -> None:
        await self._http.aclose()

    async def _fetched(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        _, invoice = await call(self._http, "GET", f"/v2/invoices/{reference}")
        return _answer(invoice, charge)


def _notice(event: dict[str, Any], event_id: str) -> protocol.WebhookNotice:
    """Read a callback: an invoice as it is now, or `{"event", "data"}` about something else.

    A callback of another product (a fixed virtual account, a pay-out) names no payment of ours.
    """
    if "event" in event:
        kind, thing = str(event["event"]), event.get("data") or {}
        concern = protocol.Concern.REFUND if kind.startswith("refund.") else protocol.Concern.CHARGE
        if "dispute" in kind or "chargeback" in kind:
            concern = protocol.Concern.DISPUTE
        metadata = thing.get("metadata") or {}
        return protocol.WebhookNotice(
            event_id=event_id,
            kind=kind,
            concern=concern,
            payment_id=protocol.as_uuid(metadata.get("payment_id")),
            reference=protocol.as_reference(thing.get("invoice_id")),
            refund_id=protocol.as_uuid(thing.get("reference_id"))
            if concern is protocol.Concern.REFUND
            else None,
            refund_reference=protocol.as_reference(thing.get("id"))
            if concern is protocol.Concern.REFUND
            else None,
            is_failure=thing.get("status") in _FAILED,
        )
    if "external_id" not in event and "id" not in event:
        raise protocol.UnreadableWebhookError("neither an event nor a thing of Xendit's")
    status = str(event.get("status", "unknown"))
    return protocol.WebhookNotice(
        event_id=event_id,
        kind=f"invoice.{status.lower()}",
        payment_id=protocol.as_uuid(event.get("external_id")),
        reference=protocol.as_reference(event.get("id")),
        captured=_claimed(event) if status in _PAID else None,
        is_failure=status in _FAILED,
    )


def _claimed(invoice: dict[str, Any]) -> domain.Total | None:
    try:
        return from_decimal(
            invoice.get("paid_amount", invoice.get("amount", "")), invoice.get("currency", "IDR")
        )
    except UnreadableAmountError:  # the API is asked, and its answer is held and alerted
        return None


@protocol.reading("Xendit's invoice")
def _answer(invoice: dict[str, Any], charge: protocol.Charge) -> protocol.ChargeAnswer:
    reference = invoice["id"]
    protocol.require_own(charge, invoice["external_id"])
    match invoice["status"]:
        case "PAID" | "SETTLED":
            paid = invoice.get("paid_amount", invoice["amount"])
            return domain.MoneyCaptured(
                reference=reference, total=from_decimal(paid, invoice["currency"])
            )
        case "EXPIRED":
            message = "the invoice expired unpaid"
            return domain.ChargeFailed(reason="expired", message=message, reference=reference)
        case "PENDING":
            return domain.CustomerMustAct(
                reference=reference,
                action={"type": "redirect", "url": invoice["invoice_url"]},
                expires_at=datetime.fromisoformat(invoice["expiry_date"]),
            )
        case other:
            raise protocol.UnreadableError(f"an invoice that is {other!r}")


def _report(refund: dict[str, Any]) -> protocol.RefundReport:
    return protocol.RefundReport(
        reference=refund["id"],
        total=from_decimal(refund["amount"], refund["currency"]),
        status=_REFUNDS[refund["status"]],
        refund_id=protocol.as_uuid(refund.get("reference_id")),
    )


def _seconds_until(time: datetime) -> int:
    return int((time - datetime.now(UTC)).total_seconds())
