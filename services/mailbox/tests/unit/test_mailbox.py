"""What the mailbox keeps, shows and refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiosmtpd.smtp
import httpx
import pytest

from mailbox_sink import main
from mailbox_sink.box import Box
from mailbox_sink.settings import Settings
from mailbox_sink.smtp import Intake
from shop_shared.server import Service
from shop_shared.testing import client_of

SMS = "/sms/2010-04-01/Accounts/AC1/Messages.json"
PUSH = "/push/v1/projects/minishop/messages:send"
MESSAGE = {
    "message": {
        "token": "t1",
        "notification": {"title": "Hello", "body": "you"},
        "data": {"notification_id": "n1"},
    }
}


@pytest.fixture
def service() -> Service:
    return main.create(Settings(keep=3))


@pytest.fixture
def box(service: Service) -> Box:
    box: Box = service.app.state.box
    return box


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service) as client:
        yield client


async def messages(client: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get(f"/messages{query}")).json()["items"]
    return items


def test_the_newest_come_first_and_the_oldest_go(box: Box) -> None:
    for number in range(5):
        box.put(channel="sms", to=f"+{number}", subject="", body="", id_=str(number))
    assert [kept.id for kept in box.find()] == ["4", "3", "2"]
    assert [kept.id for kept in box.find(to="+3")] == ["3"]
    assert box.find(channel="email") == []


async def test_sms_and_push_arrive(client: httpx.AsyncClient) -> None:
    sms = await client.post(SMS, data={"To": "+49151", "Body": "424242"})
    assert (sms.status_code, sms.json()["status"]) == (201, "queued")
    push = await client.post(PUSH, json=MESSAGE)
    assert push.json()["name"].startswith("projects/minishop/messages/")
    assert [(m["channel"], m["to"], m["body"]) for m in await messages(client)] == [
        ("push", "t1", "you"),
        ("sms", "+49151", "424242"),
    ]
    assert [m["id"] for m in await messages(client, "?channel=push&to=t1")] == ["n1"]
    assert (await client.delete("/messages")).status_code == 204
    assert await messages(client) == []


async def test_what_is_refused_is_not_kept(client: httpx.AsyncClient) -> None:
    for for_good, sms, push in ((False, 503, 503), (True, 400, 404)):
        for channel in ("sms", "push"):
            await client.post(f"/refusals/{channel}", json={"for_good": for_good})
        refused = await client.post(SMS, data={"To": "+1", "Body": "x"})
        assert refused.status_code == sms
        assert (await client.post(PUSH, json=MESSAGE)).status_code == push
    assert await messages(client) == []
    assert (await client.post(PUSH, json=MESSAGE)).status_code == 200


async def test_mail_arrives_for_each_recipient_or_is_refused(box: Box) -> None:
    intake = Intake(box)
    envelope = aiosmtpd.smtp.Envelope()
    envelope.rcpt_tos = ["ada@example.com", "bob@example.com"]
    envelope.content = b"Subject: =?utf-8?q?H=C3=A9llo?=\r\nMessage-ID: <1@x>\r\n\r\nyou\r\n"

    async def take() -> str:
        return await intake.handle_DATA(None, None, envelope)  # type: ignore[arg-type]  # not read

    box.refuse("email", times=1, for_good=False)
    box.refuse("email", times=1, for_good=True)
    assert [(await take())[:3] for _ in range(3)] == ["451", "550", "250"]
    kept = box.find(channel="email")
    assert {mail.to for mail in kept} == {"ada@example.com", "bob@example.com"}
    assert {(mail.subject, mail.body, mail.id) for mail in kept} == {
        ("H\N{LATIN SMALL LETTER E WITH ACUTE}llo", "you\r\n", "<1@x>")
    }


async def test_the_page_shows_text_and_runs_nothing(client: httpx.AsyncClient) -> None:
    await client.post(SMS, data={"To": "+1", "Body": "<script>alert(1)</script>"})
    page = (await client.get("/")).text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "Nothing was sent yet" in (await client.get("/?channel=email")).text


SLACK = "/slack/services/alerts"
ALERT = {
    "channel": "#shop-alerts",
    "attachments": [
        {
            "title": "firing: ServiceDown order",
            "title_link": "http://127.0.0.1:9090/graph",
            "text": "no pod of order answers\n<docs/runbooks/ServiceDown.md>",
            "color": "danger",
        }
    ],
}


async def test_a_post_to_slack_is_kept_and_shown_as_text(client: httpx.AsyncClient) -> None:
    answer = await client.post(SLACK, json=ALERT)
    assert (answer.status_code, answer.text) == (200, "ok")
    [kept] = await messages(client, "?channel=slack")
    assert (kept["to"], kept["subject"]) == ("#shop-alerts", "firing: ServiceDown order")
    assert "no pod of order answers" in kept["body"]
    assert "http://127.0.0.1:9090/graph" in kept["body"]
    page = (await client.get("/?channel=slack")).text
    assert "firing: ServiceDown order" in page
    assert "&lt;docs/runbooks/ServiceDown.md&gt;" in page


@pytest.mark.parametrize("body", ["", "[]", "{", '{"attachments": 1}', "{}"])
async def test_what_slack_would_not_take_is_refused(client: httpx.AsyncClient, body: str) -> None:
    assert (await client.post(SLACK, content=body)).status_code == 400
    assert await messages(client) == []


async def test_slack_can_be_away(client: httpx.AsyncClient) -> None:
    await client.post("/refusals/slack", json={"times": 1})
    assert (await client.post(SLACK, json=ALERT)).status_code == 503
    assert (await client.post(SLACK, json=ALERT)).status_code == 200
