"""Mails as they are composed, and who is to blame for what is not taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import default
from uuid import UUID

import httpx
import pytest

from shop_notification.channels.email import EmailChannel, compose
from shop_notification.channels.http import post
from shop_notification.channels.protocol import Blame, Message, SendError
from shop_notification.settings import Settings

URL = "https://shop.example/v1/notifications/unsubscribe/token"


def message(**changes: object) -> Message:
    fields = {
        "id": UUID(int=1),
        "destination": "ada@example.com",
        "subject": "Hello",
        "short": "Hello",
        "body": "Hello.\n",
        "html": "<p>Hello.</p>",
        "unsubscribe_url": URL,
    }
    return Message(**{**fields, **changes})  # type: ignore[arg-type]


def sent(mail: EmailMessage) -> EmailMessage:
    parsed = message_from_bytes(
        mail.as_bytes(policy=SMTP_POLICY), _class=EmailMessage, policy=default
    )
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_mail_is_text_and_html_with_one_click_unsubscribing() -> None:
    mail = sent(compose(message(), to="ada@example.com", sender="Shop <shop@example.com>"))
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["List-Unsubscribe"] == f"<{URL}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_security_mail_has_no_unsubscribing() -> None:
    mail = sent(compose(message(unsubscribe_url=None), to="a@example.com", sender="s@example.com"))
    assert mail["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    "destination", ["a\u0001b@example.com", "=?utf-8?q?victim?=@corp.example", "nobody", ""]
)
async def test_what_is_no_address_is_nobodys_to_try_again(destination: str) -> None:
    channel = EmailChannel(Settings.model_construct(mail_from="s@example.com"))
    with pytest.raises(SendError) as refused:
        await channel.send(message(destination=destination))
    assert refused.value.blame is Blame.PERMANENT


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    def answer(request: httpx.Request) -> httpx.Response:
        status = int(request.url.path.strip("/"))
        content = b"[]" if status == 201 else b"<html>" if status == 202 else b"{}"
        return httpx.Response(status, content=content)

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://sms") as http:
        yield http


@pytest.mark.parametrize(
    ("status", "blame", "is_gone"),
    [
        (400, Blame.PERMANENT, False),
        (404, Blame.PERMANENT, True),
        (410, Blame.PERMANENT, True),
        (422, Blame.PERMANENT, False),
        (401, Blame.TEMPORARY, False),
        (402, Blame.TEMPORARY, False),
        (403, Blame.TEMPORARY, False),
        (408, Blame.TEMPORARY, False),
        (429, Blame.TEMPORARY, False),
        (500, Blame.TEMPORARY, False),
        (503, Blame.TEMPORARY, False),
        (302, Blame.TEMPORARY, False),
        (201, Blame.TEMPORARY, False),
        (202, Blame.TEMPORARY, False),
    ],
)
async def test_blame_of_http_answers(
    http: httpx.AsyncClient, status: int, blame: Blame, *, is_gone: bool
) -> None:
    with pytest.raises(SendError) as refused:
        await post(http, f"/{status}")
    assert (refused.value.blame, refused.value.is_gone) == (blame, is_gone)
