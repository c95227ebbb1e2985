"""Which pod answers a request: power of two choices, outliers ejected, a breaker a service.

Two random pods are compared and the one with fewer requests in flight is taken: nearly as even as
counting all, without the herd that follows a single best (Mitzenmacher, 2001). A pod that fails
several times in a row is left out for a while, as Envoy's outlier detection does.
"""

import asyncio
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from shop_gateway.routes import Upstream

log = structlog.get_logger()

EJECT_AFTER = 3
EJECT_SECONDS = 5.0
RESOLVE_SECONDS = 2.0
BREAKER_WINDOW_SECONDS = 10.0
BREAKER_MIN_REQUESTS = 20
BREAKER_FAILURE_SHARE = 0.5
BREAKER_OPEN_SECONDS = 5.0


class NoEndpointError(Exception):
    """No pod of the service is known."""


class BreakerOpenError(Exception):
    """Most calls of the service failed lately; it is left alone for a moment."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


@dataclass
class Endpoint:
    """One pod, and how it did lately."""

    address: str
    in_flight: int = 0
    failures: int = 0
    ejected_until: float = 0.0


@dataclass
class Breaker:
    """Opens when at least half of a window's calls failed; then lets one call try again."""

    clock: Callable[[], float]
    since: float = 0.0
    calls: int = 0
    failed: int = 0
    open_until: float = 0.0

    def check(self) -> None:
        """Raise BreakerOpenError while open. The first call after that time is the trial."""
        now = self.clock()
        if self.open_until > now:
            raise BreakerOpenError(self.open_until - now)
        if self.open_until:
            # Half open: whoever else comes before this trial has ended waits another turn.
            self.open_until = now + BREAKER_OPEN_SECONDS

    def record(self, *, ok: bool) -> None:
        """Count one call's outcome."""
        now = self.clock()
        if self.open_until:
            if ok:
                self.open_until, self.since, self.calls, self.failed = 0.0, now, 0, 0
            return
        if now - self.since > BREAKER_WINDOW_SECONDS:
            self.since, self.calls, self.failed = now, 0, 0
        self.calls += 1
        self.failed += not ok
        if self.calls >= BREAKER_MIN_REQUESTS and self.failed >= self.calls * BREAKER_FAILURE_SHARE:
            self.open_until = now + BREAKER_OPEN_SECONDS


@dataclass
class Pool:
    """The pods of one service."""

    upstream: Upstream
    clock: Callable[[], float] = time.monotonic
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    breaker: Breaker = field(init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(self.clock)

    def update(self, addresses: set[str]) -> None:
        """Take on the addresses that DNS answers now; those that stay keep their record."""
        self.endpoints = {
            address: self.endpoints.get(address) or Endpoint(address) for address in addresses
        }

    @contextmanager
    def endpoint(self, *, avoid: str | None = None) -> Iterator[Endpoint]:
        """Lend a pod for one call, another than `avoid` where there is one.

        Raises NoEndpointError when DNS knows none. With all of them ejected, all are tried:
        a guess beats a sure refusal.
        """
        now = self.clock()
        known = [e for e in self.endpoints.values() if e.address != avoid] or list(
            self.endpoints.values()
        )
        if not known:
            raise NoEndpointError(self.upstream.host)
        fit = [e for e in known if e.ejected_until <= now] or known
        chosen = min(random.sample(fit, min(2, len(fit))), key=lambda e: e.in_flight)
        chosen.in_flight += 1
        try:
            yield chosen
        finally:
            chosen.in_flight -= 1

    def record(self, endpoint: Endpoint, *, ok: bool) -> None:
        """Count a call's outcome for its pod and for the service."""
        self.breaker.record(ok=ok)
        endpoint.failures = 0 if ok else endpoint.failures + 1
        if endpoint.failures >= EJECT_AFTER:
            endpoint.failures = 0
            endpoint.ejected_until = self.clock() + EJECT_SECONDS
            log.warning("endpoint.ejected", service=self.upstream.service, address=endpoint.address)


@dataclass
class Balancer:
    """A pool for each service of the route table."""

    pools: dict[Upstream, Pool] = field(default_factory=dict)

    async def update(self, upstreams: frozenset[Upstream]) -> None:
        """Keep pools for these services, new ones resolved before they are shown."""
        fresh = {u: Pool(u) for u in upstreams - self.pools.keys()}
        await asyncio.gather(*(resolve(pool) for pool in fresh.values()))
        self.pools = {u: self.pools.get(u) or fresh[u] for u in upstreams}

    async def refresh(self) -> None:
        """Ask DNS again and again, until cancelled."""
        while True:
            await asyncio.sleep(RESOLVE_SECONDS)
            await asyncio.gather(*(resolve(pool) for pool in list(self.pools.values())))


async def resolve(pool: Pool) -> None:
    """Look the service's pods up. A failed look-up keeps those known before."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            pool.upstream.host, pool.upstream.port, family=socket.AF_INET, type=socket.SOCK_STREAM
        )
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            pool.update(set())
        elif pool.endpoints:
            log.warning("endpoint.unresolved", service=pool.upstream.service, error=str(error))
        return
    pool.update({str(sockaddr[0]) for *_, sockaddr in found})
