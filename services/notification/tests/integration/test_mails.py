"""Which mails an order makes, how they are unsubscribed from, and that one's own can be read."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from shop_notification import unsubscribe
from shop_shared.testing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it
MONEY = {"amount": 1998, "currency": "USD"}
LINE = {"name": "<b>Mug</b>", "quantity": 2, "unit_price": {"amount": 999, "currency": "USD"}}


async def an_order(post: Post) -> None:
    """Let an order go well, from payment to delivery."""
    about = {"order_id": uuid4(), "order_number": "MS-7K3Q-9F25"}
    await post.hear("payment.action_required", action={"url": "https://pay.example"}, **about)
    await post.hear("payment.captured", amount=MONEY, **about)
    await post.hear("order.confirmed", lines=[LINE], total=MONEY, **about)
    for step in ("dispatched", "in_transit", "delivered"):
        await post.hear(f"shipment.{step}", tracking_number="MS1", **about)
    await post.hear("order.completed", **about)


async def put_preferences(
    client: httpx.AsyncClient, headers: dict[str, str], wanted: dict[str, Any]
) -> None:
    answer = await client.put("/v1/notifications/preferences", headers=headers, json=wanted)
    assert answer.status_code == 200, answer.text


async def test_an_order_is_three_mails(post: Post) -> None:
    await post.know()
    await an_order(post)
    mails = await post.until(3)
    assert {mail.subject for mail in mails} == {
        "Your order is confirmed",
        "Your parcel is on its way",
        "Your parcel has arrived",
    }
    assert all("MS-7K3Q-9F25" in mail.body for mail in mails)
    [receipt] = [mail for mail in mails if mail.subject == "Your order is confirmed"]
    assert "19.98 USD" in receipt.body
    assert "&lt;b&gt;Mug" in receipt.html


async def test_the_mail_about_a_failed_payment_says_how_to_go_on(post: Post) -> None:
    await post.know()
    until = "2026-01-01T13:15:00+01:00"
    await post.hear("payment.failed", reason="declined", message="no funds", retry_until=until)
    [mail] = await post.until(1)
    assert "until 2026-01-01 12:15 UTC: open the order in the shop" in mail.body


async def test_the_mail_about_a_payment_that_failed_for_good_promises_nothing(post: Post) -> None:
    await post.know()
    await post.hear("payment.failed", reason="declined", message="no funds", retry_until=None)
    [mail] = await post.until(1)
    assert "no funds. Nothing was taken." in mail.body
    assert "another way to pay" not in mail.body


async def test_who_paid_another_amount_is_not_told_that_nothing_was_taken(post: Post) -> None:
    await post.know()
    await post.hear("payment.failed", reason="amount_mismatch", message="another", retry_until=None)
    [mail] = await post.until(1)
    assert "failed: another.\r\n" in mail.body
    assert "taken" not in mail.body


async def test_a_payment_that_is_one_too_many_is_told_of_when_it_is_returned(post: Post) -> None:
    await post.know()
    await post.hear("payment.second_charge_returned", amount=MONEY, order_number="MS-7K3Q-9F25")
    [mail] = await post.until(1)
    assert mail.subject == "A second payment was returned"
    assert "19.98 USD" in mail.body


async def test_who_cancels_is_told_that_and_of_no_parcel(post: Post) -> None:
    await post.know()
    await post.hear("shipment.failed", tracking_number="MS1", reason="cancelled")
    await post.hear("order.cancelled", reason="customer", refund=True, restock=True)
    [mail] = await post.until(1)
    assert mail.subject == "Your order was cancelled"


@pytest.mark.parametrize("reason", ["lost", "refused", "undeliverable"])
async def test_a_parcel_that_does_not_arrive_is_told_of(post: Post, reason: str) -> None:
    await post.know()
    await post.hear("shipment.failed", tracking_number="MS1", reason=reason)
    [mail] = await post.until(1)
    assert mail.subject == "Your parcel could not be delivered"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("return_requested", "Please don't send anything yet"),
        ("return_approved", "9.99 USD go back the way you paid"),
        ("return_refused", "of your order MS-7K3Q-9F25: The seal is broken."),
    ],
)
async def test_a_return_is_told_about_as_it_goes_on(post: Post, name: str, says: str) -> None:
    await post.know()
    await post.hear(
        f"order.{name}",
        order_number="MS-7K3Q-9F25",
        lines=[{**LINE, "quantity": 1}],
        refund={"amount": 999, "currency": "USD"},
        refusal="The seal is broken.",
    )
    [mail] = await post.until(1)
    assert says in mail.body


async def test_more_mails_come_on_request(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.know()
    wanted = {"also": ["payment_captured", "order_completed", "payment_action"]}
    await put_preferences(client, signer.headers(post.user), wanted)
    await an_order(post)
    assert len({mail.subject for mail in await post.until(6)}) == 6


async def test_a_link_in_the_mail_switches_its_category_off(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.know()
    own = signer.headers(post.user)
    await put_preferences(client, own, {"off": {"payments": ["push"]}, "also": ["order_completed"]})
    await post.hear("shipment.dispatched", tracking_number="MS1")
    [mail] = await post.until(1)
    link = mail.unsubscribe.strip("<>")
    assert link in mail.body
    path = httpx.URL(link).path
    page = await client.get(path)
    assert (page.status_code, "Unsubscribe" in page.text) == (200, True)
    # Fetching it, as mail scanners do, changes nothing.
    shown = (await client.get("/v1/notifications/preferences", headers=own)).json()
    assert shown["off"] == {"payments": ["push"]}
    done = await client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    shown = (await client.get("/v1/notifications/preferences", headers=own)).json()
    assert shown["off"] == {"payments": ["push"], "shipping": ["email"]}
    assert shown["also"] == ["order_completed"]
    await post.hear("shipment.delivered", tracking_number="MS1")
    await post.hear("order.cancelled")
    assert len(await post.until(2)) == 2


async def test_a_link_that_is_opened_when_its_account_is_erased_stores_nothing(
    post: Post, client: httpx.AsyncClient
) -> None:
    await post.know()
    await post.hear("shipment.dispatched", tracking_number="MS1")
    [mail] = await post.until(1)
    await post.hear("user.deleted")
    path = httpx.URL(mail.unsubscribe.strip("<>")).path
    done = await client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    assert await post.rows("SELECT 1 FROM preferences WHERE user_id = :user") == []


async def test_only_our_own_links_count(client: httpx.AsyncClient, post: Post) -> None:
    link = unsubscribe.Link(post.user, "orders")
    forged = unsubscribe.token_of(link, key=b"k" * 32)
    for token in (forged, "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."):
        for method in ("GET", "POST"):
            answer = await client.request(method, f"/v1/notifications/unsubscribe/{token}")
            assert answer.status_code == 404
    assert await post.rows("SELECT 1 FROM preferences WHERE user_id = :user") == []


async def test_a_code_has_no_link_and_is_read_nowhere(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.know()
    await post.hear("user.password_reset_requested", email=post.address, code="424242")
    [mail] = await post.until(1)
    assert mail.unsubscribe == ""
    own = signer.headers(post.user)
    [listed] = (await client.get("/v1/notifications", headers=own)).json()["items"]
    shown = await client.get(f"/v1/notifications/{listed['id']}", headers=own)
    assert (shown.json()["subject"], shown.json()["text"]) == (None, None)


async def test_ones_own_messages_can_be_read_and_exported(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.know(locale="de")
    await post.hear("order.confirmed", lines=[LINE], total=MONEY)
    await post.until(1)
    own = signer.headers(post.user)
    device = {"token": uuid4().hex, "platform": "ios"}
    await client.put(f"/v1/notifications/devices/{uuid4()}", headers=own, json=device)
    [listed] = (await client.get("/v1/notifications", headers=own)).json()["items"]
    shown = (await client.get(f"/v1/notifications/{listed['id']}", headers=own)).json()
    assert shown["subject"] == "Deine Bestellung ist best\u00e4tigt"
    assert "19.98 USD" in shown["text"]
    answer = await client.get("/v1/notifications/export", headers=own)
    assert answer.headers["content-disposition"].startswith("attachment")
    export = answer.json()
    assert export["contact"]["email"] == post.address
    assert export["devices"][0]["token"] == device["token"]
    assert export["messages"][0]["subject"] == shown["subject"]
    stranger = await client.get("/v1/notifications/export", headers=signer.headers(uuid4()))
    assert (stranger.json()["contact"], stranger.json()["messages"]) == (None, [])


async def test_the_old_address_hears_of_the_new_one(post: Post) -> None:
    await post.know()
    old, new = post.address, f"{uuid4().hex}@example.com"
    await post.hear("user.email_changed", old_email=old, new_email=new)
    await post.hear("user.updated", email=new, name="Ada", locale="en", phone=None)
    [mail] = await post.until(1)
    assert new in mail.body


async def test_the_owner_of_an_address_hears_once_a_day_that_it_was_tried(post: Post) -> None:
    await post.know()
    for _ in range(5):
        await post.hear("user.registration_repeated", email=post.address)
    [mail] = await post.until(1)
    assert mail.subject == "You have an account already"
