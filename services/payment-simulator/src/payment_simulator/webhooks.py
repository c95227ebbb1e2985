"""Sends webhooks, again and again until they are answered 2xx, as providers do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import structlog

from payment_simulator.faults import Fault

TRIES = 12
COPIES = 3
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A signed message to be sent."""

    provider: str
    headers: Mapping[str, str]
    body: bytes


class Webhooks:
    """Sends in the background; `idle` waits until nothing is on its way."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(timeout=10)
        self._on_the_way: set[asyncio.Task[None]] = set()
        self.sent: list[tuple[str, int]] = []

    def send(self, *webhooks: Webhook, fault: Fault = Fault.NONE) -> None:
        """Send them one after the other: twice more, backwards or not at all where so ordered."""
        if fault in {Fault.NO_WEBHOOK, Fault.LOST}:
            return
        wanted = list(webhooks)
        if fault is Fault.REORDERED_WEBHOOKS:
            wanted.reverse()
        if fault is Fault.DUPLICATE_WEBHOOKS:
            wanted *= COPIES
        task = asyncio.create_task(self._send_all(wanted))
        self._on_the_way.add(task)
        task.add_done_callback(self._on_the_way.discard)

    async def idle(self) -> None:
        """Wait until everything has been delivered or given up."""
        while self._on_the_way:
            await asyncio.gather(*self._on_the_way)

    async def close(self) -> None:
        """Stop sending."""
        for task in self._on_the_way:
            task.cancel()
        await asyncio.gather(*self._on_the_way, return_exceptions=True)
        await self._http.aclose()

    async def _send_all(self, webhooks: list[Webhook]) -> None:
        for webhook in webhooks:
            await self._send(webhook)

    async def _send(self, webhook: Webhook) -> None:
        for attempt in range(TRIES):
            try:
                answer = await self._http.post(
                    f"{self._url}/{webhook.provider}",
                    content=webhook.body,
                    headers={"content-type": "application/json", **webhook.headers},
                )
            except httpx.HTTPError as error:
                _log.warning("webhook not delivered", provider=webhook.provider, error=repr(error))
            else:
                self.sent.append((webhook.provider, answer.status_code))
                if answer.is_success or answer.status_code == httpx.codes.BAD_REQUEST:
                    return
            await asyncio.sleep(min(30.0, 0.1 * 2**attempt))
        _log.error("webhook given up", provider=webhook.provider)
