"""From an event to the mailbox: once, in the reader's language, whatever is away meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shop_notification.channels.email import EmailChannel
from shop_notification.channels.protocol import Message
from shop_shared.testing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it

CONFIRMED: dict[str, Any] = {
    "lines": [{"name": "Mug", "quantity": 2, "unit_price": {"amount": 999, "currency": "USD"}}],
    "total": {"amount": 1998, "currency": "USD"},
}


async def test_who_registers_is_welcomed(post: Post) -> None:
    await post.hear("user.registered", email=post.address, name="Ada", locale="de")
    (mail,) = await post.until(1)
    assert mail.subject == "Willkommen bei Minishop, Ada"
    assert await post.statuses() == ["sent"]


async def test_an_order_is_told_by_mail_and_to_every_device(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.know()
    tokens = [uuid4().hex, uuid4().hex]
    for token in tokens:
        answer = await client.put(
            f"/v1/notifications/devices/{uuid4()}",
            headers=signer.headers(post.user),
            json={"token": token, "platform": "android"},
        )
        assert answer.status_code == 200
    await post.hear("order.confirmed", **CONFIRMED)
    (mail,) = await post.until(1)
    assert "2 \N{MULTIPLICATION SIGN} Mug: 19.98 USD" in mail.body
    assert "19.98 USD" in mail.body
    for token in tokens:
        await post.until(1, "push", token)


async def test_who_has_no_device_is_told_by_mail_alone(post: Post) -> None:
    await post.know()
    await post.hear("order.confirmed", **CONFIRMED)
    await post.until(1)
    rows = await post.rows("SELECT channel FROM notifications WHERE user_id = :user")
    assert [row[0] for row in rows] == ["email"]


async def test_a_code_goes_to_the_address_that_is_to_be_proved_and_is_then_forgotten(
    post: Post,
) -> None:
    await post.know()
    number = f"+49{uuid4().int % 10**10:010}"
    await post.hear(
        "user.verification_requested", channel="phone", destination=number, code="424242"
    )
    (sms,) = await post.until(1, "sms", number)
    assert "424242" in sms.body
    rows = await post.rows("SELECT data::text FROM notifications WHERE user_id = :user")
    assert [row[0] for row in rows] == ["{}"]


async def test_an_event_that_comes_again_is_told_once(post: Post) -> None:
    await post.know()
    event_id = await post.hear("order.cancelled")
    await post.until(1)
    await asyncio.gather(*(post.hear("order.cancelled", event_id=event_id) for _ in range(5)))
    await post.until(1)


async def test_a_message_waits_for_its_recipient_to_be_known(post: Post) -> None:
    await post.hear("order.expired")
    assert set(await post.statuses()) == {"waiting"}
    await post.know()
    await post.until(1)


async def test_what_is_not_wanted_is_not_sent(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.know()
    answer = await client.put(
        "/v1/notifications/preferences",
        headers=signer.headers(post.user),
        json={"off": {"orders": ["email", "push"]}},
    )
    assert answer.status_code == 200
    await post.hear("order.cancelled")
    assert await post.statuses() == []
    await post.hear("user.password_reset_requested", email=post.address, code="1")
    await post.until(1)


async def test_quiet_hours_hold_back_what_rings(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.know(phone=f"+49{uuid4().int % 10**10:010}")
    quiet = {"start": "00:00", "end": "23:59:59", "timezone": "Europe/Berlin"}
    headers = signer.headers(post.user)
    await client.put(
        "/v1/notifications/preferences", headers=headers, json={"off": {}, "quiet_hours": quiet}
    )
    device = {"token": uuid4().hex, "platform": "ios"}
    await client.put(f"/v1/notifications/devices/{uuid4()}", headers=headers, json=device)
    shown = (await client.get("/v1/notifications/preferences", headers=headers)).json()
    assert shown["quiet_hours"]["timezone"] == "Europe/Berlin"
    await post.hear("shipment.delivered", tracking_number="MS1")
    async with asyncio.timeout(60):
        while not post.got():
            await asyncio.sleep(0.02)
    rows = await post.rows(
        "SELECT channel, status, due_at > now() FROM notifications WHERE user_id = :user"
    )
    held = {row[0]: (row[1], row[2]) for row in rows if row[0] != "email"}
    assert held == {"sms": ("pending", True), "push": ("pending", True)}


async def test_what_becomes_due_in_quiet_hours_waits_for_their_end(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.hear("shipment.delivered", tracking_number="MS1")
    quiet = {"start": "00:00", "end": "23:59:59", "timezone": "Europe/Berlin"}
    await client.put(
        "/v1/notifications/preferences",
        headers=signer.headers(post.user),
        json={"off": {"shipping": ["email", "push"]}, "quiet_hours": quiet},
    )
    number = f"+49{uuid4().int % 10**10:010}"
    await post.know(phone=number)
    async with asyncio.timeout(60):
        while not await post.outcomes("sms"):
            await asyncio.sleep(0.02)
    assert await post.outcomes("sms") == ["held"]
    [(status, waits)] = await post.rows(
        "SELECT status, due_at > now() FROM notifications WHERE user_id = :user AND channel = 'sms'"
    )
    assert (status, waits) == ("pending", True)
    assert post.got("sms", number) == []


async def test_a_server_that_fails_for_a_while_gets_it_later_and_once(post: Post) -> None:
    await post.know()
    post.box.refuse("email", times=2, for_good=False)
    await post.hear("order.cancelled")
    await post.until(1)
    assert await post.outcomes() == ["failed", "failed", "sent"]


async def test_after_the_last_try_it_is_parked_and_staff_may_retry(
    post: Post, client: httpx.AsyncClient, signer: Signer, staff: dict[str, str]
) -> None:
    await post.know()
    post.box.refuse("email", times=3, for_good=False)
    await post.hear("order.cancelled")
    await post.settled()
    assert await post.statuses() == ["parked"]
    assert post.got() == []
    owner = signer.headers(post.user)
    (listed,) = (await client.get("/v1/notifications", headers=owner)).json()["items"]
    path = f"/v1/notifications/{listed['id']}"
    shown = (await client.get(path, headers=owner)).json()
    assert (shown["status"], len(shown["history"])) == ("parked", 3)
    assert (await client.post(f"{path}/retry", headers=owner)).status_code == 403
    assert (await client.post(f"{path}/retry", headers=staff)).status_code == 202
    await post.until(1)
    assert (await client.post(f"{path}/retry", headers=staff)).status_code == 409


async def test_an_address_refused_for_good_is_parked_at_once(post: Post) -> None:
    await post.know()
    post.box.refuse("email", times=1, for_good=True)
    await post.hear("order.cancelled")
    await post.settled()
    assert await post.statuses() == ["parked"]


async def test_a_device_that_is_no_more_is_forgotten(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.know()
    headers = signer.headers(post.user)
    await client.put(
        f"/v1/notifications/devices/{uuid4()}",
        headers=headers,
        json={"token": uuid4().hex, "platform": "ios"},
    )
    post.box.refuse("push", times=1, for_good=True)
    await post.hear("shipment.in_transit", tracking_number="MS1")
    await post.settled()
    shown = (await client.get("/v1/notifications/devices", headers=headers)).json()
    assert shown == {"items": []}


async def test_a_device_of_another_project_holds_up_no_other(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    """Alone it may be our settings that are wrong: then the message is tried again."""
    await post.know()
    headers = signer.headers(post.user)
    token = uuid4().hex
    devices = sorted(map(str, (uuid4(), uuid4())))  # the order in which they are told
    for device, registered in zip(devices, (f"foreign:{uuid4().hex}", token), strict=True):
        await client.put(
            f"/v1/notifications/devices/{device}",
            headers=headers,
            json={"token": registered, "platform": "android"},
        )
    await post.hear("shipment.in_transit", tracking_number="MS1")
    await post.until(1, "push", token)
    await post.settled()
    assert await post.statuses() == ["sent"]
    await client.delete(f"/v1/notifications/devices/{devices[1]}", headers=headers)
    await post.hear("shipment.in_transit", tracking_number="MS1")
    await post.settled()
    outcomes = await post.rows(
        "SELECT outcome FROM attempts JOIN notifications ON id = notification_id "
        "WHERE user_id = :user ORDER BY notification_id, number"
    )
    assert [outcome for (outcome,) in outcomes] == ["sent", "failed", "failed", "parked"]
    shown = (await client.get("/v1/notifications/devices", headers=headers)).json()
    assert [device["id"] for device in shown["items"]] == devices[:1]


async def test_a_broker_that_is_away_delays_and_repeats_nothing(post: Post) -> None:
    await post.know()
    await post.hear("order.cancelled")
    await post.until(1)
    post.tap.shut()
    for _ in range(20):
        await post.hear("order.cancelled")
    await asyncio.sleep(0.5)
    assert len(post.got()) == 1
    post.tap.open()
    mails = await post.until(21)
    assert len({mail.id for mail in mails}) == 21


async def test_a_broker_lost_again_and_again_repeats_nothing(post: Post) -> None:
    await post.know()
    for _ in range(5):
        for _ in range(10):
            await post.hear("order.cancelled")
        await asyncio.sleep(0.05)
        post.tap.shut()
        post.tap.open()
    await post.until(50)
    assert set(await post.statuses()) == {"sent"}


async def test_what_is_being_sent_when_the_broker_goes_is_sent_once(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, send = asyncio.Event(), EmailChannel.send

    async def slow(channel: EmailChannel, message: Message) -> str:
        await hold.wait()
        return await send(channel, message)

    monkeypatch.setattr(EmailChannel, "send", slow)
    await post.know()
    await post.hear("order.cancelled")
    async with asyncio.timeout(60):
        while await post.statuses() != ["sending"]:
            await asyncio.sleep(0.02)
    post.tap.shut()
    post.tap.open()
    hold.set()
    await post.until(1)
    assert await post.statuses() == ["sent"]


async def test_a_message_lost_with_its_queue_is_queued_again(post: Post) -> None:
    await post.know()
    post.tap.shut()
    await post.hear("order.cancelled")
    await post.rows(
        "UPDATE notifications SET status = 'queued', due_at = now() - interval '1 second'"
        " WHERE user_id = :user"
    )
    post.tap.open()
    await post.until(1)


async def test_who_leaves_is_forgotten(post: Post) -> None:
    await post.know()
    await post.hear("order.confirmed", **CONFIRMED)
    await post.until(1)
    await post.hear("user.deleted")
    for table in ("recipients", "devices", "preferences"):
        assert await post.rows(f"SELECT 1 FROM {table} WHERE user_id = :user") == []
    rows = await post.rows("SELECT data::text FROM notifications WHERE user_id = :user")
    assert {row[0] for row in rows} == {"{}"}
