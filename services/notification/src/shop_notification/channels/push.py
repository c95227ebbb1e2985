"""Push by an API like FCM v1's.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

from __future__ import annotations

import httpx

from shop_notification.channels.http import post
from shop_notification.channels.protocol import Message
from shop_notification.settings import Settings


class PushChannel:
    """Sends subject and short text to one device."""

    def __init__(self, settings: Settings) -> None:
        self._path = f"/v1/projects/{settings.push_project}/messages:send"
        token = settings.push_token.get_secret_value()
        self._http = httpx.AsyncClient(
            base_url=settings.push_base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=settings.send_timeout_seconds,
        )

    async def send(self, message: Message) -> str:
        """Send; a device shows messages of one collapse key once."""
        answer = await post(
            self._http,
            self._path,
            json={
                "message": {
                    "token": message.destination,
                    "notification": {"title": message.subject, "body": message.short},
                    "data": {"notification_id": str(message.id)},
                    "android": {"collapse_key": str(message.id)},
                }
            },
        )
        return str(answer["name"])

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
