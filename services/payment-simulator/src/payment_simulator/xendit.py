"""Xendit: invoices and refunds, with callbacks that carry a token."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from payment_simulator.desk import Desk, Document, answer, new_id, timestamp
from payment_simulator.faults import Fault, NotAuthorisedFault
from payment_simulator.webhooks import Webhook
from payment_simulator.xendit_rules import refuse_amount, refuse_invoice

_basic = HTTPBasic(auto_error=False)
Key = Annotated[str | None, Header(alias="idempotency-key")]


class XenditError(Exception):
    """An error as Xendit answers it."""

    def __init__(self, status: int, error: Document) -> None:
        super().__init__(error["message"])
        self.response = answer(error, status)

    @classmethod
    def of(cls, status: int, code: str, message: str) -> Self:
        """Make the error of a code."""
        return cls(status, {"error_code": code, "message": message})


def router(desk: Desk) -> APIRouter:  # noqa: C901 - a route is a function here
    """Make the routes of Xendit's API."""

    async def known(
        credentials: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
    ) -> None:
        if credentials is None or credentials.username != desk.settings.xendit_secret_key:
            raise NotAuthorisedFault
        await desk.suffer()

    routes = APIRouter(prefix="/xendit", tags=["xendit"], dependencies=[Depends(known)])

    @routes.post("/v2/invoices")
    async def create(request: Request) -> Response:
        wanted = await request.json()
        refused = refuse_invoice(wanted)
        if refused is not None:
            raise XenditError(400, refused)

        def make(fault: Fault) -> Response:
            invoice = _invoice(desk, wanted)
            desk.faults_of[invoice["id"]] = fault
            return answer(invoice)

        return await desk.perform(make, amount=wanted["amount"])

    @routes.get("/v2/invoices")
    async def search(external_id: str) -> Response:
        return answer([i for i in desk.charges.values() if i["external_id"] == external_id])

    @routes.get("/v2/invoices/{reference}")
    async def retrieve(reference: str) -> Response:
        return answer(_find(desk, reference))

    @routes.post("/invoices/{reference}/expire!")
    async def expire(reference: str) -> Response:
        invoice = _find(desk, reference)
        if invoice["status"] != "PENDING":
            raise XenditError.of(400, "INVOICE_NOT_PENDING", f"It is {invoice['status']}")
        settle(desk, reference, paid=False)
        return answer(invoice)

    @routes.post("/refunds")
    async def refund(request: Request, key: Key = None) -> Response:
        wanted = await request.json()
        invoice = _find(desk, wanted.get("invoice_id", ""))
        refused = refuse_amount(wanted.get("amount"), invoice["currency"])
        if refused is not None:
            raise XenditError(400, refused)

        def make(fault: Fault) -> Response:
            if wanted["amount"] > left_of(desk, invoice):
                message = "The refund amount exceeds what is left"
                raise XenditError.of(400, "MAXIMUM_REFUND_AMOUNT_REACHED", message)
            return answer(refund_invoice(desk, invoice, wanted, fault=fault))

        return await desk.perform(make, key=key, amount=wanted["amount"])

    @routes.get("/refunds")
    async def list_refunds(
        invoice_id: str, limit: int = 10, after_id: str | None = None
    ) -> Response:
        found = [r for r in desk.refunds.values() if r["invoice_id"] == invoice_id]
        ids = [refund["id"] for refund in found]
        rest = found if after_id is None else found[ids.index(after_id) + 1 :]
        return answer({"data": rest[:limit], "has_more": len(rest) > limit})

    @routes.get("/refunds/{reference}")
    async def retrieve_refund(reference: str) -> Response:
        if reference not in desk.refunds:
            raise XenditError.of(404, "DATA_NOT_FOUND", "No such refund")
        return answer(desk.refunds[reference])

    return routes


def settle(desk: Desk, reference: str, *, paid: bool) -> None:
    """Let the customer pay, or let the invoice expire."""
    invoice = desk.charges[reference]
    if invoice["status"] != "PENDING":
        return
    fault = desk.faults_of.get(reference, Fault.NONE)
    if paid:
        amount = invoice["amount"] + _SURPLUS.get(fault, 0)
        invoice |= {"status": "PAID", "paid_amount": amount, "paid_at": timestamp()}
    else:
        invoice["status"] = "EXPIRED"
    desk.webhooks.send(signed(desk, invoice), fault=fault)


def signed(desk: Desk, body: Document) -> Webhook:
    """Make a callback with the token."""
    headers = {
        "x-callback-token": desk.settings.xendit_callback_token,
        "webhook-id": new_id(""),
    }
    return Webhook("xendit", headers, json.dumps(body).encode())


def _invoice(desk: Desk, wanted: dict[str, Any]) -> Document:
    reference = new_id("")
    # A day, where the request does not say.
    expiry = datetime.now(UTC) + timedelta(seconds=wanted.get("invoice_duration", 86_400))
    invoice: Document = {
        "currency": "IDR",
        **wanted,
        "id": reference,
        "status": "PENDING",
        "invoice_url": desk.page(reference),
        "expiry_date": expiry.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "created": timestamp(),
    }
    desk.keep(reference, invoice)
    return invoice


def left_of(desk: Desk, invoice: Document) -> float:
    """Return what of an invoice is paid and not refunded."""
    paid: float = invoice.get("paid_amount", 0)
    refunded: float = sum(
        refund["amount"]
        for refund in desk.refunds.values()
        if refund["invoice_id"] == invoice["id"] and refund["status"] != "FAILED"
    )
    return paid - refunded


def refund_invoice(
    desk: Desk, invoice: Document, wanted: dict[str, Any], *, fault: Fault = Fault.NONE
) -> Document:
    """Refund a part or all of an invoice; return the refund as it is at first: PENDING."""
    made: Document = {
        "currency": invoice["currency"],
        "invoice_id": invoice["id"],
        **wanted,
        "id": new_id("rfd-"),
        "status": "PENDING",
        "created": timestamp(),
    }
    at_first = dict(made)
    desk.refunds[made["id"]] = made
    failed = fault is Fault.DECLINE
    made["status"] = "FAILED" if failed else "SUCCEEDED"
    kind = "refund.failed" if failed else "refund.succeeded"
    event = {"event": kind, "created": timestamp(), "data": made}
    desk.webhooks.send(signed(desk, event), fault=fault)
    return at_first


def not_authorised() -> Response:
    """Answer as to a key that does not count."""
    return XenditError.of(401, "INVALID_API_KEY", "The API key is invalid").response


_SURPLUS = {Fault.WRONG_AMOUNT: 1, Fault.UNREADABLE_AMOUNT: 0.005}


def _find(desk: Desk, reference: str) -> Document:
    if reference not in desk.charges:
        raise XenditError.of(404, "INVOICE_NOT_FOUND_ERROR", "Could not find invoice")
    return desk.charges[reference]
