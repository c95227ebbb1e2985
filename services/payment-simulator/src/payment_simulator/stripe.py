"""Stripe: payment intents and refunds, form-encoded, with idempotency keys."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Header, Request, Response

from payment_simulator.desk import Desk, Document, answer, new_id
from payment_simulator.faults import Fault
from payment_simulator.stripe_rules import refuse_intent
from payment_simulator.webhooks import Webhook

_UNKNOWN_KEY: Document = {
    "type": "invalid_request_error",
    "message": "Invalid API Key provided",
}
_MISSING = {Fault.WRONG_AMOUNT: 1, Fault.UNREADABLE_AMOUNT: 0.5}
"""By which a charge with these faults is short."""
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key")]


def router(desk: Desk) -> APIRouter:  # noqa: C901 - a route is a function here
    """Make the routes of Stripe's API."""

    async def known(request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {desk.settings.stripe_api_key}":
            raise StripeError(401, _UNKNOWN_KEY)
        await desk.suffer()

    routes = APIRouter(prefix="/stripe", tags=["stripe"], dependencies=[Depends(known)])

    @routes.post("/v1/payment_intents")
    async def create(request: Request, key: IdempotencyKey = None) -> Response:
        form = _form(await request.body())
        refused = refuse_intent(form)
        if refused is not None:
            raise StripeError(400, refused)
        _same_as_first(desk, key, form)

        def make(fault: Fault) -> Response:
            intent = _intent(desk, form)
            desk.faults_of[intent["id"]] = fault
            if form.get("confirm", "").lower() == "true":
                return _confirm(desk, intent, fault)
            return answer(intent)

        return await desk.perform(
            make, key=key, amount=form["amount"], token=form.get("payment_method")
        )

    @routes.get("/v1/payment_intents/search")
    async def search(query: str) -> Response:
        wanted = query.partition("metadata['payment_id']:'")[2].partition("'")[0]
        youngest = time.time() - desk.faults.search_lag.get("stripe", 0)
        found = [
            intent
            for intent in desk.charges.values()
            if intent["metadata"].get("payment_id") == wanted and desk.made_at(intent) <= youngest
        ]
        return answer({"object": "search_result", "data": found, "has_more": False})

    @routes.get("/v1/payment_intents/{reference}")
    async def retrieve(reference: str) -> Response:
        return answer(_find(desk.charges, reference))

    @routes.post("/v1/payment_intents/{reference}/cancel")
    async def cancel(reference: str) -> Response:
        intent = _find(desk.charges, reference)
        if intent["status"] in {"succeeded", "canceled"}:
            message = f"You cannot cancel this PaymentIntent: it is {intent['status']}."
            raise _error(400, "invalid_request_error", message)
        intent["status"] = "canceled"
        send(desk, "payment_intent.canceled", intent)
        return answer(intent)

    @routes.post("/v1/refunds")
    async def refund(request: Request, key: IdempotencyKey = None) -> Response:
        form = _form(await request.body())
        _same_as_first(desk, key, form)

        def make(fault: Fault) -> Response:
            return answer(refund_charge(desk, form, declined=fault is Fault.DECLINE))

        return await desk.perform(make, key=key, amount=form.get("amount", ""))

    @routes.get("/v1/refunds")
    async def list_refunds(payment_intent: str) -> Response:
        found = [r for r in desk.refunds.values() if r["payment_intent"] == payment_intent]
        return answer({"object": "list", "data": found, "has_more": False, "url": "/v1/refunds"})

    @routes.get("/v1/refunds/{reference}")
    async def retrieve_refund(reference: str) -> Response:
        return answer(_find(desk.refunds, reference))

    return routes


class StripeError(Exception):
    """An error as Stripe answers it."""

    def __init__(self, status: int, error: Document) -> None:
        super().__init__(error["message"])
        self.response = answer({"error": error}, status)


def settle(desk: Desk, reference: str, *, paid: bool) -> None:
    """Let the customer confirm, or fail to."""
    intent = desk.charges[reference]
    if intent["status"] not in {"requires_action", "requires_payment_method"}:
        return
    fault = desk.faults_of.get(reference, Fault.NONE)
    if paid:
        _succeed(desk, intent, fault)
    else:
        _decline(desk, intent)


def not_authorised() -> Response:
    """Answer as to a key that does not count."""
    return StripeError(401, _UNKNOWN_KEY).response


def send(desk: Desk, kind: str, thing: Document, fault: Fault = Fault.NONE) -> None:
    """Send an event about the thing as it is now."""
    desk.webhooks.send(signed(desk, kind, thing), fault=fault)


def signed(desk: Desk, kind: str, thing: Document, *, at: int | None = None) -> Webhook:
    """Make an event with the header Stripe-Signature."""
    event = {
        "id": new_id("evt_"),
        "object": "event",
        "api_version": "2026-01-28.clover",
        "created": int(time.time()),
        "livemode": False,
        "type": kind,
        "data": {"object": thing},
    }
    body = json.dumps(event).encode()
    signed_at = int(time.time()) if at is None else at
    secret = desk.settings.stripe_webhook_secret.encode()
    mac = hmac.new(secret, f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
    return Webhook("stripe", {"Stripe-Signature": f"t={signed_at},v1={mac}"}, body)


def _intent(desk: Desk, form: dict[str, str]) -> Document:
    reference = new_id("pi_")
    intent: Document = {
        "id": reference,
        "object": "payment_intent",
        "amount": int(form["amount"]),
        "amount_received": 0,
        "currency": form["currency"],
        "status": "requires_payment_method",
        "client_secret": f"{reference}_secret_{new_id('')}",
        "created": int(time.time()),
        "last_payment_error": None,
        "livemode": False,
        "metadata": _metadata(form),
        "next_action": None,
        "payment_method": form.get("payment_method"),
    }
    desk.keep(reference, intent)
    return intent


def _confirm(desk: Desk, intent: Document, fault: Fault) -> Response:
    if fault is Fault.DECLINE:
        error = _decline(desk, intent)
        return answer({"error": {**error, "payment_intent": intent}}, 402)
    if fault is Fault.ACTION:
        intent["status"] = "requires_action"
        intent["next_action"] = {
            "type": "redirect_to_url",
            "redirect_to_url": {"url": desk.page(intent["id"]), "return_url": None},
        }
        send(desk, "payment_intent.requires_action", intent)
        return answer(intent)
    _succeed(desk, intent, fault)
    return answer(intent)


def _succeed(desk: Desk, intent: Document, fault: Fault) -> None:
    received = intent["amount"] - _MISSING.get(fault, 0)
    created = signed(desk, "payment_intent.created", {**intent})
    intent |= {"status": "succeeded", "amount_received": received, "next_action": None}
    intent["latest_charge"] = new_id("ch_")
    succeeded = signed(desk, "payment_intent.succeeded", intent)
    desk.webhooks.send(created, succeeded, fault=fault)


def _decline(desk: Desk, intent: Document) -> Document:
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": "Your card was declined.",
    }
    intent |= {"status": "requires_payment_method", "last_payment_error": error}
    intent["next_action"] = None
    send(desk, "payment_intent.payment_failed", intent)
    return error


def refund_charge(desk: Desk, form: dict[str, str], *, declined: bool) -> Document:
    """Refund `amount`, or all, of a payment intent. Raises StripeError for more than is left."""
    intent = _find(desk.charges, form.get("payment_intent", ""))
    amount = int(form.get("amount") or intent["amount_received"])
    before_it = sum(
        refund["amount"]
        for refund in desk.refunds.values()
        if refund["payment_intent"] == intent["id"] and refund["status"] != "failed"
    )
    if before_it + amount > intent["amount_received"]:
        raise _error(400, "invalid_request_error", "Refund amount is greater than the charge.")
    refund = {
        "id": new_id("re_"),
        "object": "refund",
        "amount": amount,
        "currency": intent["currency"],
        "payment_intent": intent["id"],
        "status": "failed" if declined else "succeeded",
        "metadata": _metadata(form),
    }
    desk.refunds[str(refund["id"])] = refund
    send(desk, "refund.created", refund)
    return refund


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode()))


def _metadata(form: dict[str, str]) -> dict[str, str]:
    return {
        name[len("metadata[") : -1]: value
        for name, value in form.items()
        if name.startswith("metadata[")
    }


def _same_as_first(desk: Desk, key: str | None, form: dict[str, str]) -> None:
    """Raise Stripe's idempotency_error for a key that came with other parameters before.

    https://docs.stripe.com/api/idempotent_requests
    """
    if key is None:
        return
    fingerprint = json.dumps(form, sort_keys=True)
    if desk.fingerprints.setdefault(key, fingerprint) != fingerprint:
        message = (
            "Keys for idempotent requests can only be used with the same parameters "
            "they were first used with."
        )
        raise _error(400, "idempotency_error", message)


def _find(things: dict[str, Document], reference: str) -> Document:
    if reference not in things:
        raise _error(404, "invalid_request_error", f"No such object: '{reference}'")
    return things[reference]


def _error(status: int, kind: str, message: str) -> StripeError:
    return StripeError(status, {"type": kind, "message": message})
