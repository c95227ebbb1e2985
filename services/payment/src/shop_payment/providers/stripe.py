"""Stripe: PaymentIntents by its own SDK, asynchronous.

A card with a token is confirmed at once (`confirm=true`); without one the customer's browser
confirms with the client secret. https://docs.stripe.com/api/payment_intents
"""
# ruff: noqa: ARG002, D102 - the protocol says what each method takes and does

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
import stripe

from shop_payment import domain
from shop_payment.providers import protocol
from shop_payment.providers.amounts import UnreadableAmountError, from_stripe, to_stripe
from shop_payment.providers.http import error_of_status

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams

T = TypeVar("T")
TOLERANCE = 300  # seconds, both ways; https://docs.stripe.com/webhooks#replay-attacks
_REFUNDS = {
    "succeeded": domain.RefundStatus.SUCCEEDED,
    "failed": domain.RefundStatus.FAILED,
    "canceled": domain.RefundStatus.FAILED,
    "pending": domain.RefundStatus.PENDING,
    "requires_action": domain.RefundStatus.PENDING,
}


class StripeProvider:
    """The adapter. `base_url` is empty for Stripe itself."""

    name = "stripe"

    def __init__(
        self, *, api_key: str, webhook_secret: str, base_url: str, return_url: str, timeout: float
    ) -> None:
        self._http = stripe.HTTPXClient(timeout=timeout)
        self._client = stripe.StripeClient(
            api_key,
            http_client=self._http,
            base_addresses={"api": base_url} if base_url else {},
            max_network_retries=0,
        )
        self._webhook_secret = webhook_secret
        self._return_url = return_url

    async def create(self, charge: protocol.Charge) -> protocol.ChargeAnswer:
        metadata = {"payment_id": str(charge.payment_id), "order_id": str(charge.order_id)}
        if charge.order_number is not None:
            metadata["order_number"] = charge.order_number
        params: PaymentIntentCreateParams = {
            "amount": to_stripe(charge.total),
            "currency": charge.total.currency.lower(),
            "allowed_payment_method_types": cast("Any", [charge.method]),
            "metadata": metadata,
        }
        if charge.order_number is not None:
            params["description"] = f"Order {charge.order_number}"
        if charge.token is not None:
            params["payment_method"] = charge.token
            params["confirm"] = True
            params["return_url"] = self._return_url
        created = self._client.v1.payment_intents.create_async(
            params, {"idempotency_key": f"charge-{charge.payment_id}"}
        )
        try:
            return _answer(await created, charge)
        except stripe.CardError as error:
            return domain.ChargeFailed(
                reason="declined",
                message=error.user_message or "the card was declined",
                reference=_intent_of(error),
            )
        except stripe.StripeError as error:
            raise _provider_error(error) from error

    async def capture(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        captured = self._client.v1.payment_intents.capture_async(
            reference, options={"idempotency_key": f"capture-{charge.payment_id}"}
        )
        return _answer(await _asked(captured), charge)

    async def cancel(self, charge: protocol.Charge, reference: str) -> protocol.ChargeAnswer:
        try:
            cancelled = await _asked(
                self._client.v1.payment_intents.cancel_async(
                    reference, options={"idempotency_key": f"cancel-{charge.payment_id}"}
                )
            )
        except protocol.DeclinedError:  # it has succeeded meanwhile, or is cancelled already
            cancelled = await _asked(self._client.v1.payment_intents.retrieve_async(reference))
        return _answer(cancelled, charge)

    async def fetch(
        self, charge: protocol.Charge, reference: str | None
    ) -> protocol.ChargeAnswer | None:
        if reference is not None:
            retrieved = self._client.v1.payment_intents.retrieve_async(reference)
            try:
                return _answer(await retrieved, charge)
            except stripe.StripeError as error:
                if error.http_status == httpx.codes.NOT_FOUND:
                    return None
                raise _provider_error(error) from error
        # Search lags a minute, more in an outage (https://docs.stripe.com/search#data-freshness).
        found = await _asked(
            self._client.v1.payment_intents.search_async(
                {"query": f"metadata['payment_id']:'{charge.payment_id}'", "limit": 1}
            )
        )
        with protocol.reading("Stripe's search result"):
            intents = list(found.data)
        return _answer(intents[0], charge) if intents else None

    async def refund(self, order: protocol.RefundOrder) -> domain.RefundAnswered:
        refunds = self._client.v1.refunds
        if order.reference is not None:
            refund = await _asked(refunds.retrieve_async(order.reference))
        else:
            refund = await _asked(
                refunds.create_async(
                    {
                        "payment_intent": order.charge_reference,
                        "amount": to_stripe(order.total),
                        "metadata": {
                            "payment_id": str(order.payment_id),
                            "refund_id": str(order.refund_id),
                        },
                    },
                    {"idempotency_key": f"refund-{order.refund_id}"},
                )
            )
        with protocol.reading("Stripe's refund"):
            return domain.RefundAnswered(
                refund_id=order.refund_id,
                status=_REFUNDS[refund.status or ""],
                reference=refund.id,
            )

    async def fetch_refunds(
        self, charge: protocol.Charge, reference: str
    ) -> tuple[protocol.RefundReport, ...]:
        listed = await _asked(
            self._client.v1.refunds.list_async({"payment_intent": reference, "limit": 100})
        )
        with protocol.reading("Stripe's list of refunds"):
            return tuple(
                protocol.RefundReport(
                    reference=refund.id,
                    total=from_stripe(refund.amount, refund.currency),
                    status=_REFUNDS[refund.status or ""],
                    refund_id=protocol.as_uuid(_metadata(refund).get("refund_id")),
                )
                for refund in listed.data
            )

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> protocol.WebhookNotice:
        signature = headers.get("stripe-signature", "")
        if not signature.isascii():  # the SDK's comparison would raise a TypeError
            raise protocol.ForgedWebhookError("a signature of other characters than ASCII's")
        try:
            stripe.WebhookSignature.verify_header(body, signature, self._webhook_secret, TOLERANCE)
        except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
            raise protocol.ForgedWebhookError(str(error)) from error
        signed_at = int(next(p[2:] for p in signature.split(",") if p.startswith("t=")))
        if signed_at > time.time() + TOLERANCE:  # the SDK looks back only
            raise protocol.ForgedWebhookError("signed in the future")
        try:
            return _notice(protocol.webhook_json(body))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise protocol.UnreadableWebhookError(repr(error)) from error

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call] # the SDK left it so


