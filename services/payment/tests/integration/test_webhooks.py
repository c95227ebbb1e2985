"""Webhooks that are forged, altered, replayed or about something else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.responses import Response

from payment_simulator import midtrans, paypal, stripe, xendit
from payment_simulator.webhooks import Webhook

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

PROVIDERS = ["stripe", "paypal", "xendit", "midtrans"]


def genuine(
    shop: Shop, provider: str, payment_id: UUID, amount: int = 250_000, order: UUID | None = None
) -> Webhook:
    """A signed webhook of the provider that says this amount was paid (minor units)."""
    desk = shop.desks[provider]
    if provider == "stripe":
        intent: dict[str, Any] = {
            "id": f"pi_{uuid4().hex}",
            "object": "payment_intent",
            "amount_received": amount,
            "currency": "usd",
            "metadata": {"payment_id": str(payment_id)},
        }
        return stripe.signed(desk, "payment_intent.succeeded", intent)
    value = f"{amount // 100}.00"
    if provider == "paypal":
        capture = {
            "id": uuid4().hex,
            "amount": {"currency_code": "USD", "value": value},
            "custom_id": str(payment_id),
        }
        signer = shop.simulator.app.state.signer
        return paypal.signed(desk, signer, "PAYMENT.CAPTURE.COMPLETED", capture)
    if provider == "xendit":
        invoice = {
            "id": uuid4().hex,
            "external_id": str(payment_id),
            "status": "PAID",
            "amount": amount // 100,
            "currency": "IDR",
        }
        return xendit.signed(desk, invoice)
    transaction = {
        "transaction_id": uuid4().hex,
        "order_id": str(payment_id),
        "status_code": "200",
        "gross_amount": value,
        "transaction_status": "settlement",
    }
    return midtrans.signed(desk, transaction)


async def waiting(shop: Shop, provider: str) -> UUID:
    """An order whose customer has not paid yet."""
    methods = {"stripe": "card", "paypal": "paypal", "xendit": "invoice", "midtrans": "gopay"}
    currency = "USD" if provider in {"stripe", "paypal"} else "IDR"
    order: UUID = await shop.order(
        provider, methods[provider], amount=250_000, currency=currency, token=None
    )
    await shop.until(order, "action_required")
    return order


async def post(
    client: httpx.AsyncClient, webhook: Webhook, *, body: bytes | None = None
) -> httpx.Response:
    return await client.post(
        f"/v1/webhooks/{webhook.provider}",
        content=webhook.body if body is None else body,
        headers=dict(webhook.headers),
    )


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_genuine_webhook_that_the_provider_does_not_confirm_books_nothing(
    shop: Shop, client: httpx.AsyncClient, provider: str
) -> None:
    order = await waiting(shop, provider)
    answer = await post(client, genuine(shop, provider, await shop.payment_id(order)))
    assert answer.status_code == 200, answer.text
    await shop.until(order, "action_required")


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
    shop: Shop, client: httpx.AsyncClient, addresses: Shop
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


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_webhook_replayed_a_hundred_times_is_taken_once(
    shop: Shop, client: httpx.AsyncClient, provider: str
) -> None:
    order = await waiting(shop, provider)
    webhook = genuine(shop, provider, await shop.payment_id(order))
    answers = await asyncio.gather(*(post(client, webhook) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    await shop.quiet(order)
    statement = """
        SELECT count(*) FROM {} JOIN payments ON payments.id = {}.payment_id
        WHERE order_id = :id AND {}
    """
    stored = statement.format("webhooks", "webhooks", "outcome = 'hint' AND kind <> 'pending'")
    assert await shop.value(stored, order) == 1
    fetched = statement.format("provider_calls", "provider_calls", "call = 'fetch'")
    assert await shop.value(fetched, order) == 1
    await shop.until(order, "action_required")


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_webhook_of_another_amount_is_refused_and_books_nothing(
    shop: Shop, client: httpx.AsyncClient, provider: str
) -> None:
    order = await waiting(shop, provider)
    webhook = genuine(shop, provider, await shop.payment_id(order), amount=100)
    assert (await post(client, webhook)).status_code == 200
    await shop.until(order, "action_required")
    outcome = """
        SELECT count(*) FROM webhooks JOIN payments ON payments.id = payment_id
        WHERE order_id = :id AND outcome = 'amount_mismatch'
    """
    assert await shop.value(outcome, order) == 1
    assert await shop.value("SELECT captured FROM payments WHERE order_id = :id", order) == 0


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_webhook_about_nobody_we_know_is_kept_and_answered(
    shop: Shop, client: httpx.AsyncClient, provider: str
) -> None:
    assert (await post(client, genuine(shop, provider, uuid4()))).status_code == 200


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff\xfe", b'{"a":', b"null", b"1"])
async def test_nonsense_is_refused(client: httpx.AsyncClient, provider: str, body: bytes) -> None:
    headers = {"x-callback-token": "xendit-callback-development"}
    answer = await client.post(f"/v1/webhooks/{provider}", content=body, headers=headers)
    assert answer.status_code == 400


_FIELDS = ("order_id", "status_code", "gross_amount", "signature_key", "id", "external_id")
MONSTERS = {
    "nested arrays": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "lone surrogates": b"{" + b",".join(b'"%s":"\\ud800"' % f.encode() for f in _FIELDS) + b"}",
    "NUL": b"{" + b",".join(b'"%s":"\\u0000"' % f.encode() for f in _FIELDS) + b"}",
    "other types": b"{" + b",".join(b'"%s":[{}]' % f.encode() for f in _FIELDS) + b"}",
    "infinite": b"{" + b",".join(b'"%s":1e400' % f.encode() for f in _FIELDS) + b"}",
    "5000 digits": b'{"gross_amount":' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("monster", MONSTERS)
async def test_a_body_made_to_break_the_reader_is_refused(
    client: httpx.AsyncClient, provider: str, monster: str
) -> None:
    headers = {"x-callback-token": "xendit-callback-development"}
    answer = await client.post(
        f"/v1/webhooks/{provider}", content=MONSTERS[monster], headers=headers
    )
    # Xendit's token proves the caller, whose strange fields are of nothing of ours.
    assert answer.status_code in ({200, 400} if provider == "xendit" else {400}), answer.text


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
    shop: Shop, client: httpx.AsyncClient, addresses: Shop, status: int
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


async def test_a_webhook_of_another_provider_does_not_reach_the_payment(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    order = await waiting(shop, "stripe")
    webhook = genuine(shop, "midtrans", await shop.payment_id(order))
    assert (await post(client, webhook)).status_code == 200
    await shop.quiet(order)
    linked = """
        SELECT count(*) FROM webhooks JOIN payments ON payments.id = payment_id
        WHERE order_id = :id AND webhooks.provider = 'midtrans'
    """
    assert await shop.value(linked, order) == 0
