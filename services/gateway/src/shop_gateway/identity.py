"""Whose requests are counted together: a signed-in user's, or an address's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
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


IPV6_PREFIX = 64
"""Bits of an IPv6 address that tell one subscriber from another (RFC 6177, RFC 7934)."""


def counted_address(scope: Scope) -> str:
    """Return who counts as one caller: an IPv4 address, or the /64 network of an IPv6 address.

    One subscriber has 2^64 addresses at least and may use another for each request.
    """
    client: str = scope["client"][0] if scope.get("client") else "unknown"
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), IPV6_PREFIX), strict=False))


def identify_by(verifier: TokenVerifier) -> Identify:
    """Return a function of a request that says who calls.

    A token that does not count makes no user: else each forged one would have a limit of its own.
    Whether such a request is answered stays the service's to say.
    """

    async def identify(scope: Scope) -> Caller:
        address = Caller("address", counted_address(scope))
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
