"""Nothing grows or is tried without end: devices, attempts, messages that are old or nobody's."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from structlog.testing import CapturingLogger

from shop_notification import sender
from shop_notification.channels.email import EmailChannel
from shop_notification.channels.protocol import Blame, Message, SendError
from shop_notification.repository import erasure
from shop_shared.http import idempotency
from shop_shared.messaging import inbox
from shop_shared.stores.postgres import transaction
from shop_shared.stores.retention import purge_once
from shop_shared.testing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it


async def test_a_person_has_twenty_devices(
    client: httpx.AsyncClient, signer: Signer, post: Post
) -> None:
    headers = signer.headers(post.user)
    kept = [str(uuid4()) for _ in range(30)]

    async def put(device: str) -> int:
        body = {"token": uuid4().hex, "platform": "ios"}
        url = f"/v1/notifications/devices/{device}"
        return (await client.put(url, headers=headers, json=body)).status_code

    statuses = await asyncio.gather(*map(put, kept))
    assert sorted(statuses) == [200] * 20 + [409] * 10
    there = [device for device, status in zip(kept, statuses, strict=True) if status == 200]
    # One that is there may have a new token, and one removed makes room.
    assert await put(there[0]) == 200
    gone = await client.delete(f"/v1/notifications/devices/{there[1]}", headers=headers)
    assert gone.status_code == 204
    assert await put(str(uuid4())) == 200
    assert await put(str(uuid4())) == 409


async def test_a_device_whose_owner_changes_at_once_has_one_in_the_end(
    client: httpx.AsyncClient, signer: Signer, post: Post
) -> None:
    """People who share a phone, or one who signs out and in."""
    token = uuid4().hex

    async def put(owner: UUID) -> int:
        body = {"token": token, "platform": "android"}
        url = f"/v1/notifications/devices/{uuid4()}"
        return (await client.put(url, headers=signer.headers(owner), json=body)).status_code

    assert set(await asyncio.gather(*(put(uuid4()) for _ in range(12)))) == {200}
    assert len(await post.rows(f"SELECT 1 FROM devices WHERE token = '{token}'")) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("preferences", {"off": {"orders": ["email"]}}),
        ("devices/0199a6f0-0000-7000-8000-000000000001", {"token": "held", "platform": "ios"}),
    ],
    ids=["preferences", "a device"],
)
async def test_who_is_erased_and_still_has_a_token_leaves_nothing_more(
    client: httpx.AsyncClient, signer: Signer, post: Post, path: str, body: dict[str, Any]
) -> None:
    """An app that registers its device just while its user deletes the account."""
    await post.know()
    erasing, done = asyncio.Event(), asyncio.Event()

    async def erase() -> None:
        async with transaction(post.engine) as connection:
            await erasure.erase(connection, post.user)
            erasing.set()
            await done.wait()

    async def put() -> httpx.Response:
        url = f"/v1/notifications/{path}"
        return await client.put(url, headers=signer.headers(post.user), json=body)

    erased = asyncio.create_task(erase())
    await erasing.wait()
    at_once = asyncio.create_task(put())
    async with asyncio.timeout(60):
        while not (await post.rows(WAITING) or at_once.done()):
            await asyncio.sleep(0.02)
    done.set()
    await erased
    assert [answer.status_code for answer in (await at_once, await put())] == [404, 404]
    for table in ("preferences", "devices"):
        assert await post.rows(f"SELECT 1 FROM {table} WHERE user_id = :user") == []


WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def unforeseen(_channel: EmailChannel, _message: Message) -> str:
    raise RuntimeError("nobody foresaw this")


async def test_what_nobody_foresaw_is_bounded_and_parked(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmailChannel, "send", unforeseen)
    await post.know()
    await post.hear("order.cancelled")
    await post.settled()
    assert await post.statuses() == ["parked"]
    assert await post.outcomes() == ["failed", "failed", "parked"]


async def unknown(_channel: EmailChannel, message: Message) -> str:
    raise SendError(f"550 5.1.1 <{message.destination}>: unknown", blame=Blame.PERMANENT)


async def test_the_log_of_a_parked_message_names_no_address(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmailChannel, "send", unknown)
    await post.know()
    log = CapturingLogger()
    monkeypatch.setattr(sender, "_log", log)
    await post.hear("order.cancelled")
    await post.settled()
    [(detail,)] = await post.rows(
        "SELECT detail FROM attempts JOIN notifications ON id = notification_id"
        " WHERE user_id = :user AND channel = 'email'"
    )
    assert post.address in detail  # for staff, until the account is deleted
    assert [call.args for call in log.calls] == [("message parked",)]
    assert post.address not in repr(log.calls)


@pytest.mark.parametrize("address", ["a\u0001b@example.com", "=?utf-8?q?victim?=@corp.example"])
async def test_an_address_from_before_that_mail_cannot_reach_is_parked(
    post: Post, address: str
) -> None:
    await post.hear("user.updated", email=address, name="Ada", locale="en", phone=None)
    await post.hear("order.cancelled")
    await post.settled()
    assert await post.statuses() == ["parked"]
    assert post.got(to="victim@corp.example") == []


async def test_an_address_in_another_spelling_is_written_to_alike(post: Post) -> None:
    name = uuid4().hex
    await post.hear(
        "user.updated", email=f"{name}@B\u00fccher.example", name="A", locale="en", phone=None
    )
    await post.hear("order.cancelled")
    await post.until(1, to=f"{name}@xn--bcher-kva.example")


async def test_an_address_in_another_script_is_written_to(post: Post) -> None:
    address = f"jos\u00e9.{uuid4().hex}@example.com"
    await post.hear("user.updated", email=address, name="A", locale="en", phone=None)
    await post.hear("order.cancelled")
    await post.until(1, to=address)


async def test_a_message_whose_attempts_are_never_recorded_is_parked_and_staff_may_retry(
    post: Post, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    await post.know()
    post.tap.shut()
    await post.hear("order.cancelled")
    await post.rows("UPDATE notifications SET attempts = 6 WHERE user_id = :user")
    post.tap.open()
    await post.settled()
    assert await post.statuses() == ["parked"]
    assert post.got() == []
    [[parked]] = await post.rows("SELECT id FROM notifications WHERE user_id = :user")
    answer = await client.post(f"/v1/notifications/{parked}/retry", headers=staff)
    assert answer.status_code == 202
    await post.settled()
    assert await post.statuses() == ["sent"]
    assert len(post.got()) == 1


async def test_who_is_erased_leaves_nothing_and_hears_nothing(
    post: Post, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    await post.know()
    post.box.refuse("email", times=1, for_good=True)
    await post.hear("order.cancelled")
    await post.settled()
    [[detail]] = await post.rows(
        "SELECT detail FROM attempts JOIN notifications ON id = notification_id"
        " WHERE user_id = :user"
    )
    assert detail
    await post.hear("user.deleted")
    # Events about orders that were under way, and one that came late.
    await post.hear("shipment.delivered", tracking_number="MS1")
    await post.know()
    assert await post.statuses() == ["parked"]
    rows = await post.rows(
        "SELECT detail, data::text, destination FROM attempts JOIN notifications"
        " ON id = notification_id WHERE user_id = :user"
    )
    assert [tuple(row) for row in rows] == [("", "{}", None)]
    assert await post.rows("SELECT 1 FROM recipients WHERE user_id = :user") == []
    headers = {**staff, "Idempotency-Key": uuid4().hex}
    body = {"user_id": str(post.user), "channel": "email", "subject": "Hi", "text": "Hi"}
    answer = await client.post("/v1/notifications", headers=headers, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "unreachable")


async def test_who_is_erased_while_a_mail_is_sent_leaves_no_answer(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending, go_on, send = asyncio.Event(), asyncio.Event(), EmailChannel.send

    async def slow(channel: EmailChannel, message: Message) -> str:
        sending.set()
        await go_on.wait()
        return await send(channel, message)

    monkeypatch.setattr(EmailChannel, "send", slow)
    await post.know()
    await post.hear("order.cancelled")
    async with asyncio.timeout(60):
        await sending.wait()
    await post.hear("user.deleted")
    go_on.set()
    await post.until(1)
    rows = await post.rows(
        "SELECT detail FROM attempts JOIN notifications ON id = notification_id"
        " WHERE user_id = :user"
    )
    assert [row[0] for row in rows] == [""]


async def test_a_message_to_nobody_known_is_refused(
    client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    headers = {**staff, "Idempotency-Key": uuid4().hex}
    body = {"user_id": str(uuid4()), "channel": "email", "subject": "Hi", "text": "Hi"}
    answer = await client.post("/v1/notifications", headers=headers, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "unreachable")


async def test_what_is_old_is_deleted(post: Post) -> None:
    await post.know()
    for name in ("order.cancelled", "order.expired"):
        await post.hear(name)
    await post.until(2)
    await post.rows(
        "UPDATE notifications SET created_at = now() - interval '91 days'"
        " WHERE user_id = :user AND template = 'order_cancelled'"
    )
    await post.rows(
        "INSERT INTO inbox VALUES ('g', 'old', now() - interval '15 days'), ('g', 'new', now())"
    )
    await post.rows(
        "INSERT INTO idempotency_keys VALUES ('s', 'old', '', 201, '', now() - interval '2 days'),"
        " ('s', 'new', '', 201, '', now())"
    )
    await post.rows("INSERT INTO erased_users VALUES (:user, now() - interval '401 days')")

    async def purge_messages(connection: Any) -> int:
        return await erasure.purge_messages(connection, keep=timedelta(days=90))

    await purge_once(
        post.engine, purge_messages, erasure.purge_erased, inbox.purge, idempotency.purge
    )
    left = await post.rows("SELECT template FROM notifications WHERE user_id = :user")
    assert [row[0] for row in left] == ["order_expired"]
    assert [row[0] for row in await post.rows("SELECT event_id FROM inbox")] == ["new"]
    assert [row[0] for row in await post.rows("SELECT key FROM idempotency_keys")] == ["new"]
    assert await post.rows("SELECT 1 FROM erased_users WHERE user_id = :user") == []


async def test_what_waits_for_somebody_who_never_comes_is_given_up(post: Post) -> None:
    await post.hear("order.expired")
    assert set(await post.statuses()) == {"waiting"}
    await post.rows(
        "UPDATE notifications SET created_at = now() - interval '15 days' WHERE user_id = :user"
    )
    await purge_once(post.engine, erasure.suppress_unclaimed)
    assert set(await post.statuses()) == {"suppressed"}
