"""PayPal: Orders v2 with intent CAPTURE.

The customer approves at PayPal, then this service captures; so an order that closed meanwhile is
simply never captured. https://developer.paypal.com/docs/api/orders/v2/
"""
# ruff: noqa: ARG002, D102 - the protocol says what each method takes and does

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx
import structlog

from shop_payment import domain
from shop_payment.providers import protocol
from shop_payment.providers.amounts import from_decimal, to_paypal
from shop_payment.providers.http import call, client
from shop_payment.providers.paypal_webhooks import PayPalSignatures, read_notice

_log = structlog.get_logger(__name__)
_REFUNDS = {
    "COMPLETED": domain.RefundStatus.SUCCEEDED,
    "FAILED": domain.RefundStatus.FAILED,
    "CANCELLED": domain.RefundStatus.FAILED,
    "PENDING": domain.RefundStatus.PENDING,
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

    async def create(self, charge: protocol.Charge) -> protocol.ChargeAnswer:
        order = {
            "intent": "CAPTURE",
            "purchase_units": [
                {
                    "reference_id": str(charge.payment_id),
                    "custom_id": str(charge.payment_id),
                    "invoice_id": charge.order_number or str(charge.order_id),
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

    async def capture(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        status, captured = await self._call(
            "POST",
            f"/v2/checkout/orders/{reference}/capture",
            key=f"capture-{charge.payment_id}",
            accept=(_UNPROCESSABLE,),
        )
        if status != _UNPROCESSABLE:
            return _answer(captured, charge)
        with protocol.reading("PayPal's refusal to capture"):
            issues = {detail["issue"] for detail in captured["details"]}
        if "ORDER_ALREADY_CAPTURED" in issues:
            return await self._fetched(charge, reference)
        _log.warning("not captured", payment_id=str(charge.payment_id), issues=sorted(issues))
        return _declined(reference)

    async def cancel(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        """Look whether it was captured; an order that nobody captures lapses by itself.

        An eCheck is under way for days: it stays pending until then.
        """
        fetched = await self._fetched(charge, reference)
        if isinstance(fetched, domain.MoneyCaptured | domain.ChargePending):
            return fetched
        return domain.ChargeFailed(
            reason="expired", message="never captured at PayPal", reference=reference
        )

    async def fetch(
        self, charge: protocol.Charge, reference: str | None
    ) -> protocol.ChargeAnswer | None:
        # Without a reference there may be an order, but no money: creating one takes none, and the
        # same PayPal-Request-Id brings the same order back.
        if reference is None:
            return None
        order = await self._order(reference)
        return None if order is None else _answer(order, charge)

    async def refund(self, order: protocol.RefundOrder) -> domain.RefundAnswered:
        if order.reference is not None:
            _, refund = await self._call("GET", f"/v2/payments/refunds/{order.reference}")
        else:
            _, paid = await self._call("GET", f"/v2/checkout/orders/{order.charge_reference}")
            with protocol.reading("PayPal's order"):
                capture = paid["purchase_units"][0]["payments"]["captures"][0]["id"]
            _, refund = await self._call(
                "POST",
                f"/v2/payments/captures/{capture}/refund",
                key=f"refund-{order.refund_id}",
                json={
                    "amount": _amount(order.total),
                    "custom_id": str(order.payment_id),
                    "invoice_id": str(order.refund_id),
                    "note_to_payer": order.reason,
                },
            )
        with protocol.reading("PayPal's refund"):
            return domain.RefundAnswered(
                refund_id=order.refund_id,
                status=_REFUNDS[refund["status"]],
                reference=refund["id"],
            )

    async def fetch_refunds(
        self, charge: protocol.Charge, reference: str
    ) -> tuple[protocol.RefundReport, ...]:
        _, order = await self._call("GET", f"/v2/checkout/orders/{reference}")
        with protocol.reading("PayPal's order"):
            return tuple(
                protocol.RefundReport(
                    reference=refund["id"],
                    total=_total(refund["amount"]),
                    status=_REFUNDS[refund["status"]],
                    refund_id=protocol.as_uuid(refund.get("invoice_id")),
                )
                for refund in order["purchase_units"][0].get("payments", {}).get("refunds", [])
            )

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> protocol.WebhookNotice:
        await self._signatures.verify(headers, body)
        try:
            return read_notice(protocol.webhook_json(body))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise protocol.UnreadableWebhookError(repr(error)) from error

    async def close(self) -> None:
        await self._http.aclose()
        await self._signatures.close()

    async def _fetched(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        order = await self._order(reference)
        if order is None:  # PayPal forgets orders that nobody approved in time
            return domain.ChargeFailed(
                reason="expired", message="never approved at PayPal", reference=reference
            )
        return _answer(order, charge)

    async def _order(self, reference: str) -> Any | None:  # noqa: ANN401 - PayPal's JSON
        path = f"/v2/checkout/orders/{reference}"
        status, order = await self._call("GET", path, accept=(_NOT_FOUND,))
        return None if status == _NOT_FOUND else order

    async def _call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        json: Mapping[str, Any] | None = None,
        accept: tuple[int, ...] = (),
    ) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "Prefer": "return=representation"}
        if key is not None:
            headers["PayPal-Request-Id"] = key

        async def once(token: str) -> tuple[int, Any]:
            headers["Authorization"] = f"Bearer {token}"
            return await call(self._http, method, path, json=json, headers=headers, accept=accept)

        token = await self._access_token()
        try:
            return await once(token)
        except protocol.NotAuthorisedError:
            # A token may be revoked before its time; a 401 had no effect, so ask with a new one.
            return await once(await self._access_token(refused=token))

    async def _access_token(self, *, refused: str | None = None) -> str:
        """Return the token, renewed when it is old or is the one that was refused."""
        async with self._token_lock:
            if time.monotonic() >= self._token_until or self._token == refused:
                try:
                    _, answer = await call(
                        self._http,
                        "POST",
                        "/v1/oauth2/token",
                        form={"grant_type": "client_credentials"},
                        auth=self._credentials,
                    )
                except protocol.DeclinedError as error:  # a 400 is one of us (RFC 6749, 5.2)
                    raise protocol.NotAuthorisedError(str(error)) from error
                with protocol.reading("PayPal's access token"):
                    self._token = str(answer["access_token"])
                    self._token_until = time.monotonic() + answer["expires_in"] * 0.9
            return self._token


@protocol.reading("PayPal's order")
def _answer(order: dict[str, Any], charge: protocol.Charge) -> protocol.ChargeAnswer:
    reference = order["id"]
    protocol.require_own(charge, order["purchase_units"][0].get("custom_id"))
    captures = order["purchase_units"][0].get("payments", {}).get("captures", [])
    if captures:
        return _captured(captures[0], reference)
    match order["status"]:
        case "APPROVED":
            return domain.CustomerApproved(reference=reference)
        case "VOIDED":
            return domain.ChargeFailed(
                reason="expired", message="voided at PayPal", reference=reference
            )
        case "CREATED" | "PAYER_ACTION_REQUIRED" | "SAVED":
            links = {link["rel"]: link["href"] for link in order.get("links", [])}
            url = links.get("payer-action") or links.get("approve")
            action = {"type": "redirect", "url": url}
            return domain.CustomerMustAct(
                reference=reference, action=action, expires_at=charge.expires_at
            )
        case other:
            raise protocol.UnreadableError(f"an order that is {other!r}")


def _captured(capture: dict[str, Any], reference: str) -> protocol.ChargeAnswer:
    match capture["status"]:
        case "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED":
            return domain.MoneyCaptured(reference=reference, total=_total(capture["amount"]))
        case "DECLINED" | "FAILED":
            return _declined(reference)
        case "PENDING":
            return domain.ChargePending(reference=reference)
        case other:
            raise protocol.UnreadableError(f"a capture that is {other!r}")


def _declined(reference: str) -> domain.ChargeFailed:
    """Say so to the customer: PayPal's own words are for developers."""
    return domain.ChargeFailed(reason="declined", message="declined by PayPal", reference=reference)


def _amount(total: domain.Total) -> dict[str, str]:
    return {"currency_code": total.currency, "value": to_paypal(total)}


def _total(amount: dict[str, str]) -> domain.Total:
    return from_decimal(amount["value"], amount["currency_code"])
