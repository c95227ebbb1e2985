"""E-mail by SMTP (RFC 5321): text and HTML, with one-click unsubscribing (RFC 8058)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr

import aiosmtplib

from shop_notification.channels.protocol import Blame, Message, SendError
from shop_notification.settings import Settings
from shop_shared.emails import BadEmailError, canonical

_TRUSTED_IDLE = 1.0
"""Seconds that a connection may be idle and is used without asking whether it still is one."""
_PERMANENT = 500
_NOT_AUTHORISED = frozenset({530, 534, 535, 538})
"""Of 5xx those that blame our credentials (RFC 4954, 6)."""


class EmailChannel:
    """Sends over connections that are kept for the next message: a new one costs far more."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender = parseaddr(settings.mail_from)[1]
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []

    async def send(self, message: Message) -> str:
        """Send; the Message-ID is the notification's, so that a repetition can be recognised."""
        try:
            to = canonical(message.destination)
        except BadEmailError as error:
            raise SendError(f"no address: {error}", blame=Blame.PERMANENT) from error
        mail = compose(message, to=to, sender=self._settings.mail_from)
        try:
            async with self._connection() as smtp:
                # Who gets it is told here, never read from a header, which can be read in two ways.
                _, answer = await smtp.sendmail(
                    self._sender, [to], mail, mail_options=[] if to.isascii() else ["SMTPUTF8"]
                )
        except aiosmtplib.SMTPNotSupported as error:
            raise SendError(str(error), blame=Blame.PERMANENT) from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            raise SendError(str(error), blame=_blame(min(codes))) from error
        except aiosmtplib.SMTPDataError as error:
            raise SendError(f"{error.code} {error.message}", blame=_blame(error.code)) from error
        except aiosmtplib.SMTPResponseException as error:
            # To the greeting, the log-in or the sender: the server refuses us, not this message.
            raise SendError(f"{error.code} {error.message}", blame=Blame.TEMPORARY) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise SendError(repr(error), blame=Blame.TEMPORARY) from error
        return answer

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop()[0].close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Lend a connection for one message; after an error it is not used again."""
        smtp = await self._kept() or await self._new()
        try:
            yield smtp
        except BaseException:
            smtp.close()
            raise
        self._idle.append((smtp, time.monotonic()))

    async def _kept(self) -> aiosmtplib.SMTP | None:
        """Return one that the server still answers on: it ends those that idle for long."""
        while self._idle:
            smtp, since = self._idle.pop()
            if smtp.is_connected and time.monotonic() - since < _TRUSTED_IDLE:
                return smtp
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


def compose(message: Message, *, to: str, sender: str) -> bytes:
    """Return the mail (RFC 5322). Raises ValueError for what no header can hold."""
    mail = EmailMessage(_POLICY)
    mail["From"] = sender
    local, _, domain = to.rpartition("@")
    mail["To"] = Address(username=local, domain=domain)
    mail["Subject"] = message.subject
    mail["Message-ID"] = f"<{message.id}@minishop.dev>"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    if message.unsubscribe_url is not None:
        mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"  # RFC 2369
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    mail.set_content(message.body)
    if message.html is not None:
        mail.add_alternative(message.html, subtype="html")
    return mail.as_bytes(policy=_POLICY if to.isascii() else _POLICY.clone(utf8=True))


class _UrlHeader(UnstructuredHeader, BaseHeader):
    """A header of a URL, in one line: folded, it would be encoded words, which RFC 2369 forbids."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _UrlHeader)
_POLICY = SMTP.clone(header_factory=_HEADERS)


def _blame(code: int) -> Blame:
    """Return the blame of an SMTP reply code (RFC 5321, 4.2.1) to a recipient or a message."""
    is_permanent = code >= _PERMANENT and code not in _NOT_AUTHORISED
    return Blame.PERMANENT if is_permanent else Blame.TEMPORARY
