"""The simulator as Stripe's own SDK sees it: its types, its errors, its verifier of signatures."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import stripe

from payment_simulator import stripe as simulated
from payment_simulator.settings import Settings as SimulatorSettings

Addresses = Any  # conftest.Addresses: test modules cannot import it
Simulator = Any

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # The SDK hands httpx its form as httpx no longer likes it.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]
KEYS = SimulatorSettings()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sdk(simulator: Simulator, addresses: Addresses) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.HTTPXClient(timeout=60)
    yield stripe.StripeClient(
        KEYS.stripe_api_key,
        http_client=http,
        base_addresses={"api": f"{addresses.simulator_url}/stripe"},
        max_network_retries=0,
    )
    await http.close_async()  # type: ignore[no-untyped-call] # the SDK left it so


async def charged(
    sdk: stripe.StripeClient, *, token: str | None = "pm_card_visa", key: str | None = None
) -> stripe.PaymentIntent:
    params: Any = {"amount": 1999, "currency": "usd", "metadata": {"payment_id": "p1"}}
    if token:
        params |= {"payment_method": token, "confirm": True, "return_url": "https://shop.example"}
    options: Any = {"idempotency_key": key or uuid4().hex}
    return await sdk.v1.payment_intents.create_async(params, options)


async def test_a_charge_is_a_payment_intent(sdk: stripe.StripeClient) -> None:
    intent = await charged(sdk)
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.object, intent.status, intent.livemode) == ("payment_intent", "succeeded", False)
    assert (intent.amount, intent.amount_received, intent.currency) == (1999, 1999, "usd")
    assert intent.metadata.to_dict() == {"payment_id": "p1"}
    again = await sdk.v1.payment_intents.retrieve_async(intent.id)
    assert again.to_dict() == intent.to_dict()


async def test_the_same_idempotency_key_is_the_same_charge(sdk: stripe.StripeClient) -> None:
    key = uuid4().hex
    first, second = await charged(sdk, key=key), await charged(sdk, key=key)
    assert first.id == second.id


async def test_a_decline_is_a_card_error_with_its_intent(sdk: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await charged(sdk, token="pm_card_visa_chargeDeclined")
    error = caught.value
    assert (error.http_status, error.code) == (402, "card_declined")
    assert error.error is not None
    assert error.error.decline_code == "generic_decline"
    assert isinstance(error.error.payment_intent, stripe.PaymentIntent)
    assert error.error.payment_intent.status == "requires_payment_method"


async def test_an_action_is_a_page_to_go_to(sdk: stripe.StripeClient) -> None:
    intent = await charged(sdk, token="pm_card_authenticationRequired")
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.url is not None
    cancelled = await sdk.v1.payment_intents.cancel_async(intent.id)
    assert cancelled.status == "canceled"


async def test_a_refund_is_a_refund_and_never_more_than_the_charge(
    sdk: stripe.StripeClient,
) -> None:
    intent = await charged(sdk)
    refund = await sdk.v1.refunds.create_async({"payment_intent": intent.id, "amount": 999})
    assert isinstance(refund, stripe.Refund)
    assert (refund.status, refund.amount, refund.currency) == ("succeeded", 999, "usd")
    assert (await sdk.v1.refunds.retrieve_async(refund.id)).to_dict() == refund.to_dict()
    with pytest.raises(stripe.InvalidRequestError):
        await sdk.v1.refunds.create_async({"payment_intent": intent.id, "amount": 1001})


async def test_errors_are_the_sdks_own(sdk: stripe.StripeClient, addresses: Addresses) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await sdk.v1.payment_intents.retrieve_async("pi_nothing")
    http = stripe.HTTPXClient(timeout=60)
    stranger = stripe.StripeClient(
        "sk_wrong", http_client=http, base_addresses={"api": f"{addresses.simulator_url}/stripe"}
    )
    with pytest.raises(stripe.AuthenticationError):
        await stranger.v1.payment_intents.retrieve_async("pi_nothing")
    await http.close_async()  # type: ignore[no-untyped-call] # the SDK left it so


def verified(webhook: Any, *, body: bytes | None = None, secret: str | None = None) -> stripe.Event:
    event: stripe.Event = stripe.Webhook.construct_event(
        webhook.body if body is None else body,
        webhook.headers["Stripe-Signature"],
        secret or KEYS.stripe_webhook_secret,
    )
    return event


async def test_a_webhook_is_an_event_that_the_sdk_verifies(
    sdk: stripe.StripeClient, simulator: Simulator
) -> None:
    desk = simulator.app.state.desks["stripe"]
    intent = await charged(sdk)
    webhook = simulated.signed(desk, "payment_intent.succeeded", desk.charges[intent.id])
    event = verified(webhook)
    assert isinstance(event, stripe.Event)
    assert (event.object, event.type) == ("event", "payment_intent.succeeded")
    assert isinstance(event.data.object, stripe.PaymentIntent)
    assert event.data.object.to_dict() == intent.to_dict()


async def test_what_is_altered_signed_by_another_or_old_the_sdk_refuses(
    simulator: Simulator,
) -> None:
    desk = simulator.app.state.desks["stripe"]
    intent = {"id": "pi_1", "object": "payment_intent", "metadata": {}}
    webhook = simulated.signed(desk, "payment_intent.created", intent)
    old = simulated.signed(desk, "payment_intent.created", intent, at=int(time.time()) - 301)
    with pytest.raises(stripe.SignatureVerificationError):
        verified(webhook, body=webhook.body.replace(b"pi_1", b"pi_2"))
    with pytest.raises(stripe.SignatureVerificationError):
        verified(webhook, secret="whsec_other")
    with pytest.raises(stripe.SignatureVerificationError):
        verified(old)
