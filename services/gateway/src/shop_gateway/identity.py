"""Whose requests are counted together: a signed-in user's, or an address's."""

from collections.abc import Awaitable, Callable

from starlette.types import Scope

from shop_gateway.headers import first
from shop_shared.http.problems import Problem
from shop_shared.http.tokens import SessionEnded, TokenVerifier

Identify = Callable[[Scope, str], Awaitable[tuple[str, str]]]


def identify_by(verifier: TokenVerifier) -> Identify:
    """Return a function of a request and its address: (`user`, id) or (`address`, address).

    A token that does not count makes no user: else each forged one would have a limit of its own.
    Whether such a request is answered stays the service's to say; that its session has ended is
    said here, for the services that have no Redis to ask. Raises SessionEnded.
    """

    async def identify(scope: Scope, address: str) -> tuple[str, str]:
        header = first(scope["headers"], b"authorization") or b""
        scheme, _, token = header.decode("latin-1").partition(" ")
        if scheme.lower() == "bearer" and token:
            try:
                claims = await verifier.verify(token.strip())
            except SessionEnded:
                raise
            except Problem:
                return "address", address
            return "user", str(claims["sub"])
        return "address", address

    return identify
