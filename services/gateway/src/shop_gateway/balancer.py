"""Which pod answers a request: power of two choices, outliers ejected, a breaker a service.

Two random pods are compared and the one with fewer requests in flight is taken: nearly as even as
counting all, without the herd that follows a single best (Mitzenmacher, 2001). A pod that fails
several times in a row is left out for a while, as Envoy's outlier detection does.
"""

import asyncio
import random
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import structlog

from shop_gateway.room import Limits, Room
from shop_gateway.routes import Upstream
from shop_shared.breaker import CircuitBreaker, FailureShare, Outcome

log = structlog.get_logger()

EJECT_AFTER = 3
EJECT_SECONDS = 5.0
RESOLVE_SECONDS = 2.0
RESOLVE_EMPTY_SECONDS = 0.5
"""A service without a pod is looked up more often: its first requests wait for it."""
BREAKER_WINDOW_SECONDS = 10.0
BREAKER_MIN_REQUESTS = 20
BREAKER_FAILURE_SHARE = 0.5
BREAKER_OPEN_SECONDS = 5.0
_READING = frozenset(("GET", "HEAD", "OPTIONS"))
NO_ADDRESS = frozenset((socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY))
"""By which DNS says that a name has no address: there is no such name, or it has other records."""


class NoEndpointError(Exception):
    """No pod of the service is known."""


class BreakerOpenError(Exception):
    """Most calls of the service failed lately; it is left alone for `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


@dataclass
class Endpoint:
    """One pod: its calls under way, its failures in a row, when it may be chosen again."""

    address: str
    in_flight: int = 0
    failures: int = 0
    ejected_until: float = 0.0

    @property
    def host(self) -> str:
        """Return the address as a URL has it: in brackets, if it is of IPv6 (RFC 3986, 3.2.2)."""
        return f"[{self.address}]" if ":" in self.address else self.address


@dataclass
class Pool:
    """The pods of one service, the breaker of all of them, and the room that there is for calls."""

    upstream: Upstream
    clock: Callable[[], float] = time.monotonic
    limits: Limits = field(default_factory=Limits)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    breaker: CircuitBreaker = field(init=False)
    _reads: Room = field(init=False)
    _others: Room = field(init=False)

    def __post_init__(self) -> None:
        self._reads, self._others = Room(self.limits), Room(self.limits)
        rule = FailureShare(
            share=BREAKER_FAILURE_SHARE,
            minimum=BREAKER_MIN_REQUESTS,
            seconds=BREAKER_WINDOW_SECONDS,
        )
        self.breaker = CircuitBreaker(rule, open_seconds=BREAKER_OPEN_SECONDS, clock=self.clock)

    def update(self, addresses: set[str]) -> None:
        """Take on the addresses that DNS answers now; those that stay keep their record."""
        self.endpoints = {
            address: self.endpoints.get(address) or Endpoint(address) for address in addresses
        }
        for room in (self._reads, self._others):
            room.resize(len(addresses))

    def room(self, method: str) -> Room:
        """Return where a call takes a place: who only looks takes none from who orders."""
        return self._reads if method in _READING else self._others

    def choose(self, *, avoid: Collection[str] = frozenset()) -> Endpoint:
        """Choose a pod for a call, another than those of `avoid` where there is one.

        Raises NoEndpointError when DNS knows none, BreakerOpenError while the service is left
        alone. With all pods ejected, all are tried: a guess beats a sure refusal.
        """
        known = [e for e in self.endpoints.values() if e.address not in avoid] or list(
            self.endpoints.values()
        )
        if not known:
            raise NoEndpointError(self.upstream.host)
        if not self.breaker.permits():
            raise BreakerOpenError(self.breaker.rest())
        self.breaker.started()
        now = self.clock()
        fit = [e for e in known if e.ejected_until <= now] or known
        return min(random.sample(fit, min(2, len(fit))), key=lambda e: e.in_flight)

    def record(self, endpoint: Endpoint, outcome: Outcome) -> None:
        """Count a call's outcome for its pod and for the service."""
        self.breaker.record(outcome)
        match outcome:
            case Outcome.ANSWERED:
                endpoint.failures = 0
            case Outcome.FAILED:
                endpoint.failures += 1
        if endpoint.failures >= EJECT_AFTER:
            endpoint.failures = 0
            endpoint.ejected_until = self.clock() + EJECT_SECONDS
            log.warning("endpoint.ejected", service=self.upstream.service, address=endpoint.address)


@dataclass
class Balancer:
    """A pool for each service of the route table."""

    pools: dict[Upstream, Pool] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    async def update(self, upstreams: frozenset[Upstream]) -> None:
        """Keep pools for these services, new ones resolved before they are shown."""
        fresh = {u: Pool(u, limits=self.limits) for u in upstreams - self.pools.keys()}
        await asyncio.gather(*(resolve(pool) for pool in fresh.values()))
        self.pools = {u: self.pools.get(u) or fresh[u] for u in upstreams}

    async def refresh(self) -> None:
        """Ask DNS again and again, until cancelled."""
        all_due = 0.0
        while True:
            await asyncio.sleep(RESOLVE_EMPTY_SECONDS)
            everybody = time.monotonic() >= all_due
            if everybody:
                all_due = time.monotonic() + RESOLVE_SECONDS
            due = [pool for pool in self.pools.values() if everybody or not pool.endpoints]
            await asyncio.gather(*(resolve(pool) for pool in due))


async def resolve(pool: Pool) -> None:
    """Look the service's pods up. A failed look-up keeps those known before.

    IPv6 addresses are asked for where there are no IPv4 ones: pods that have both would count
    twice.
    """
    try:
        addresses = await _look_up(pool.upstream, socket.AF_INET) or await _look_up(
            pool.upstream, socket.AF_INET6
        )
    except socket.gaierror as error:
        if pool.endpoints:
            log.warning("endpoint.unresolved", service=pool.upstream.service, error=str(error))
        return
    pool.update(addresses)


async def _look_up(upstream: Upstream, family: socket.AddressFamily) -> set[str]:
    """Return the addresses of a family that DNS knows. Raises socket.gaierror where DNS fails."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            upstream.host, upstream.port, family=family, type=socket.SOCK_STREAM
        )
    except socket.gaierror as error:
        if error.errno in NO_ADDRESS:
            return set()
        raise
    return {str(sockaddr[0]) for *_, sockaddr in found}
