"""SMS by an API like Twilio's.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import httpx

from shop_notification.channels.http import post
from shop_notification.channels.protocol import Message
from shop_notification.plans import SMS_CHARACTERS
from shop_notification.settings import Settings

_OUR_NUMBER = frozenset({21212, 21603, 21606, 21659, 21660, 21661})
"""Error codes about `From` and the account (https://www.twilio.com/docs/api/errors)."""


class SmsChannel:
    """Sends the short text."""

    def __init__(self, settings: Settings) -> None:
        self._path = f"/2010-04-01/Accounts/{settings.sms_account}/Messages.json"
        self._from = settings.sms_from
        self._http = httpx.AsyncClient(
            base_url=settings.sms_base_url,
            auth=httpx.BasicAuth(settings.sms_account, settings.sms_token.get_secret_value()),
            timeout=settings.send_timeout_seconds,
        )

    async def send(self, message: Message) -> str:
        """Send; the idempotency token is the notification's id."""
        answer = await post(
            self._http,
            self._path,
            data={
                "To": message.destination,
                "From": self._from,
                "Body": message.short[:SMS_CHARACTERS],
            },
            headers={"I-Twilio-Idempotency-Token": str(message.id)},
            is_ours=_blames_our_number,
        )
        return str(answer["sid"])

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _blames_our_number(response: httpx.Response) -> bool:
    try:
        answer = response.json()
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("code") in _OUR_NUMBER
