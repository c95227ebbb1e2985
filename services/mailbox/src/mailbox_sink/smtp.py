"""Takes mail by SMTP, from whoever logs in as it should or not at all."""

from __future__ import annotations

import asyncio

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailbox_sink.box import Box
from mailbox_sink.settings import Settings


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
        for recipient in envelope.rcpt_tos:
            self._box.put_mail(to=recipient, raw=data)
        return "250 kept"


async def serve(box: Box, settings: Settings) -> asyncio.Server:
    """Listen for mail."""
    loop = asyncio.get_running_loop()
    known = LoginPassword(
        settings.smtp_username.encode(), settings.smtp_password.get_secret_value().encode()
    )

    def log_in(
        _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: object
    ) -> AuthResult:
        return AuthResult(success=login == known, handled=False)  # the server answers

    def protocol() -> SMTP:
        return SMTP(
            Intake(box),
            hostname="mailbox",
            loop=loop,
            enable_SMTPUTF8=True,
            authenticator=log_in,
            auth_require_tls=False,
        )

    return await loop.create_server(protocol, settings.host, settings.smtp_port)
