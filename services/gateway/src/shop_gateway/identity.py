"""Whose requests are counted together: a signed-in user's, or an address's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from starlette.types import Scope

from shop_gateway.headers import first
from shop_shared.http.problems import Problem
from shop_shared.http.tokens import SessionEnded, TokenVerifier


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request counts for."""

    by: Literal["user", "address"]
    who: str
    session_ended: bool = False
    """The token is good, and its session has ended: it counts for nothing any more."""


CALLER = "shop_gateway.caller"
"""Key of the request's Caller in the scope of the gateway's own routes."""
Identify = Callable[[Scope], Awaitable[Caller]]


def identify_by(verifier: TokenVerifier) -> Identify:
    """Return a function of a request that says who calls.

    A token that does not count makes no user: else each forged one would have a limit of its own.
    Whether such a request is answered stays the service's to say.
    """

    async def identify(scope: Scope) -> Caller:
        address = Caller("address", scope["client"][0] if scope.get("client") else "unknown")
        header = first(scope["headers"], b"authorization") or b""
        scheme, _, token = header.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return address
        try:
            claims = await verifier.verify(token.strip())
        except SessionEnded:
            return Caller(address.by, address.who, session_ended=True)
        except Problem:
            return address
        return Caller("user", str(claims["sub"]))

    return identify
