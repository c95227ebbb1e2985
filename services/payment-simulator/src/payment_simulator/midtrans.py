"""Midtrans: the Core API. HTTP is always 200; `status_code` in the body tells."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from payment_simulator.desk import Desk, Document, answer, new_id, timestamp
from payment_simulator.faults import Fault, NotAuthorisedFault
from payment_simulator.midtrans_rules import refuse_charge
from payment_simulator.webhooks import Webhook

_basic = HTTPBasic(auto_error=False)
Credentials = Annotated[HTTPBasicCredentials | None, Depends(_basic)]
_CODES = {"capture": "200", "settlement": "200", "pending": "201", "deny": "202"}


def router(desk: Desk) -> APIRouter:  # noqa: C901 - a route is a function here
    """Make the routes of Midtrans' API."""

    async def known(credentials: Credentials) -> None:
        if credentials is None or credentials.username != desk.settings.midtrans_server_key:
            raise NotAuthorisedFault
        await desk.suffer()

    routes = APIRouter(prefix="/midtrans", tags=["midtrans"], dependencies=[Depends(known)])

    @routes.post("/v2/charge")
    async def charge(request: Request) -> Response:
        wanted = await request.json()
        refused = refuse_charge(wanted)
        if refused is not None:
            code, messages = refused
            message = "One or more parameters in the payload is invalid."
            return _status(code, message, validation_messages=messages)
        details = wanted["transaction_details"]
        if details["order_id"] in desk.charges:
            return _status("406", "The request could not be completed due to a conflict")
        token = wanted.get("credit_card", {}).get("token_id")

        def make(fault: Fault) -> Response:
            return answer(_charge(desk, wanted, fault))

        return await desk.perform(make, amount=details["gross_amount"], token=token)

    @routes.get("/v2/{order_id}/status")
    async def status(order_id: str) -> Response:
        transaction = desk.charges.get(order_id)
        if transaction is None:
            return _status("404", "Not found")
        return answer({**transaction, "status_message": "Success, transaction is found"})

    @routes.post("/v2/{order_id}/cancel")
    async def cancel(order_id: str) -> Response:
        transaction = desk.charges.get(order_id)
        if transaction is None:
            return _status("404", "Transaction doesn't exist.")
        if transaction["transaction_status"] not in _CAN_BE_CANCELLED:
            return _status("412", "Transaction status cannot be updated.")
        transaction |= {"transaction_status": "cancel", "status_code": "200"}
        notify(desk, transaction)
        return answer(transaction)

    @routes.post("/v2/{order_id}/refund")
    async def refund(request: Request, order_id: str) -> Response:
        wanted = await request.json()
        transaction = desk.charges.get(order_id)
        if transaction is None:
            return _status("404", "Transaction doesn't exist.")
        if transaction["transaction_status"] not in _CAN_BE_REFUNDED:
            return _status("412", "Transaction status cannot be updated.")
        known_key = any(r["refund_key"] == wanted["refund_key"] for r in refunds_of(transaction))
        if not known_key and not 0 < wanted["amount"] <= left_of(transaction):
            return _status("400", "The refund amount is more than what is left.")

        def make(fault: Fault) -> Response:
            if fault is Fault.DECLINE:
                return _status("414", "Refund is rejected by the provider")
            refund_transaction(transaction, wanted)
            notify(desk, transaction, fault)
            return answer(transaction)

        return await desk.perform(make, amount=wanted["amount"])

    return routes


def settle(desk: Desk, reference: str, *, paid: bool) -> None:
    """Let the customer pay, or let the transaction expire; by order or transaction id.

    A card that was paid is settled with its bank, as it is on the next day.
    """
    transaction = find(desk, reference)
    if transaction["transaction_status"] not in ({"pending", "capture"} if paid else {"pending"}):
        return
    fault = desk.faults_of.get(transaction["order_id"], Fault.NONE)
    if paid:
        transaction |= {"transaction_status": "settlement", "status_code": "200"}
        transaction["settlement_time"] = timestamp()
        transaction["gross_amount"] = _WRONG.get(fault, transaction["gross_amount"])
    else:
        transaction |= {"transaction_status": "expire", "status_code": "407"}
    notify(desk, transaction, fault)


def find(desk: Desk, reference: str) -> Document:
    """Return a transaction by order or transaction id. Raises KeyError."""
    for order_id, transaction in desk.charges.items():
        if reference in {order_id, transaction["transaction_id"]}:
            return transaction
    raise KeyError(reference)


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
        **{name: text for name, text in wanted.items() if name.startswith("custom_field")},
    }
    if state == "pending":
        url = desk.page(details["order_id"])
        if wanted["payment_type"] == "bank_transfer":
            bank = wanted["bank_transfer"]["bank"]
            transaction["va_numbers"] = [{"bank": bank, "va_number": "812785002530231"}]
        else:
            transaction["actions"] = [{"name": "generate-qr-code", "method": "GET", "url": url}]
    if state == "capture":
        transaction["gross_amount"] = _WRONG.get(fault, transaction["gross_amount"])
    desk.keep(details["order_id"], transaction)
    desk.faults_of[details["order_id"]] = fault
    if state != "pending":
        notify(desk, transaction, fault)
    return transaction


def refunds_of(transaction: Document) -> list[Document]:
    """Return the refunds of a transaction."""
    return list(transaction.get("refunds", []))


def left_of(transaction: Document) -> float:
    """Return what of a transaction is not refunded, in rupiah."""
    refunded: int = sum(refund["amount"] for refund in refunds_of(transaction))
    return float(transaction["gross_amount"]) - refunded


def refund_transaction(transaction: Document, wanted: dict[str, Any]) -> None:
    """Refund a part or all of a transaction; the same refund key again refunds nothing."""
    refunds = transaction.setdefault("refunds", [])
    if all(refund["refund_key"] != wanted["refund_key"] for refund in refunds):
        refunds.append({**wanted, "refund_amount": f"{wanted['amount']}.00"})
    total = sum(refund["amount"] for refund in refunds)
    full = total >= float(transaction["gross_amount"])
    transaction["transaction_status"] = "refund" if full else "partial_refund"
    transaction |= {"refund_amount": f"{total}.00", "status_code": "200"}


def not_authorised() -> Response:
    """Answer as to a key that does not count."""
    return _status("401", "Access denied due to unauthorized transaction")


def _status(code: str, message: str, **more: object) -> Response:
    return answer({"status_code": code, "status_message": message, "id": new_id(""), **more})


# A card is voided until it is settled, and refunded from then on:
# https://docs.midtrans.com/docs/transaction-status-cycle
_CAN_BE_CANCELLED = frozenset({"pending", "authorize", "capture"})
_CAN_BE_REFUNDED = frozenset({"settlement", "partial_refund", "refund"})
_WRONG = {Fault.WRONG_AMOUNT: "1.00", Fault.UNREADABLE_AMOUNT: "1.005"}
