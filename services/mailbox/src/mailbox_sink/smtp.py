"""Takes mail by SMTP."""

from __future__ import annotations

import asyncio
import email
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailbox_sink.box import Box


class Intake:
    """aiosmtpd's handler."""

    def __init__(self, box: Box) -> None:
        self._box = box

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep the mail, or refuse it where that was ordered."""
        refusal = self._box.refusal("email")
        if refusal is not None:
            return "550 ordered to refuse" if refusal else "451 ordered to fail for now"
        content = envelope.content
        data = content.encode() if isinstance(content, str) else content or b""
        mail = email.message_from_bytes(data, _class=EmailMessage, policy=default)
        body, html = mail.get_body(("plain", "html")), mail.get_body(("html",))
        for recipient in envelope.rcpt_tos:
            self._box.put(
                channel="email",
                to=recipient,
                subject=str(mail["Subject"] or ""),
                body=_text(body),
                html=_text(html),
                unsubscribe=str(mail["List-Unsubscribe"] or ""),
                id_=str(mail["Message-ID"] or ""),
            )
        return "250 kept"


def _text(part: object) -> str:
    return str(part.get_content()) if isinstance(part, EmailMessage) else ""


async def serve(box: Box, *, host: str, port: int) -> asyncio.Server:
    """Listen for mail."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(Intake(box), hostname="mailbox", loop=loop, enable_SMTPUTF8=True), host, port
    )
