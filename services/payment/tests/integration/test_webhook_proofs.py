"""What does not prove right is refused, or has no effect."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.responses import Response

from payment_simulator import stripe
from payment_simulator.webhooks import Webhook

from .conftest import Addresses, Shop
from .signed_webhooks import genuine, post, waiting

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]
PROOFS = {
    "stripe": ["Stripe-Signature"],
    "paypal": [
        "PAYPAL-TRANSMISSION-ID",
        "PAYPAL-TRANSMISSION-TIME",
        "PAYPAL-TRANSMISSION-SIG",
        "PAYPAL-CERT-URL",
        "PAYPAL-AUTH-ALGO",
    ],
    "xendit": ["x-callback-token"],
}
ODD = [
    b"\xff\xfe",
    b"\xc3\xa4",
    b"t=1,v1=\xff",
    b"t=" + b"9" * 5000 + b",v1=a",
    b"https://\xff/",
    b"==",
]


@pytest.mark.parametrize("provider", ["stripe", "paypal", "midtrans"])
async def test_a_signature_of_someone_else_is_refused(
    shop: Shop, client: httpx.AsyncClient, provider: str
) -> None:
    order = await waiting(shop, provider)
    webhook = genuine(shop, provider, await shop.payment_id(order))
    forged = {
        "stripe": Webhook(
            "stripe", {"Stripe-Signature": f"t={int(time.time())},v1=00"}, webhook.body
        ),
        "paypal": Webhook(
            "paypal", {**webhook.headers, "PAYPAL-TRANSMISSION-SIG": "AAAA"}, webhook.body
        ),
        "midtrans": Webhook(
            "midtrans", {}, webhook.body.replace(b'"signature_key": "', b'"signature_key": "0')
        ),
    }[provider]
    answer = await post(client, forged)
    assert answer.status_code == 400
    assert answer.json()["code"] == "webhook_refused"
    await shop.until(order, "action_required")


async def test_a_callback_token_that_is_wrong_or_missing_is_refused(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    webhook = genuine(shop, "xendit", uuid4())
    wrong = Webhook("xendit", {**webhook.headers, "x-callback-token": "nope"}, webhook.body)
    assert (await post(client, wrong)).status_code == 400
    assert (await post(client, Webhook("xendit", {}, webhook.body))).status_code == 400


def altered(body: bytes, *, step: int) -> Iterator[tuple[int, bytes]]:
    """Return the body with one bit turned, at every so many bits."""
    for position in range(0, len(body) * 8, step):
        changed = bytearray(body)
        changed[position // 8] ^= 1 << (position % 8)
        yield position, bytes(changed)


@pytest.mark.parametrize("provider", ["stripe", "paypal"])
async def test_a_body_altered_by_any_one_bit_is_refused(
    shop: Shop, client: httpx.AsyncClient, provider: str
) -> None:
    order = await waiting(shop, provider)
    webhook = genuine(shop, provider, await shop.payment_id(order))
    for position, body in altered(webhook.body, step=97):
        answer = await post(client, webhook, body=body)
        assert answer.status_code == 400, position


@pytest.mark.parametrize("provider", ["xendit", "midtrans"])
async def test_a_body_altered_by_any_one_bit_has_no_effect(
    shop: Shop, client: httpx.AsyncClient, provider: str
) -> None:
    """These two sign no more than a part of it: what they say is asked back before it counts."""
    order = await waiting(shop, provider)
    webhook = genuine(shop, provider, await shop.payment_id(order))
    for position, body in altered(webhook.body, step=61):
        answer = await post(client, webhook, body=body)
        assert answer.status_code in {200, 400}, position
    await shop.until(order, "action_required")
    assert await shop.value("SELECT captured FROM payments WHERE order_id = :id", order) == 0


async def test_an_old_or_future_stripe_signature_is_refused(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    for seconds in (-301, 320):
        event: dict[str, Any] = {"object": "payment_intent", "id": "pi_1", "metadata": {}}
        at = int(time.time()) + seconds
        webhook = stripe.signed(shop.desks["stripe"], "payment_intent.created", event, at=at)
        assert (await post(client, webhook)).status_code == 400


async def test_a_paypal_certificate_from_elsewhere_is_not_fetched(
    shop: Shop, client: httpx.AsyncClient, addresses: Addresses
) -> None:
    webhook = genuine(shop, "paypal", uuid4())
    for url in (
        "https://evil.example/v1/notifications/certs/CERT-1",
        f"{addresses.simulator_url}@evil.example/cert",
        f"http://user@127.0.0.1:{addresses.simulator.getsockname()[1]}/cert",
        "file:///etc/passwd",
        "not a url",
    ):
        moved = Webhook("paypal", {**webhook.headers, "PAYPAL-CERT-URL": url}, webhook.body)
        assert (await post(client, moved)).status_code == 400, url


@pytest.mark.parametrize(
    ("provider", "header"), [(p, header) for p, headers in PROOFS.items() for header in headers]
)
@pytest.mark.parametrize("value", ODD)
async def test_a_proof_of_other_characters_is_refused(
    shop: Shop, client: httpx.AsyncClient, provider: str, header: str, value: bytes
) -> None:
    webhook = genuine(shop, provider, uuid4())
    headers = {name.lower().encode(): text.encode() for name, text in webhook.headers.items()}
    headers[header.lower().encode()] = value
    answer = await client.post(
        f"/v1/webhooks/{provider}", content=webhook.body, headers=list(headers.items())
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "webhook_refused"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_certificate_that_cannot_be_had_now_says_nothing_of_the_webhook(
    shop: Shop, client: httpx.AsyncClient, addresses: Addresses, status: int
) -> None:
    """Not forged; and no 503 either, by which anybody could close the service for everybody."""
    webhook = genuine(shop, "paypal", uuid4())

    async def busy() -> Response:
        return Response(status_code=status)

    shop.simulator.app.add_api_route(f"/busy/{status}", busy)
    url = f"{addresses.simulator_url}/busy/{status}"
    moved = Webhook("paypal", {**webhook.headers, "PAYPAL-CERT-URL": url}, webhook.body)
    answer = await post(client, moved)
    assert (answer.status_code, answer.json()["code"]) == (424, "webhook_unverifiable")
