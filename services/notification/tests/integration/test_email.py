"""Mail over SMTP: connections are kept, and made anew when the server has ended them."""

from __future__ import annotations

from uuid import uuid4

import aiosmtplib
import pytest

from mailbox_sink.box import Box
from shop_notification.channels.email import EmailChannel
from shop_notification.channels.protocol import Blame, Message, SendError
from shop_notification.settings import Settings

from .conftest import Tap

pytestmark = pytest.mark.asyncio(loop_scope="module")


def message(to: str) -> Message:
    return Message(id=uuid4(), destination=to, subject="Hello", short="Hello", body="Hello.\n")


async def test_mails_share_a_connection_until_the_server_ends_it(
    mailbox: tuple[Box, str, int], settings: Settings
) -> None:
    box, _, port = mailbox
    server = Tap(("127.0.0.1", port))
    listener = await server.start()
    channel = EmailChannel(settings.model_copy(update={"smtp_port": server.port}))
    to = f"{uuid4().hex}@example.com"
    for _ in range(3):
        await channel.send(message(to))
    assert server.accepted == 1
    server.shut()
    with pytest.raises(SendError) as refused:
        await channel.send(message(to))
    assert refused.value.blame is Blame.TEMPORARY
    server.open()
    await channel.send(message(to))
    assert server.accepted == 2
    box.refuse("email", times=1, for_good=False)
    with pytest.raises(SendError) as refused:
        await channel.send(message(to))
    assert refused.value.blame is Blame.TEMPORARY
    await channel.send(message(to))
    assert server.accepted == 3
    assert len(box.find(channel="email", to=to)) == 5
    await channel.close()
    listener.close()


async def test_the_mailbox_lets_nobody_in_with_another_password(settings: Settings) -> None:
    client = aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_username,
        password="another",
        start_tls=False,
    )
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        await client.connect()
    client.close()
