"""E-mail by SMTP (RFC 5321)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from shop_notification.channels.contract import Message, TryAgainError, UndeliverableError
from shop_notification.settings import Settings

_PERMANENT = 500


class EmailChannel:
    """Sends over connections that are kept for the next message: a new one costs far more."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle: list[aiosmtplib.SMTP] = []

    async def send(self, message: Message) -> str:
        """Send; the Message-ID is the notification's, so a repetition can be told."""
        mail = EmailMessage()
        mail["From"] = self._settings.mail_from
        mail["To"] = message.destination
        mail["Subject"] = message.subject
        mail["Message-ID"] = f"<{message.id}@minishop.dev>"
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        mail.set_content(message.body)
        try:
            async with self._connection() as smtp:
                _, answer = await smtp.send_message(mail)
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            kind = UndeliverableError if min(codes) >= _PERMANENT else TryAgainError
            raise kind(str(error)) from error
        except aiosmtplib.SMTPResponseException as error:
            kind = UndeliverableError if error.code >= _PERMANENT else TryAgainError
            raise kind(f"{error.code} {error.message}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise TryAgainError(repr(error)) from error
        return answer

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Lend a connection for one message; after an error it is not used again."""
        smtp = await self._kept() or await self._new()
        try:
            yield smtp
        except BaseException:
            smtp.close()
            raise
        self._idle.append(smtp)

    async def _kept(self) -> aiosmtplib.SMTP | None:
        """Return one that the server still answers on: it ends those that idle for long."""
        while self._idle:
            smtp = self._idle.pop()
            try:
                await smtp.noop()
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()
            else:
                return smtp
        return None

    async def _new(self) -> aiosmtplib.SMTP:
        settings = self._settings
        password = settings.smtp_password
        smtp = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            start_tls=settings.smtp_starttls,
            username=settings.smtp_username,
            password=password.get_secret_value() if password else None,
            timeout=settings.send_timeout_seconds,
        )
        await smtp.connect()
        return smtp
