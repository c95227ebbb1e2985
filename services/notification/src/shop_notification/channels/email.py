"""E-mail by SMTP (RFC 5321)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from shop_notification.channels.contract import Message, TryAgainError, UndeliverableError
from shop_notification.settings import Settings

_PERMANENT = 500


class EmailChannel:
    """Sends each message in a connection of its own; a mail server keeps none idle for long."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

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
        settings = self._settings
        password = settings.smtp_password
        try:
            _, answer = await aiosmtplib.send(
                mail,
                hostname=settings.smtp_host,
                port=settings.smtp_port,
                start_tls=settings.smtp_starttls,
                username=settings.smtp_username,
                password=password.get_secret_value() if password else None,
                timeout=settings.send_timeout_seconds,
            )
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
        """Nothing is kept open."""
