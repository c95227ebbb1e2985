"""Midtrans: the Core API. HTTP is always 200; `status_code` in the body tells."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from payment_simulator.desk import Desk, Document, answer, new_id, timestamp
from payment_simulator.faults import Fault, after, before
from payment_simulator.webhooks import Webhook

_basic = HTTPBasic(auto_error=False)
Credentials = Annotated[HTTPBasicCredentials | None, Depends(_basic)]
_CODES = {"capture": "200", "settlement": "200", "pending": "201", "deny": "202"}


def router(desk: Desk) -> APIRouter:  # noqa: C901 - a route is a function here
    """Make the routes of Midtrans' API."""
    routes = APIRouter(prefix="/midtrans", tags=["midtrans"])

    def unknown(credentials: HTTPBasicCredentials | None) -> Response | None:
        if credentials and credentials.username == desk.settings.midtrans_server_key:
            return None
        return _status("401", "Access denied due to unauthorized transaction")

    @routes.post("/v2/charge")
    async def charge(request: Request, credentials: Credentials) -> Response:
        if refusal := unknown(credentials):
            return refusal
        wanted = await request.json()
        details = wanted["transaction_details"]
        if details["order_id"] in desk.charges:
            return _status("406", "The request could not be completed due to a conflict")
        token = wanted.get("credit_card", {}).get("token_id")
        ordered = desk.faults.take("midtrans", amount=details["gross_amount"], token=token)
        await before(ordered)
        transaction = _charge(desk, wanted, ordered.fault)
        await after(ordered)
        return answer(transaction)

    @routes.get("/v2/{order_id}/status")
    async def status(order_id: str, credentials: Credentials) -> Response:
        if refusal := unknown(credentials):
            return refusal
        transaction = desk.charges.get(order_id)
        return answer(transaction) if transaction else _status("404", "Not found")

    @routes.post("/v2/{order_id}/cancel")
    async def cancel(order_id: str, credentials: Credentials) -> Response:
        if refusal := unknown(credentials):
            return refusal
        transaction = desk.charges.get(order_id)
        if transaction is None:
            return _status("404", "Transaction doesn't exist.")
        if transaction["transaction_status"] not in {"pending", "authorize"}:
            return _status("412", "Transaction status cannot be updated.")
        transaction |= {"transaction_status": "cancel", "status_code": "200"}
        notify(desk, transaction)
        return answer(transaction)

    @routes.post("/v2/{order_id}/refund")
    async def refund(request: Request, order_id: str, credentials: Credentials) -> Response:
        if refusal := unknown(credentials):
            return refusal
        wanted = await request.json()
        transaction = desk.charges[order_id]
        ordered = desk.faults.take("midtrans", amount=wanted["amount"])
        await before(ordered)
        if ordered.fault is Fault.DECLINE:
            return _status("414", "Refund is rejected by the provider")
        _refund(transaction, wanted)
        notify(desk, transaction, ordered.fault)
        await after(ordered)
        return answer(transaction)

    return routes


def settle(desk: Desk, reference: str, *, paid: bool) -> None:
    """Let the customer pay, or let the transaction expire; by order or transaction id."""
    transaction = desk.charges.get(reference) or next(
        t for t in desk.charges.values() if t["transaction_id"] == reference
    )
    if transaction["transaction_status"] != "pending":
        return
    fault = desk.faults_of.get(transaction["order_id"], Fault.NONE)
    if paid:
        transaction |= {"transaction_status": "settlement", "status_code": "200"}
        transaction["settlement_time"] = timestamp()
        if fault is Fault.WRONG_AMOUNT:
            transaction["gross_amount"] = "1.00"
    else:
        transaction |= {"transaction_status": "expire", "status_code": "407"}
    notify(desk, transaction, fault)


def notify(desk: Desk, transaction: Document, fault: Fault = Fault.NONE) -> None:
    """Send the notification of the transaction as it is now."""
    desk.webhooks.send(signed(desk, transaction), fault=fault)


def signed(desk: Desk, transaction: Document) -> Webhook:
    """Make a notification with its signature key."""
    proof = (
        f"{transaction['order_id']}{transaction['status_code']}{transaction['gross_amount']}"
        f"{desk.settings.midtrans_server_key}"
    )
    signature = hashlib.sha512(proof.encode()).hexdigest()
    body = json.dumps({**transaction, "signature_key": signature}).encode()
    return Webhook("midtrans", {}, body)


def _charge(desk: Desk, wanted: dict[str, Any], fault: Fault) -> Document:
    details = wanted["transaction_details"]
    state = "pending"
    if wanted["payment_type"] == "credit_card":
        state = "deny" if fault is Fault.DECLINE else "capture"
    transaction: Document = {
        "transaction_id": new_id(""),
        "order_id": details["order_id"],
        "gross_amount": f"{details['gross_amount']}.00",
        "currency": "IDR",
        "payment_type": wanted["payment_type"],
        "transaction_status": state,
        "fraud_status": "accept",
        "status_code": _CODES[state],
        "status_message": "Success" if state != "deny" else "Deny by the bank",
        "transaction_time": timestamp(),
    }
    if state == "pending":
        url = desk.page(details["order_id"])
        if wanted["payment_type"] == "bank_transfer":
            bank = wanted["bank_transfer"]["bank"]
            transaction["va_numbers"] = [{"bank": bank, "va_number": "812785002530231"}]
        else:
            transaction["actions"] = [{"name": "generate-qr-code", "method": "GET", "url": url}]
    desk.charges[details["order_id"]] = transaction
    desk.faults_of[details["order_id"]] = fault
    desk.created += 1
    if state != "pending":
        notify(desk, transaction, fault)
    return transaction


def _refund(transaction: Document, wanted: dict[str, Any]) -> None:
    refunds = transaction.setdefault("refunds", [])
    if all(refund["refund_key"] != wanted["refund_key"] for refund in refunds):
        refunds.append({**wanted, "refund_amount": f"{wanted['amount']}.00"})
    total = sum(refund["amount"] for refund in refunds)
    full = total >= float(transaction["gross_amount"])
    transaction["transaction_status"] = "refund" if full else "partial_refund"
    transaction |= {"refund_amount": f"{total}.00", "status_code": "200"}


def _status(code: str, message: str) -> Response:
    return answer({"status_code": code, "status_message": message, "id": new_id("")})
