"""Webhooks that are forged, altered, replayed or about something else."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest

from payment_simulator import stripe

from .conftest import Shop
from .signed_webhooks import genuine, post, waiting

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

PROVIDERS = ["stripe", "paypal", "xendit", "midtrans"]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_genuine_webhook_that_the_provider_does_not_confirm_books_nothing(
    shop: Shop, client: httpx.AsyncClient, provider: str
) -> None:
    order = await waiting(shop, provider)
    answer = await post(client, genuine(shop, provider, await shop.payment_id(order)))
    assert answer.status_code == 200, answer.text
    await shop.until(order, "action_required")


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


async def test_a_webhook_that_tells_nothing_new_is_not_kept_and_asks_for_nothing(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    order = await shop.order()
    await shop.until(order, "captured")
    await shop.quiet(order)
    [charge] = await shop.charges("stripe", order)
    about = "FROM {} JOIN payments ON payments.id = payment_id WHERE order_id = :id"
    count = [f"SELECT count(*) {about.format(table)}" for table in ("webhooks", "provider_calls")]
    before = [await shop.value(statement, order) for statement in count]
    for kind in ("payment_intent.created", "payment_intent.succeeded", "payment_intent.processing"):
        answer = await post(client, stripe.signed(shop.desks["stripe"], kind, charge))
        assert answer.status_code == 200, answer.text
    await shop.quiet(order)
    assert [await shop.value(statement, order) for statement in count] == before


async def test_a_webhook_that_echoes_our_own_request_asks_for_nothing(
    shop: Shop, client: httpx.AsyncClient
) -> None:
    order = await waiting(shop, "stripe")
    await shop.quiet(order)
    [charge] = await shop.charges("stripe", order)
    calls = "SELECT count(*) FROM provider_calls JOIN payments ON payments.id = payment_id"
    before = await shop.value(f"{calls} WHERE order_id = :id", order)
    created = stripe.signed(shop.desks["stripe"], "payment_intent.created", charge)
    assert (await post(client, created)).status_code == 200
    await shop.quiet(order)
    assert await shop.value(f"{calls} WHERE order_id = :id", order) == before


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
    "a million digits": b'{"id":"x","status":"PAID","amount":"1e999999","currency":"IDR"}',
    "a list of currencies": b'{"id":"x","status":"PAID","amount":1,"currency":["IDR"]}',
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
