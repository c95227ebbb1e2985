"""Faults on demand: by a magic amount, by a token, or ordered for the next calls."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial


class Fault(StrEnum):
    """What can go wrong with a charge or a refund."""

    NONE = "none"
    DECLINE = "decline"
    ACTION = "action"
    DELAY = "delay"
    TIMEOUT_AFTER_CHARGING = "timeout_after_charging"
    LOST = "lost"
    """A time-out after charging, and no webhook either."""
    HANG = "hang"
    ERROR = "error"
    ERROR_AFTER_CHARGING = "error_after_charging"
    DUPLICATE_WEBHOOKS = "duplicate_webhooks"
    REORDERED_WEBHOOKS = "reordered_webhooks"
    NO_WEBHOOK = "no_webhook"
    WRONG_AMOUNT = "wrong_amount"
    UNREADABLE_AMOUNT = "unreadable_amount"
    """The amount received has parts of a minor unit."""
    UNREADABLE = "unreadable"
    """200 with a page instead of JSON, after the money has moved."""
    NOT_AUTHORISED = "not_authorised"
    """401 to whatever is asked next, as after a key was wrongly rotated."""
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - a fault, no secret
    """PayPal's access tokens that were given out count no more."""
    SEARCH_LAG = "search_lag"
    """Until it is cleared, a search does not find charges younger than `seconds`."""


MAGIC_AMOUNTS = {
    "4001": Fault.DECLINE,
    "4002": Fault.DELAY,
    "4003": Fault.TIMEOUT_AFTER_CHARGING,
    "4004": Fault.DUPLICATE_WEBHOOKS,
    "4005": Fault.REORDERED_WEBHOOKS,
    "4006": Fault.NO_WEBHOOK,
    "4007": Fault.ERROR_AFTER_CHARGING,
    "4008": Fault.WRONG_AMOUNT,
    "4009": Fault.ERROR,
}
"""By the digits of the amount as the provider is told it: 40.01 at PayPal, 4001 at Midtrans."""

TOKENS = {
    "pm_card_visa_chargeDeclined": Fault.DECLINE,
    "pm_card_chargeDeclined": Fault.DECLINE,
    "pm_card_authenticationRequired": Fault.ACTION,
    "pm_card_threeDSecure2Required": Fault.ACTION,
    "pm_card_timeoutAfterCharge": Fault.TIMEOUT_AFTER_CHARGING,
}


@dataclass(frozen=True, slots=True)
class Ordered:
    """What goes wrong with a call of a provider."""

    fault: Fault
    seconds: float
    hang: Callable[[float], Awaitable[None]]
    """Gives no answer for so many seconds."""


class Faults:
    """Knows what goes wrong with the next call."""

    def __init__(self, hang_seconds: float) -> None:
        self._hang_seconds = hang_seconds
        self._ordered: dict[str, deque[tuple[Fault, float]]] = defaultdict(deque)
        self._cleared = asyncio.Event()
        self.hanging: Counter[str] = Counter()
        """Calls a provider that wait for an answer now."""
        self.search_lag: dict[str, float] = {}
        """Seconds, by provider."""

    def order(self, provider: str, fault: Fault, *, times: int, seconds: float | None) -> None:
        """Let the next `times` calls of the provider go wrong so."""
        pause = self._hang_seconds if seconds is None else seconds
        if fault is Fault.SEARCH_LAG:
            self.search_lag[provider] = pause
            return
        self._ordered[provider].extend([(fault, pause)] * times)

    def clear(self) -> None:
        """Forget what was ordered, and let go of those who hang."""
        self._ordered.clear()
        self.search_lag.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def take(self, provider: str, *, amount: object = "", token: str | None = None) -> Ordered:
        """Tell what goes wrong with this call."""
        hang = partial(self._hang, provider)
        if self._ordered[provider]:
            return Ordered(*self._ordered[provider].popleft(), hang)
        digits = "".join(filter(str.isdigit, str(amount)))
        fault = TOKENS.get(token or "") or MAGIC_AMOUNTS.get(digits, Fault.NONE)
        return Ordered(fault, 1.0 if fault is Fault.DELAY else self._hang_seconds, hang)

    def take_of_any_call(self, provider: str) -> Fault:
        """Return the fault that hits whatever the provider is asked next, or NONE."""
        ordered = self._ordered[provider]
        if ordered and ordered[0][0] in {Fault.NOT_AUTHORISED, Fault.TOKEN_REVOKED}:
            return ordered.popleft()[0]
        return Fault.NONE

    async def _hang(self, provider: str, seconds: float) -> None:
        self.hanging[provider] += 1
        try:
            async with asyncio.timeout(seconds):
                await self._cleared.wait()
        except TimeoutError:
            return
        finally:
            self.hanging[provider] -= 1


class ServerError(Exception):
    """The provider answers 500."""


class NotAuthorisedFault(Exception):  # noqa: N818 - a fault, ordered
    """The provider answers 401."""


class UnreadableFault(Exception):  # noqa: N818 - a fault, ordered
    """The provider answers 200 with something that is no JSON."""


async def before(ordered: Ordered) -> None:
    """Go wrong before anything has happened. Raises ServerError."""
    if ordered.fault is Fault.DELAY:
        await asyncio.sleep(ordered.seconds)
    if ordered.fault is Fault.HANG:
        await ordered.hang(ordered.seconds)
        raise ServerError
    if ordered.fault is Fault.ERROR:
        raise ServerError


async def after(ordered: Ordered) -> None:
    """Go wrong after the money has moved. Raises ServerError or UnreadableFault."""
    if ordered.fault is Fault.UNREADABLE:
        raise UnreadableFault
    if ordered.fault in {Fault.TIMEOUT_AFTER_CHARGING, Fault.LOST}:
        await ordered.hang(ordered.seconds)
    if ordered.fault is Fault.ERROR_AFTER_CHARGING:
        raise ServerError
