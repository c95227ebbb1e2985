"""Whose X-Forwarded-* headers are believed: fixed networks, and the pods that DNS names.

A pod's address is another after each deployment, and the whole pod network is too much to trust:
any pod could then say for whom it asks. A headless Service names exactly the pods of one service.
"""

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shop_gateway.balancer import NO_ADDRESS

log = structlog.get_logger()

RESOLVE_SECONDS = 2.0


class TrustedProxies:
    """The networks and addresses that are trusted now; `hosts` are DNS names of more of them."""

    def __init__(
        self, networks: Iterable[IPv4Network | IPv6Network], *, hosts: Iterable[str]
    ) -> None:
        self._networks = [str(network) for network in networks]
        self._found: dict[str, frozenset[str]] = dict.fromkeys(hosts, frozenset())
        self.trusted = list(self._networks)
        """Networks and addresses; another list once they have changed."""

    async def refresh(self) -> None:
        """Ask DNS again and again, until cancelled."""
        while True:
            await self.resolve()
            await asyncio.sleep(RESOLVE_SECONDS)

    async def resolve(self) -> None:
        """Look every name up. One whose look-up fails keeps the addresses known before."""
        answers = await asyncio.gather(*(_addresses(host) for host in self._found))
        found = {
            host: before if answer is None else answer
            for (host, before), answer in zip(self._found.items(), answers, strict=True)
        }
        if found != self._found:
            self._found = found
            self.trusted = [*self._networks, *sorted(frozenset[str]().union(*found.values()))]
            log.info("trusted_proxies.changed", trusted=self.trusted)


class ForwardedHeaders:
    """ASGI middleware: takes client and scheme from X-Forwarded-* of who is trusted now."""

    def __init__(self, app: ASGIApp, *, proxies: TrustedProxies) -> None:
        self._app = app
        self._proxies = proxies
        self._trusted = proxies.trusted
        self._inner = ProxyHeadersMiddleware(app, trusted_hosts=self._trusted)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application with the client that counts."""
        if self._trusted is not self._proxies.trusted:
            self._trusted = self._proxies.trusted
            self._inner = ProxyHeadersMiddleware(self._app, trusted_hosts=self._trusted)  # type: ignore[arg-type]
        await self._inner(scope, receive, send)  # type: ignore[arg-type]


async def _addresses(host: str) -> frozenset[str] | None:
    """Return a name's addresses: none where DNS says that it has none, None where DNS fails."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in NO_ADDRESS:
            return frozenset()
        log.warning("trusted_proxies.unresolved", host=host, error=str(error))
        return None
    return frozenset(str(sockaddr[0]) for *_, sockaddr in found)
