"""Mails as they are composed, and who is to blame for what is not taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import default
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from shop_notification.channels.email import EmailChannel, compose
from shop_notification.channels.http import post
from shop_notification.channels.protocol import Blame, Message, SendError
from shop_notification.channels.sms import SmsChannel
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
        (404, Blame.TEMPORARY, False),
        (405, Blame.TEMPORARY, False),
        (410, Blame.PERMANENT, False),
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


def answering(status: int, content: object) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, json=content))


async def test_only_a_device_that_is_gone_is_forgotten() -> None:
    """Not every device of everybody, when our settings misname the project."""
    gone = {
        "error": {
            "code": 404,
            "status": "NOT_FOUND",
            "details": [{"errorCode": "UNREGISTERED"}],
        }
    }
    misnamed = {"error": {"code": 404, "status": "NOT_FOUND", "message": "project not found"}}
    for content, blame, is_gone in (
        (gone, Blame.PERMANENT, True),
        (misnamed, Blame.TEMPORARY, False),
    ):
        async with httpx.AsyncClient(
            transport=answering(404, content), base_url="http://fcm"
        ) as http:
            with pytest.raises(SendError) as refused:
                await post(http, "/v1/projects/x/messages:send")
        assert (refused.value.blame, refused.value.is_gone) == (blame, is_gone)


@pytest.mark.parametrize(
    ("code", "blame"),
    [(21211, Blame.PERMANENT), (21606, Blame.TEMPORARY), (21212, Blame.TEMPORARY)],
)
async def test_an_sms_from_a_number_that_is_not_ours_is_not_the_recipients_fault(
    code: int, blame: Blame
) -> None:
    settings = Settings.model_construct(
        sms_account="AC1",
        sms_from="+1",
        sms_base_url="http://sms",
        sms_token=SecretStr("t"),
        send_timeout_seconds=1,
    )
    channel = SmsChannel(settings)
    transport = answering(400, {"code": code})
    channel._http = httpx.AsyncClient(transport=transport, base_url="http://sms")
    with pytest.raises(SendError) as refused:
        await channel.send(message(destination="+442079460000"))
    assert refused.value.blame is blame
    await channel.close()


class RefusingServer:
    """An SMTP server that refuses one command; CONNECT is the greeting."""

    def __init__(self, command: str, answer: str) -> None:
        self._answers = {
            "CONNECT": "220 mail.example",
            "DATA": "354 go on",
            "QUIT": "221 bye",
            command: answer,
        }
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(f"{self._answers['CONNECT']}\r\n".encode())
            in_data = False
            while received := await reader.readline():
                line = received.decode().rstrip("\r\n")
                if in_data and line != ".":
                    continue
                said = self._answers.get("." if in_data else line.split(" ")[0].upper(), "250 ok")
                in_data = said.startswith("354")
                writer.write(f"{said}\r\n".encode())
        finally:
            writer.close()
            await writer.wait_closed()
            self.ended.set()


@pytest.mark.parametrize(
    ("command", "answer", "blame"),
    [
        ("MAIL", "530 5.7.0 Authentication required", Blame.TEMPORARY),
        ("MAIL", "550 5.7.1 sender not allowed", Blame.TEMPORARY),
        ("CONNECT", "554 5.7.1 blocked", Blame.TEMPORARY),
        ("RCPT", "550 5.1.1 no such user", Blame.PERMANENT),
        ("RCPT", "451 4.7.1 greylisted", Blame.TEMPORARY),
        ("RCPT", "530 5.7.0 Authentication required", Blame.TEMPORARY),
        ("DATA", "451 later", Blame.TEMPORARY),
        (".", "554 5.6.0 content refused", Blame.PERMANENT),
    ],
)
async def test_blame_of_smtp_answers(command: str, answer: str, blame: Blame) -> None:
    refusing = RefusingServer(command, answer)
    server = await asyncio.start_server(refusing.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Settings.model_construct(
        mail_from="s@example.com",
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_starttls=False,
        smtp_username=None,
        smtp_password=None,
        send_timeout_seconds=5,
    )
    channel = EmailChannel(settings)
    with pytest.raises(SendError) as refused:
        await channel.send(message())
    assert refused.value.blame is blame
    await channel.close()
    server.close()
    await asyncio.wait_for(refusing.ended.wait(), 5)
