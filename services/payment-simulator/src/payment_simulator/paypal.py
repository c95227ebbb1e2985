"""PayPal: Orders v2, captures, refunds, and webhooks signed by a certificate of its own."""

from __future__ import annotations

import base64
import json
import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from fastapi import APIRouter, Depends, Header, Request, Response

from payment_simulator.desk import Desk, Document, answer, new_id, timestamp
from payment_simulator.faults import Fault, NotAuthorisedFault
from payment_simulator.paypal_rules import not_found, refuse_amount, refuse_order, unprocessable
from payment_simulator.webhooks import Webhook

RequestId = Annotated[str | None, Header(alias="PayPal-Request-Id")]


class Signer:
    """A key and its self-signed certificate, made anew at each start."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "messageverification")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.id = f"CERT-{certificate.serial_number:x}"

    def sign(self, message: bytes) -> str:
        """Sign as SHA256withRSA, in base64."""
        signature = self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(signature).decode()


def router(desk: Desk, signer: Signer) -> APIRouter:  # noqa: C901 - a route is a function here
    """Make the routes of PayPal's API."""

    async def known(request: Request) -> None:
        await desk.suffer()
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in desk.tokens:
            raise NotAuthorisedFault

    public = APIRouter(prefix="/paypal", tags=["paypal"])
    routes = APIRouter(dependencies=[Depends(known)])

    @public.post("/v1/oauth2/token")
    async def token(request: Request) -> Response:
        settings = desk.settings
        pair = f"{settings.paypal_client_id}:{settings.paypal_client_secret}".encode()
        if request.headers.get("authorization") != f"Basic {base64.b64encode(pair).decode()}":
            return answer({"error": "invalid_client"}, 401)
        await desk.suffer()
        token = new_id("A21AA")
        desk.tokens.add(token)
        return answer({"access_token": token, "token_type": "Bearer", "expires_in": 32400})

    @public.get("/v1/notifications/certs/{name}")
    async def certificate(name: str) -> Response:
        if name != signer.id:
            return not_found()
        return Response(signer.pem, media_type="application/x-pem-file")

    @routes.post("/v2/checkout/orders")
    async def create(request: Request, key: RequestId = None) -> Response:
        wanted = await request.json()
        refused = refuse_order(wanted)
        if refused is not None:
            return refused

        def make(fault: Fault) -> Response:
            order = _order(desk, wanted)
            desk.faults_of[order["id"]] = fault
            return answer(order, 201)

        amount = wanted["purchase_units"][0]["amount"]["value"]
        return await desk.perform(make, key=key, amount=amount)

    @routes.get("/v2/checkout/orders/{reference}")
    async def retrieve(reference: str) -> Response:
        order = desk.charges.get(reference)
        return answer(order) if order else not_found()

    @routes.post("/v2/checkout/orders/{reference}/capture")
    async def capture(reference: str, key: RequestId = None) -> Response:
        order = desk.charges.get(reference)
        if order is None:
            return not_found()

        def make(fault: Fault) -> Response:
            if order["status"] != "APPROVED":
                issue = (
                    "ORDER_ALREADY_CAPTURED"
                    if order["status"] == "COMPLETED"
                    else "ORDER_NOT_APPROVED"
                )
                return unprocessable(issue)
            if Fault.DECLINE in {fault, desk.faults_of.get(reference)}:
                return unprocessable("INSTRUMENT_DECLINED")
            _capture(desk, signer, order)
            return answer(order, 201)

        return await desk.perform(make, key=key)

    @routes.post("/v2/payments/captures/{capture_id}/refund")
    async def refund(request: Request, capture_id: str, key: RequestId = None) -> Response:
        wanted = await request.json()
        if order_of(desk, capture_id) is None:
            return not_found()
        refused = refuse_amount(wanted.get("amount"), "/amount")
        if refused is not None:
            return refused

        def make(fault: Fault) -> Response:
            issue = issue_of_refund(desk, capture_id, wanted["amount"])
            if issue is not None:
                return unprocessable(issue)
            failed = fault is Fault.DECLINE
            return answer(refund_capture(desk, signer, capture_id, wanted, failed=failed), 201)

        return await desk.perform(make, key=key, amount=wanted["amount"]["value"])

    @routes.get("/v2/payments/refunds/{reference}")
    async def retrieve_refund(reference: str) -> Response:
        refund = desk.refunds.get(reference)
        return answer(refund) if refund else not_found()

    public.include_router(routes)
    return public


def settle(desk: Desk, signer: Signer, reference: str, *, paid: bool) -> None:
    """Let the customer approve, or leave it."""
    order = desk.charges[reference]
    if order["status"] != "PAYER_ACTION_REQUIRED":
        return
    order["status"] = "APPROVED" if paid else "VOIDED"
    kind = "CHECKOUT.ORDER.APPROVED" if paid else "CHECKOUT.ORDER.VOIDED"
    fault = desk.faults_of.get(reference, Fault.NONE)
    desk.webhooks.send(signed(desk, signer, kind, order), fault=fault)


