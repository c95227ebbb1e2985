"""Whose fault a call was that failed: only the service's own failures count against it."""

from enum import Enum

import aiohttp

from shop_gateway.body import Body
from shop_shared.breaker import Outcome

BROKEN_STATUSES = frozenset((502, 503, 504))
"""Answers by which a pod says that it, or what it needs, is broken."""


class Blame(Enum):
    """Who caused a failure between the caller, the gateway and a pod."""

    CLIENT = "client"
    """The caller: a body too large, too slow or broken off, a request that cannot be sent."""
    CONNECT = "connect"
    """The pod, before anything was sent: any request may go to another."""
    UPSTREAM = "upstream"
    """The pod, after something was sent: it may have acted on it."""

    @property
    def outcome(self) -> Outcome:
        """What the failure says of the pod and its service."""
        return Outcome.NEUTRAL if self is Blame.CLIENT else Outcome.FAILED


def blame_for(error: Exception, body: Body) -> Blame:
    """Return who caused the error of a call that sent `body`."""
    if body.failure is not None:
        return Blame.CLIENT
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Blame.CONNECT
        case aiohttp.ClientError() | TimeoutError():
            return Blame.UPSTREAM
        case _:  # ValueError and InvalidURL: what the caller sent cannot be sent on
            return Blame.CLIENT


def outcome_of(status: int) -> Outcome:
    """Return what an answer's status says of the pod and its service."""
    return Outcome.FAILED if status in BROKEN_STATUSES else Outcome.ANSWERED
