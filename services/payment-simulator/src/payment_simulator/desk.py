"""What the four simulated providers share: settings, faults, webhooks, and stored answers."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import Response

from payment_simulator.faults import Fault, Faults, NotAuthorisedFault, after, before
from payment_simulator.settings import Settings
from payment_simulator.webhooks import Webhooks

Document = dict[str, Any]
BAD_REQUEST = 400


def answer(document: object, status: int = 200) -> Response:
    """Answer JSON."""
    return Response(json.dumps(document), status_code=status, media_type="application/json")


def new_id(prefix: str) -> str:
    """Make an id as providers do."""
    return f"{prefix}{secrets.token_hex(12)}"


def timestamp() -> str:
    """Now, as RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True)
class Desk:
    """One provider's memory and means."""

    provider: str
    settings: Settings
    faults: Faults
    webhooks: Webhooks
    charges: dict[str, Document] = field(default_factory=dict)
    refunds: dict[str, Document] = field(default_factory=dict)
    faults_of: dict[str, Fault] = field(default_factory=dict)
    """The fault that a charge was made with: its later webhooks suffer it too."""
    answers: dict[str, Response] = field(default_factory=dict)
    turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    """What was first asked with each idempotency key."""
    tokens: set[str] = field(default_factory=set)
    """Access tokens that count."""
    made: dict[str, float] = field(default_factory=dict)
    """When each charge was made, in seconds since 1970."""
    created: int = 0
    """Charges made, to be compared with the orders that asked for them."""

    async def suffer(self) -> None:
        """Suffer the fault that was ordered for any call. Raises NotAuthorisedFault."""
        fault = self.faults.take_of_any_call(self.provider)
        if fault is Fault.TOKEN_REVOKED:
            self.tokens.clear()
        if fault is Fault.NOT_AUTHORISED:
            raise NotAuthorisedFault

    async def perform(
        self,
        make: Callable[[Fault], Response],
        *,
        key: str | None = None,
        amount: object = "",
        token: str | None = None,
    ) -> Response:
        """Do what `make` does once for the key, and go wrong as it was ordered.

        Raises what `before` and `after` raise.
        """

        async def work() -> Response:
            ordered = self.faults.take(self.provider, amount=amount, token=token)
            await before(ordered)
            response = make(ordered.fault)
            if response.status_code < BAD_REQUEST:
                self.remember(key, response)
                await after(ordered)
            return response

        return await self.once(key, work)

    async def once(self, key: str | None, work: Callable[[], Awaitable[Response]]) -> Response:
        """Answer a request with this idempotency key as it was first answered.

        Two at once take turns: the later one is answered as the first, and does nothing.
        """
        if key is None:
            return await work()
        if key not in self.answers:
            async with self.turns.setdefault(key, asyncio.Lock()):
                if key not in self.answers:
                    self.answers.setdefault(key, await work())
        return self.answers[key]

    def remember(self, key: str | None, response: Response) -> None:
        """Keep the answer before it is sent, for a caller who will not get it."""
        if key is not None:
            self.answers[key] = response

    def keep(self, reference: str, charge: Document) -> None:
        """Keep a charge that was made."""
        self.charges[reference] = charge
        self.made[reference] = time.time()
        self.created += 1

    def made_at(self, charge: Document) -> float:
        """Return when a charge was made, in seconds since 1970."""
        return self.made.get(charge["id"], 0.0)

    def page(self, reference: str) -> str:
        """Where the customer pays."""
        return f"{self.settings.page_url}/pay/{self.provider}/{reference}"