def _notice(event: dict[str, Any]) -> protocol.WebhookNotice:
    # A thin event (https://docs.stripe.com/event-destinations#thin-events) carries no object: it is
    # about nothing that this service makes.
    thing: dict[str, Any] = (event.get("data") or {}).get("object") or {}
    kind, of = event["type"], thing.get("object")
    metadata = thing.get("metadata") or {}
    concern = protocol.Concern.CHARGE
    if of in {"dispute", "radar.early_fraud_warning"}:
        concern = protocol.Concern.DISPUTE
    elif of == "refund" or kind == "charge.refunded":
        concern = protocol.Concern.REFUND
    return protocol.WebhookNotice(
        event_id=event["id"],
        kind=kind,
        concern=concern,
        payment_id=protocol.as_uuid(metadata.get("payment_id")),
        reference=protocol.as_reference(
            thing.get("id" if of == "payment_intent" else "payment_intent")
        ),
        captured=_claimed(thing) if kind == "payment_intent.succeeded" else None,
        refund_id=protocol.as_uuid(metadata.get("refund_id")),
        refund_reference=protocol.as_reference(thing.get("id")) if of == "refund" else None,
        is_failure=thing.get("status") in {"canceled", "failed"},
        is_echo=kind == "payment_intent.created",
    )


def _claimed(intent: dict[str, Any]) -> domain.Total | None:
    try:
        return from_stripe(intent["amount_received"], intent["currency"])
    except UnreadableAmountError:  # the API is asked, and its answer is held and alerted
        return None


@protocol.reading("Stripe's payment intent")
def _answer(intent: stripe.PaymentIntent, charge: protocol.Charge) -> protocol.ChargeAnswer:
    protocol.require_own(charge, _metadata(intent).get("payment_id"))
    match intent.status:
        case "succeeded":
            return domain.MoneyCaptured(
                reference=intent.id, total=from_stripe(intent.amount_received, intent.currency)
            )
        case "requires_action" | "requires_confirmation":
            return _action(intent, charge)
        case "requires_payment_method":
            if intent.last_payment_error is None:
                return _action(intent, charge)
            message = intent.last_payment_error.message or "the payment was declined"
            return domain.ChargeFailed(reason="declined", message=message, reference=intent.id)
        case "canceled":
            message = "cancelled at the provider"
            return domain.ChargeFailed(reason="expired", message=message, reference=intent.id)
        case "processing" | "requires_capture":
            return domain.ChargePending(reference=intent.id)
        case other:
            raise protocol.UnreadableError(f"a payment intent that is {other!r}")


def _metadata(thing: stripe.PaymentIntent | stripe.Refund) -> dict[str, str]:
    return dict(thing.to_dict().get("metadata") or {})


def _action(intent: stripe.PaymentIntent, charge: protocol.Charge) -> domain.CustomerMustAct:
    action: dict[str, Any] = {"type": "client_secret", "client_secret": intent.client_secret}
    redirect = intent.next_action.redirect_to_url if intent.next_action else None
    if redirect is not None:
        action = {"type": "redirect", "url": redirect.url}
    return domain.CustomerMustAct(reference=intent.id, action=action, expires_at=charge.expires_at)


async def _asked(request: Awaitable[T]) -> T:
    """Return the answer, or raise the ProviderError that Stripe's error is."""
    try:
        return await request
    except stripe.StripeError as error:
        raise _provider_error(error) from error


def _provider_error(error: stripe.StripeError) -> protocol.ProviderError:
    """Say who is to blame for an error (https://docs.stripe.com/api/errors)."""
    if isinstance(error, stripe.APIConnectionError):
        if isinstance(error.__cause__, (httpx.ConnectError, httpx.ConnectTimeout)):
            return protocol.NotSentError(str(error))
        return protocol.OutcomeUnknownError(str(error))
    if isinstance(error, stripe.IdempotencyError):  # the key's first request is what counts
        return protocol.OutcomeUnknownError(str(error))
    if isinstance(error, stripe.RateLimitError):
        return protocol.NotSentError(str(error))
    if error.http_status is None:
        return protocol.OutcomeUnknownError(str(error))
    return error_of_status(error.http_status, str(error), readable=error.error is not None)


def _intent_of(error: stripe.CardError) -> str | None:
    intent = error.error.payment_intent if error.error else None
    return intent.id if intent else None
