"""Midtrans: the Core API, for banks and wallets of Indonesia.

HTTP is always 200; `status_code` in the body tells. The webhook's signature covers order id, status
code and amount but not the status, so a webhook is only a hint: the status is fetched back.
https://docs.midtrans.com/reference/core-api-overview
"""
# ruff: noqa: ARG002, D102 - the protocol says what each method takes and does

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import httpx

from shop_payment import domain
from shop_payment.providers import protocol
from shop_payment.providers.amounts import UnreadableAmountError, from_decimal, to_whole
from shop_payment.providers.http import call, client

_DUPLICATE_ORDER = 406
_NOT_FOUND = 404
_CANNOT_CHANGE = 412
_TOO_MANY = 429
_SERVER_ERROR = 500
# https://docs.midtrans.com/reference/code-4xx: 402 is an account without this payment type, 410 an
# account that is deactivated.
_NOT_AUTHORISED = frozenset({401, 402, 403, 410})
_DECLINED = frozenset({400, 408, 409, 411, 412, 413, 414})
_CHARGEBACKS = frozenset({"chargeback", "partial_chargeback"})
_FAILED = frozenset({"cancel", "deny", "expire", "failure"})
_REFUNDED = frozenset({"refund", "partial_refund"})


class MidtransProvider:
    """The adapter."""

    name = "midtrans"

    def __init__(self, *, base_url: str, server_key: str, timeout: float) -> None:
        self._http = client(base_url, timeout=timeout, auth=httpx.BasicAuth(server_key, ""))
        self._server_key = server_key

    async def create(self, charge: protocol.Charge) -> protocol.ChargeAnswer:
        request: dict[str, Any] = {
            "transaction_details": {
                "order_id": str(charge.payment_id),
                "gross_amount": to_whole(charge.total),
            },
            "custom_field1": charge.order_number or str(charge.order_id),
            **_payment_type(charge),
        }
        created = await self._call(
            "POST",
            "/v2/charge",
            request,
            headers={"Idempotency-Key": str(charge.payment_id)},
            accept=(_DUPLICATE_ORDER,),
        )
        if int(created["status_code"]) == _DUPLICATE_ORDER:
            return await self._fetched(charge)
        return _answer(created, charge)

    async def capture(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        """Nothing is left to capture: cards are captured with the charge, the others by paying."""
        return await self._fetched(charge)

    async def cancel(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        cancelled = await self._call(
            "POST", f"/v2/{charge.payment_id}/cancel", accept=(_CANNOT_CHANGE, _NOT_FOUND)
        )
        if int(cancelled["status_code"]) in {_CANNOT_CHANGE, _NOT_FOUND}:
            return await self._fetched(charge)
        return _answer(cancelled, charge)

    async def fetch(
        self, charge: protocol.Charge, reference: str | None
    ) -> protocol.ChargeAnswer | None:
        found = await self._call("GET", f"/v2/{charge.payment_id}/status", accept=(_NOT_FOUND,))
        return None if int(found["status_code"]) == _NOT_FOUND else _answer(found, charge)

    async def refund(self, order: protocol.RefundOrder) -> domain.RefundAnswered:
        """Return money. A card is refunded once it is settled; until then it is voided, as a whole.

        https://docs.midtrans.com/docs/transaction-status-cycle
        """
        refund_key = str(order.refund_id)
        transaction = await self._call("GET", f"/v2/{order.payment_id}/status")
        with protocol.reading("Midtrans' refunds"):
            status = transaction["transaction_status"]
            is_whole = _total(transaction) == order.total
            done = {refund.get("refund_key") for refund in transaction.get("refunds", [])}
        if status == "capture":
            if not (is_whole and await self._voided(order)):
                return domain.RefundAnswered(
                    refund_id=order.refund_id, status=domain.RefundStatus.PENDING
                )
        elif refund_key not in done and not (status == "cancel" and is_whole):
            await self._call(
                "POST",
                f"/v2/{order.payment_id}/refund",
                {
                    "refund_key": refund_key,
                    "amount": to_whole(order.total),
                    "reason": order.reason,
                },
            )
        return domain.RefundAnswered(
            refund_id=order.refund_id, status=domain.RefundStatus.SUCCEEDED, reference=refund_key
        )

    async def fetch_refunds(
        self, charge: protocol.Charge, reference: str
    ) -> tuple[protocol.RefundReport, ...]:
        status = await self._call("GET", f"/v2/{charge.payment_id}/status")
        with protocol.reading("Midtrans' refunds"):
            return tuple(
                protocol.RefundReport(
                    reference=str(refund.get("refund_key") or refund["refund_chargeback_id"]),
                    total=from_decimal(refund["refund_amount"], status.get("currency", "IDR")),
                    status=domain.RefundStatus.SUCCEEDED,
                    refund_id=protocol.as_uuid(refund.get("refund_key")),
                )
                for refund in status.get("refunds", [])
            )

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> protocol.WebhookNotice:
        try:
            event = protocol.webhook_json(body)
            signed = f"{event['order_id']}{event['status_code']}{event['gross_amount']}"
            signature = str(event["signature_key"])
        except KeyError as error:
            raise protocol.UnreadableWebhookError("not a notification of Midtrans") from error
        expected = hashlib.sha512((signed + self._server_key).encode()).hexdigest()
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise protocol.ForgedWebhookError("wrong signature key")
        status = str(event.get("transaction_status", "unknown"))
        concern = protocol.Concern.CHARGE
        if status in _CHARGEBACKS:
            concern = protocol.Concern.DISPUTE
        elif status in _REFUNDED:
            concern = protocol.Concern.REFUND
        if "\0" in status:
            raise protocol.UnreadableWebhookError("not a status of Midtrans")
        return protocol.WebhookNotice(
            event_id=hashlib.sha256(body).hexdigest(),  # it has none; a repetition is the same body
            kind=status,
            concern=concern,
            payment_id=protocol.as_uuid(event["order_id"]),
            captured=_claimed(event) if status in {"capture", "settlement"} else None,
            is_failure=status in _FAILED,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def _voided(self, order: protocol.RefundOrder) -> bool:
        """Void a card that is not settled; False where it no longer can be."""
        path = f"/v2/{order.payment_id}/cancel"
        cancelled = await self._call("POST", path, accept=(_CANNOT_CHANGE,))
        return int(cancelled["status_code"]) != _CANNOT_CHANGE

    async def _fetched(self, charge: protocol.Charge) -> protocol.ChargeAnswer:
        return _answer(await self._call("GET", f"/v2/{charge.payment_id}/status"), charge)

    async def _call(
        self,
        method: str,
        path: str,
        json: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> dict[str, Any]:
        status, answer = await call(
            self._http,
            method,
            path,
            json=json,
            headers={"Accept": "application/json", **(headers or {})},
            accept=range(400, 500),  # some of them are sent as HTTP's status, too
        )
        with protocol.reading("Midtrans' status code"):
            code = int(answer.get("status_code", status))
        # 407 is how a transaction that expired is told: an answer, no refusal.
        if code < httpx.codes.BAD_REQUEST or code in accept or "transaction_status" in answer:
            return dict(answer)
        raise _error(code, f"{method} {path}: {code} {answer.get('status_message')}")


def _error(code: int, summary: str) -> protocol.ProviderError:
    """Return the error of a status code (https://docs.midtrans.com/reference/code-4xx)."""
    if code in _NOT_AUTHORISED:
        return protocol.NotAuthorisedError(summary)
    if code == _TOO_MANY:
        return protocol.NotSentError(summary)
    if code >= _SERVER_ERROR:
        return protocol.OutcomeUnknownError(summary)
    return (
        protocol.DeclinedError(summary) if code in _DECLINED else protocol.UnreadableError(summary)
    )


def _total(transaction: dict[str, Any]) -> domain.Total:
    return from_decimal(transaction["gross_amount"], transaction.get("currency", "IDR"))


def _claimed(event: dict[str, Any]) -> domain.Total | None:
    try:
        return _total(event)
    except UnreadableAmountError:  # the API is asked, and its answer is held and alerted
        return None


def _payment_type(charge: protocol.Charge) -> dict[str, Any]:
    match charge.method:
        case "card":
            return {"payment_type": "credit_card", "credit_card": {"token_id": charge.token}}
        case "gopay" | "qris" | "shopeepay":
            return {"payment_type": charge.method}
        case "bank_transfer":
            return {"payment_type": "bank_transfer", "bank_transfer": {"bank": "bca"}}
        case other:
            raise protocol.DeclinedError(f"Midtrans has no method {other}")


@protocol.reading("Midtrans' transaction")
def _answer(  # noqa: PLR0911 - one arm a status
    transaction: dict[str, Any], charge: protocol.Charge
) -> protocol.ChargeAnswer:
    reference = transaction["transaction_id"]
    protocol.require_own(charge, transaction["order_id"])
    match transaction["transaction_status"]:
        case "capture" if transaction.get("fraud_status") == "challenge":
            return domain.ChargePending(reference=reference)
        case "capture" | "settlement" | "refund" | "partial_refund":
            return domain.MoneyCaptured(reference=reference, total=_total(transaction))
        case "deny" | "failure":
            # Its status_message is of the request: "Success" where the transaction was asked for.
            message = "declined by the bank"
            return domain.ChargeFailed(reason="declined", message=message, reference=reference)
        case "cancel" | "expire":
            message = "cancelled or expired at Midtrans"
            return domain.ChargeFailed(reason="expired", message=message, reference=reference)
        case "authorize":
            return domain.ChargePending(reference=reference)
        case "chargeback" | "partial_chargeback":
            return domain.ChargeDisputed(reference=reference, detail="charged back at Midtrans")
        case "pending":
            return domain.CustomerMustAct(
                reference=reference,
                action=_action(transaction),
                expires_at=charge.expires_at,
            )
        case other:
            raise protocol.UnreadableError(f"a transaction that is {other!r}")


def _action(transaction: dict[str, Any]) -> dict[str, Any]:
    for action in transaction.get("actions", []):
        if action["name"] in {"deeplink-redirect", "generate-qr-code"}:
            return {"type": "redirect", "url": action["url"]}
    if "redirect_url" in transaction:
        return {"type": "redirect", "url": transaction["redirect_url"]}
    return {"type": "instructions", "details": {"va_numbers": transaction.get("va_numbers", [])}}
