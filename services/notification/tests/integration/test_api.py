"""Who may see and do what."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shop_shared.testing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it


async def test_other_peoples_messages_do_not_exist(
    post: Post, client: httpx.AsyncClient, signer: Signer, someone: UUID
) -> None:
    await post.know()
    await post.hear("order.cancelled")
    await post.until(1)
    own, other = signer.headers(post.user), signer.headers(someone)
    (listed,) = (await client.get("/v1/notifications", headers=own)).json()["items"]
    path = f"/v1/notifications/{listed['id']}"
    assert (await client.get(path, headers=own)).status_code == 200
    assert (await client.get(path, headers=other)).status_code == 404
    assert (await client.get(path)).status_code == 401
    listed_by_other = await client.get(f"/v1/notifications?user_id={post.user}", headers=other)
    assert listed_by_other.json()["items"] == []


async def test_the_messages_about_one_order(
    post: Post, client: httpx.AsyncClient, signer: Signer
) -> None:
    await post.know()
    order, own = str(uuid4()), signer.headers(post.user)
    await post.hear("order.cancelled", order_id=order)
    await post.hear("shipment.delivered", order_id=order, tracking_number="MS1")
    await post.hear("order.cancelled")
    await post.hear("user.password_reset_requested", email=post.address, code="424242")
    await post.until(4)

    async def listed(query: str, headers: dict[str, str]) -> list[dict[str, Any]]:
        answer = await client.get(f"/v1/notifications{query}", headers=headers)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    about = await listed(f"?order_id={order}", own)
    assert {item["order_id"] for item in about} == {order}
    assert {item["template"] for item in about} == {"order_cancelled", "shipment_delivered"}
    templates = {item["template"]: item["order_id"] for item in await listed("", own)}
    assert templates["password_reset"] is None
    assert await listed(f"?order_id={order}", signer.headers(uuid4())) == []
    assert await listed(f"?order_id={uuid4()}", own) == []


async def test_other_peoples_devices_do_not_exist(
    client: httpx.AsyncClient, signer: Signer, someone: UUID
) -> None:
    path = f"/v1/notifications/devices/{uuid4()}"
    body = {"token": uuid4().hex, "platform": "web"}
    own, other = signer.headers(uuid4()), signer.headers(someone)
    assert (await client.put(path, headers=own, json=body)).status_code == 200
    taken = {**body, "token": uuid4().hex}
    assert (await client.put(path, headers=other, json=taken)).status_code == 404
    assert (await client.delete(path, headers=other)).status_code == 404
    assert (await client.delete(path, headers=own)).status_code == 204


async def test_staff_write_to_a_customer_once(
    post: Post, client: httpx.AsyncClient, signer: Signer, staff: dict[str, str]
) -> None:
    await post.know()
    body = {
        "user_id": str(post.user),
        "channel": "email",
        "subject": "About your order",
        "text": "It is {{ here }}.",
    }
    headers = {**staff, "Idempotency-Key": uuid4().hex}
    for _ in range(3):
        answer = await client.post("/v1/notifications", headers=headers, json=body)
        assert answer.status_code == 201, answer.text
    (mail,) = await post.until(1)
    assert mail.body.startswith("It is {{ here }}.\r\n")
    customer = {**signer.headers(post.user), "Idempotency-Key": uuid4().hex}
    assert (await client.post("/v1/notifications", headers=customer, json=body)).status_code == 403


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        ("sms", "x" * 1601),
        ("sms", "\N{GRINNING FACE}" * 801),
        ("push", "x" * 3800),
        ("push", "\N{GRINNING FACE}" * 950),
        ("sms", "\N{ZERO WIDTH SPACE}"),
    ],
)
async def test_a_text_that_its_channel_cannot_carry_whole_is_refused(
    post: Post, client: httpx.AsyncClient, staff: dict[str, str], channel: str, text: str
) -> None:
    headers = {**staff, "Idempotency-Key": uuid4().hex}
    body = {"user_id": str(post.user), "channel": channel, "subject": "Hello", "text": text}
    answer = await client.post("/v1/notifications", headers=headers, json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/text"]


async def test_a_text_that_fills_an_sms_is_sent_whole(
    post: Post, client: httpx.AsyncClient, staff: dict[str, str]
) -> None:
    number = f"+49{uuid4().int % 10**10:010}"
    await post.know(phone=number)
    headers = {**staff, "Idempotency-Key": uuid4().hex}
    text = "\N{GRINNING FACE}" * 800
    body = {"user_id": str(post.user), "channel": "sms", "subject": "Hello", "text": text}
    answer = await client.post("/v1/notifications", headers=headers, json=body)
    assert answer.status_code == 201, answer.text
    [message] = await post.until(1, "sms", number)
    assert message.body == text


@pytest.mark.parametrize(
    "body",
    [
        {"off": {"security": ["email"]}},
        {"off": {"orders": ["pigeon"]}},
        {"off": {}, "role": "admin"},
        {"quiet_hours": {"start": "22:00", "end": "22:00", "timezone": "UTC"}},
        {"quiet_hours": {"start": "22:00", "end": "07:00", "timezone": "../etc/passwd"}},
        {"quiet_hours": {"start": "22:00", "end": "07:00", "timezone": "localtime"}},
        {"quiet_hours": {"start": "22:00", "end": "07:00", "timezone": "Factory"}},
        {"quiet_hours": {"start": "22:00", "end": "07:00", "timezone": "posix/UTC"}},
        {"quiet_hours": {"start": "25:00", "end": "07:00", "timezone": "UTC"}},
        [],
    ],
)
async def test_bad_preferences_are_refused(
    client: httpx.AsyncClient, signer: Signer, body: object
) -> None:
    answer = await client.put(
        "/v1/notifications/preferences", headers=signer.headers(uuid4()), json=body
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