def signed(desk: Desk, signer: Signer, kind: str, resource: Document) -> Webhook:
    """Make an event with the headers PAYPAL-*."""
    event = {
        "id": f"WH-{new_id('').upper()}",
        "event_version": "1.0",
        "create_time": timestamp(),
        "event_type": kind,
        "resource": resource,
    }
    body = json.dumps(event).encode()
    transmission, at = new_id(""), timestamp()
    message = f"{transmission}|{at}|{desk.settings.paypal_webhook_id}|{zlib.crc32(body)}"
    certificate = f"{desk.settings.own_url}/paypal/v1/notifications/certs/{signer.id}"
    return Webhook(
        "paypal",
        {
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": at,
            "PAYPAL-TRANSMISSION-SIG": signer.sign(message.encode()),
            "PAYPAL-CERT-URL": certificate,
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        },
        body,
    )


def _order(desk: Desk, wanted: Document) -> Document:
    reference = new_id("").upper()[:17]
    order: Document = {
        "id": reference,
        "intent": wanted["intent"],
        "status": "PAYER_ACTION_REQUIRED",
        "purchase_units": wanted["purchase_units"],
        "create_time": timestamp(),
        "links": [
            {"rel": "payer-action", "href": desk.page(reference), "method": "GET"},
        ],
    }
    desk.keep(reference, order)
    return order


def _capture(desk: Desk, signer: Signer, order: Document) -> None:
    unit = order["purchase_units"][0]
    amount = dict(unit["amount"])
    wrong = _WRONG_AMOUNTS.get(desk.faults_of.get(order["id"], Fault.NONE))
    amount["value"] = wrong or amount["value"]
    capture = {
        "id": new_id("").upper()[:17],
        "status": "COMPLETED",
        "amount": amount,
        "custom_id": unit.get("custom_id"),
        "final_capture": True,
        "supplementary_data": {"related_ids": {"order_id": order["id"]}},
    }
    order["status"] = "COMPLETED"
    unit["payments"] = {"captures": [capture]}
    fault = desk.faults_of.get(order["id"], Fault.NONE)
    approved = signed(desk, signer, "CHECKOUT.ORDER.APPROVED", order)
    completed = signed(desk, signer, "PAYMENT.CAPTURE.COMPLETED", capture)
    desk.webhooks.send(approved, completed, fault=fault)


def order_of(desk: Desk, capture_id: str) -> Document | None:
    """Return the order that a capture took the money of."""
    for order in desk.charges.values():
        captures = order["purchase_units"][0].get("payments", {}).get("captures", [])
        if any(capture["id"] == capture_id for capture in captures):
            return order
    return None


def issue_of_refund(desk: Desk, capture_id: str, amount: Document) -> str | None:
    """Return PayPal's issue with a refund, or None.

    https://developer.paypal.com/docs/api/payments/v2/#captures_refund
    """
    order = order_of(desk, capture_id)
    if order is None:
        return "INVALID_RESOURCE_ID"
    payments = order["purchase_units"][0]["payments"]
    captured = payments["captures"][0]["amount"]
    if captured["currency_code"] != amount["currency_code"]:
        return "CURRENCY_MISMATCH"
    is_too_much = Decimal(amount["value"]) > left_of(payments)
    return "REFUND_AMOUNT_EXCEEDED" if is_too_much else None


def left_of(payments: Document) -> Decimal:
    """Return what of an order's capture is not refunded."""
    done = sum(
        Decimal(refund["amount"]["value"])
        for refund in payments.get("refunds", [])
        if refund["status"] != "FAILED"
    )
    return Decimal(payments["captures"][0]["amount"]["value"]) - done


def refund_capture(
    desk: Desk, signer: Signer, capture_id: str, wanted: Document, *, failed: bool = False
) -> Document:
    """Refund a part or all of a capture, and say so."""
    made: Document = {
        "id": new_id("").upper()[:17],
        "status": "FAILED" if failed else "COMPLETED",
        "amount": wanted["amount"],
        "custom_id": wanted.get("custom_id"),
        "invoice_id": wanted.get("invoice_id"),
        "capture_id": capture_id,
    }
    order = order_of(desk, capture_id)
    if order is not None:
        order["purchase_units"][0]["payments"].setdefault("refunds", []).append(made)
    desk.refunds[str(made["id"])] = made
    desk.webhooks.send(signed(desk, signer, "PAYMENT.CAPTURE.REFUNDED", made))
    return made


def not_authorised() -> Response:
    """Answer as to a token that does not count."""
    return answer({"error": "invalid_token", "error_description": "Token signature failed"}, 401)


_WRONG_AMOUNTS = {Fault.WRONG_AMOUNT: "0.01", Fault.UNREADABLE_AMOUNT: "0.015"}
