"""A store that is away is said so, and nothing worse; without Redis all but auth answers on."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr
from shop_servers.http import client_of

from contract.routes import ROLES, ROUTES, Route
from contract.services import SERVICES
from contract.serving import served, until_ready
from contract.shop import Shop
from shop_gateway.rate_limit import RateLimit
from shop_shared.http.problems import MEDIA_TYPE
from shop_shared.http.tokens import RedisRevocations

AWAY = {
    "mongodb": "mongodb://127.0.0.1:1/product",
    "postgres": "postgresql://nobody:x@127.0.0.1:1/nothing",
}
# What they answer is in memory, or refused before a store is asked.
WITHOUT_STORE = {
    "auth GET /.well-known/jwks.json",
    "payment GET /v1/payments/methods",
    "payment POST /v1/webhooks/{provider}",
}
WITH_STORE = [name for name in SERVICES if name != "gateway"]
READS = [
    route
    for route in ROUTES
    if route.method == "GET" and not route.ids and route.member.name not in {"auth", "gateway"}
]
CALLER = UUID(int=7)
BRIEFLY_SECONDS = 0.1
"""How long it waits for its Redis, about as in the shop."""


@dataclass
class Crippled:
    """Services with a store of theirs away; each starts when first called."""

    shop: Shop
    stack: ExitStack
    hanging: socket.socket
    urls: dict[tuple[str, str], str] = field(default_factory=dict)

    def url(self, service: str, fault: str) -> str:
        """Return where a service with that fault listens."""
        if (service, fault) not in self.urls:
            member = SERVICES[service]
            self.shop.prepare(member)
            changes = {self._store(service, fault): SecretStr(self._address(service, fault))}
            with pytest.MonkeyPatch.context() as patch:
                # It gives a Redis up as soon as the shop does; the whole one never needs to.
                for kind in (RedisRevocations, RateLimit):
                    patch.setattr(kind, "patience_seconds", BRIEFLY_SECONDS)
                patch.setattr(RedisRevocations, "patience_closed_seconds", BRIEFLY_SECONDS)
                server = served(lambda: self.shop.create(member, **changes))
                self.urls[service, fault] = self.stack.enter_context(server)
        return self.urls[service, fault]

    def client(self, service: str, fault: str) -> httpx.Client:
        """Return a client of it, to be closed, that may do everything."""
        headers = self.shop.headers(CALLER, *ROLES)
        return client_of(self.url(service, fault), headers=headers)

    def _store(self, service: str, fault: str) -> str:
        return "redis_url" if fault.startswith("redis") or service == "auth" else "database_url"

    def _address(self, service: str, fault: str) -> str:
        if self._store(service, fault) == "database_url":
            return AWAY["mongodb" if service == "product" else "postgres"]
        port = self.hanging.getsockname()[1] if fault == "redis hangs" else 1
        return f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="module")
def crippled(shop: Shop) -> Iterator[Crippled]:
    # The kernel takes connections up, and nobody ever answers on them.
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=1024) as hanging:
        yield Crippled(shop, stack, hanging)


@pytest.mark.parametrize("service", WITH_STORE)
def test_a_store_that_is_away_is_a_503_that_says_when_to_come_again(
    service: str, crippled: Crippled
) -> None:
    routes = [r for r in ROUTES if r.member.name == service and str(r) not in WITHOUT_STORE]
    with crippled.client(service, "store away") as client, ThreadPoolExecutor(len(routes)) as pool:

        def ask(route: Route) -> httpx.Response:
            return client.request(**route.request(client.headers))

        # At once: each may wait for seconds, in case the store comes back.
        for route, answer in zip(routes, pool.map(ask, routes), strict=True):
            assert answer.status_code == 503, (str(route), answer.text)
            assert answer.headers["content-type"] == MEDIA_TYPE, str(route)
            assert int(answer.headers["retry-after"]) > 0, str(route)


@pytest.mark.parametrize("service", WITH_STORE)
def test_it_lives_and_says_that_it_is_not_ready(service: str, crippled: Crippled) -> None:
    with crippled.client(service, "store away") as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize("fault", ["redis away", "redis hangs"])
@pytest.mark.parametrize("route", READS, ids=str)
def test_without_redis_the_answers_are_the_same(
    route: Route, fault: str, crippled: Crippled
) -> None:
    with crippled.client(route.member.name, fault) as client:
        request = route.request(client.headers)
        with crippled.shop.client(route.member.name) as whole:
            expected = whole.request(**request).status_code
        for _ in range(5):
            assert client.request(**request).status_code == expected


@pytest.mark.parametrize("fault", ["redis away", "redis hangs"])
def test_without_redis_the_gateway_lets_pass(fault: str, crippled: Crippled) -> None:
    until_ready(crippled.url("gateway", fault))
    with crippled.client("gateway", fault) as client:
        for path in ("/v1/orders", "/v1/products", "/v1/payments", "/v1/home"):
            assert client.get(path).status_code == 200


@pytest.mark.parametrize("fault", ["redis away", "redis hangs"])
def test_without_redis_auth_lets_nobody_in(fault: str, crippled: Crippled) -> None:
    with crippled.client("auth", fault) as client:
        for route in ROUTES:
            if route.member.name == "auth" and str(route) not in WITHOUT_STORE:
                answer = client.request(**route.request(client.headers))
                assert answer.status_code == 503, (str(route), answer.text)
