"""Xendit: invoices and refunds, with callbacks that carry a token."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from payment_simulator.desk import Desk, Document, answer, new_id, timestamp
from payment_simulator.faults import Fault, after, before
from payment_simulator.webhooks import Webhook

_basic = HTTPBasic(auto_error=False)
Key = Annotated[str | None, Header(alias="idempotency-key")]


class XenditError(Exception):
    """An error as Xendit answers it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response = answer({"error_code": code, "message": message}, status)


def router(desk: Desk) -> APIRouter:  # noqa: C901 - a route is a function here
    """Make the routes of Xendit's API."""

    async def known(
        credentials: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
    ) -> None:
        if credentials is None or credentials.username != desk.settings.xendit_secret_key:
            raise XenditError(401, "INVALID_API_KEY", "The API key is invalid")

    routes = APIRouter(prefix="/xendit", tags=["xendit"], dependencies=[Depends(known)])

    @routes.post("/v2/invoices")
    async def create(request: Request) -> Response:
        wanted = await request.json()
        ordered = desk.faults.take("xendit", amount=wanted["amount"])
        await before(ordered)
        invoice = _invoice(desk, wanted)
        desk.faults_of[invoice["id"]] = ordered.fault
        await after(ordered)
        return answer(invoice)

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
            raise XenditError(400, "INVOICE_NOT_PENDING", f"It is {invoice['status']}")
        settle(desk, reference, paid=False)
        return answer(invoice)

    @routes.post("/refunds")
    async def refund(request: Request, key: Key = None) -> Response:
        wanted = await request.json()

        async def work() -> Response:
            ordered = desk.faults.take("xendit", amount=wanted["amount"])
            await before(ordered)
            made = {
                **wanted,
                "id": new_id("rfd-"),
                "status": "PENDING",
                "created": timestamp(),
            }
            desk.refunds[made["id"]] = made
            response = answer(dict(made))
            desk.remember(key, response)
            failed = ordered.fault is Fault.DECLINE
            made["status"] = "FAILED" if failed else "SUCCEEDED"
            kind = "refund.failed" if failed else "refund.succeeded"
            desk.webhooks.send(
                signed(desk, {"event": kind, "created": timestamp(), "data": made}),
                fault=ordered.fault,
            )
            await after(ordered)
            return response

        return await desk.once(key, work)

    @routes.get("/refunds/{reference}")
    async def retrieve_refund(reference: str) -> Response:
        if reference not in desk.refunds:
            raise XenditError(404, "DATA_NOT_FOUND", "No such refund")
        return answer(desk.refunds[reference])

    return routes


def settle(desk: Desk, reference: str, *, paid: bool) -> None:
    """Let the customer pay, or let the invoice expire."""
    invoice = desk.charges[reference]
    if invoice["status"] != "PENDING":
        return
    fault = desk.faults_of.get(reference, Fault.NONE)
    if paid:
        amount = invoice["amount"] + (1 if fault is Fault.WRONG_AMOUNT else 0)
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
    expiry = datetime.now(UTC) + timedelta(seconds=wanted["invoice_duration"])
    invoice: Document = {
        **wanted,
        "id": reference,
        "status": "PENDING",
        "invoice_url": desk.page(reference),
        "expiry_date": expiry.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "created": timestamp(),
    }
    desk.charges[reference] = invoice
    desk.created += 1
    return invoice


def _find(desk: Desk, reference: str) -> Document:
    if reference not in desk.charges:
        raise XenditError(404, "INVOICE_NOT_FOUND_ERROR", "Could not find invoice")
    return desk.charges[reference]
