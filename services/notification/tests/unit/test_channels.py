"""Mails as they are composed, and who is to blame for what is not taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
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


def sent(mail: bytes) -> EmailMessage:
    parsed = message_from_bytes(mail, _class=EmailMessage, policy=default)
    assert not parsed.defects
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_mail_is_text_and_html_with_one_click_unsubscribing() -> None:
    mail = sent(compose(message(), to="ada@example.com", sender="Shop <shop@example.com>"))
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["List-Unsubscribe"] == f"<{URL}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_mail_says_what_its_message_says_in_lines_that_smtp_takes() -> None:
    subject = "Größe XL \N{EM DASH} " + "sehr " * 40 + "bestätigt"
    body = "Grüße,\n.\n=20 \n\ta\rb\n" + "x" * 2000 + "\n\n-- \nMinishop\n"
    url = f"{URL}/{'a' * 300}"
    told = message(subject=subject, body=body, html=f"<p>{body}</p>", unsubscribe_url=url)
    raw = compose(told, to="ada@example.com", sender="Müllers Shop <shop@example.com>")
    assert raw.isascii()
    lines = raw.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 998
    assert f"List-Unsubscribe: <{url}>".encode() in lines  # as it is: no client decodes it
    mail = sent(raw)
    assert mail["Subject"] == subject
    assert mail["From"].addresses[0].display_name == "Müllers Shop"
    assert mail["From"].addresses[0].addr_spec == "shop@example.com"
    assert mail["Message-ID"] == f"<{UUID(int=1)}@minishop.dev>"
    body = body.replace("\r", "\n")
    text, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert (text, html) == (body, f"<p>{body}</p>\n")


def test_a_mail_without_html_is_its_text() -> None:
    mail = sent(compose(message(html=None), to="a@example.com", sender="s@example.com"))
    assert (mail.get_content_type(), mail.get_content()) == ("text/plain", "Hello.\r\n")


def test_an_address_that_is_not_ascii_is_in_the_header_as_it_is() -> None:
    raw = compose(message(), to="jörg@example.com", sender="s@example.com")
    assert "To: jörg@example.com\r\n".encode() in raw


@pytest.mark.parametrize("mark", ["\r\nBcc: x@example.com", "\n", "\r", "\0", "\r\n "])
@pytest.mark.parametrize("field", ["to", "sender", "unsubscribe_url"])
def test_nothing_adds_a_header_of_its_own(field: str, mark: str) -> None:
    about = {"to": "a@example.com", "sender": "s@example.com", "unsubscribe_url": URL}
    about[field] += mark
    told = message(unsubscribe_url=about.pop("unsubscribe_url"))
    try:
        mail = sent(compose(told, to=about["to"], sender=about["sender"]))
    except ValueError:
        return
    assert mail["Bcc"] is None


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
