"""Whose requests the gateway lets through: a session that has ended is refused, whoever is asked.

The service behind it here verifies nothing, as one without a Redis knows of no ended session.
"""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shop_shared.http import problems
from shop_shared.http.problems import MEDIA_TYPE, Unauthenticated
from shop_shared.testing import Signer

from .conftest import Gateway, bound, port_of, serving

PATHS = ("/v1/orders", f"/v1/orders/{UUID(int=1)}/summary", "/v1/home")


@pytest.fixture
async def signer() -> AsyncIterator[tuple[Signer, str]]:
    """An issuer, and where its keys are."""
    signer = Signer()

    async def jwks(_: Request) -> JSONResponse:
        return JSONResponse(signer.jwks())

    [listener] = bound("127.0.0.1")
    url = f"http://127.0.0.1:{port_of(listener)}/jwks"
    async with serving(Starlette(routes=[Route("/jwks", jwks)]), listener):
        yield signer, url


async def trusting(request: Request) -> Response:
    """Ask for a token, and believe any: what a service without a Redis does with a good one."""
    if "authorization" in request.headers:
        return JSONResponse({"items": []})
    return problems.response(Unauthenticated("Send an access token."))


async def public(request: Request) -> Response:
    return JSONResponse({"items": [], "token": request.headers.get("authorization")})


async def start(gateway: Gateway, jwks_url: str, **settings: object) -> httpx.AsyncClient:
    paths = ["/v1/orders", "/v1/products", "/v1/auth/token", "/v1/auth/refresh", "/v1/users"]
    methods = ["GET", "POST"]
    routes = [
        Route("/v1/orders{rest:path}", trusting),
        *(Route(f"{path}{{rest:path}}", public, methods=methods) for path in paths[1:]),
    ]
    services = {"order": (paths, Starlette(routes=routes))}
    return await gateway(services, jwks_url=jwks_url, **settings)


async def end(redis_url: str, session: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.set(f"auth:revoked:sid:{session}", "1", ex=600)


@pytest.mark.parametrize("path", PATHS[:2])
async def test_an_ended_session_is_refused(
    path: str, gateway: Gateway, redis_url: str, signer: tuple[Signer, str]
) -> None:
    issuer, jwks_url = signer
    client = await start(gateway, jwks_url)
    ended, lives = uuid4().hex, uuid4().hex
    await end(redis_url, ended)
    answer = await client.get(path, headers=issuer.headers(uuid4(), sid=ended))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    answer = await client.get(path, headers=issuer.headers(uuid4(), sid=lives))
    assert answer.status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_every_route_that_asks_a_service_is_counted(
    path: str, gateway: Gateway, signer: tuple[Signer, str]
) -> None:
    issuer, jwks_url = signer
    client = await start(gateway, jwks_url, rate_limit_user="2/minute")
    headers = issuer.headers(uuid4())
    statuses = [(await client.get(path, headers=headers)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/products"),
        ("GET", "/v1/products/1"),
        ("POST", "/v1/auth/token"),
        ("POST", "/v1/auth/refresh"),
        ("POST", "/v1/users"),
    ],
)
async def test_public_routes_answer_whoever_has_an_ended_session(
    method: str, path: str, gateway: Gateway, redis_url: str, signer: tuple[Signer, str]
) -> None:
    issuer, jwks_url = signer
    client = await start(gateway, jwks_url)
    ended = uuid4().hex
    await end(redis_url, ended)
    answer = await client.request(method, path, headers=issuer.headers(uuid4(), sid=ended))
    assert (answer.status_code, answer.json()["token"]) == (200, None)


async def test_the_first_page_of_an_ended_session_has_no_orders_and_says_why(
    gateway: Gateway, redis_url: str, signer: tuple[Signer, str]
) -> None:
    issuer, jwks_url = signer
    client = await start(gateway, jwks_url)
    ended = uuid4().hex
    await end(redis_url, ended)
    answer = await client.get("/v1/home", headers=issuer.headers(uuid4(), sid=ended))
    parts = answer.json()["parts"]
    assert parts["products"]["status"] == "ok"
    assert parts["orders"] == {"status": "unavailable", "reason": "The session has ended."}


INGRESS = {"trusted_proxies": ["127.0.0.0/8", "10.0.0.0/8"], "rate_limit_address": "2/minute"}


@pytest.mark.parametrize(
    "chains",
    [
        ("1.2.3.4, 203.0.113.7", "5.6.7.8, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.0.0.1", "9.9.9.9, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("evil, 203.0.113.7:4711", "203.0.113.7:4712", "203.0.113.7"),
        ("2001:db8::1", "x, [2001:db8::1]:80", "2001:db8::1"),
    ],
)
async def test_behind_a_proxy_the_rightmost_address_that_is_no_proxy_counts(
    chains: tuple[str, ...], gateway: Gateway, signer: tuple[Signer, str]
) -> None:
    client = await start(gateway, signer[1], **INGRESS)
    statuses = [
        (await client.get("/v1/products", headers={"X-Forwarded-For": chain})).status_code
        for chain in chains
    ]
    assert statuses == [200, 200, 429]
    other = await client.get("/v1/products", headers={"X-Forwarded-For": "203.0.113.8"})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("addresses", "other"),
    [
        (("2001:db8:1:2::1", "2001:DB8:1:2:ffff::9", "2001:db8:1:2:0:1:2:3"), "2001:db8:1:3::1"),
        (("::ffff:203.0.113.7", "203.0.113.7", "::ffff:cb00:7107"), "::ffff:203.0.113.8"),
    ],
)
async def test_who_has_many_addresses_is_one_caller(
    addresses: tuple[str, ...], other: str, gateway: Gateway, signer: tuple[Signer, str]
) -> None:
    client = await start(gateway, signer[1], **INGRESS)

    async def get(address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return (await client.get("/v1/products", headers=headers)).status_code

    assert [await get(address) for address in addresses] == [200, 200, 429]
    assert await get(other) == 200


async def test_two_lines_of_the_field_are_one_list(
    gateway: Gateway, signer: tuple[Signer, str]
) -> None:
    client = await start(gateway, signer[1], **INGRESS)
    for first in ("1.1.1.1", "2.2.2.2"):
        lines = [("X-Forwarded-For", first), ("X-Forwarded-For", "203.0.113.7")]
        assert (await client.get("/v1/products", headers=lines)).status_code == 200
    answer = await client.get("/v1/products", headers={"X-Forwarded-For": "203.0.113.7"})
    assert answer.status_code == 429


async def test_who_comes_through_no_proxy_of_ours_is_believed_nothing(
    gateway: Gateway, signer: tuple[Signer, str]
) -> None:
    settings = INGRESS | {"trusted_proxies": ["10.0.0.0/8"]}
    client = await start(gateway, signer[1], **settings)
    statuses = [
        (await client.get("/v1/products", headers={"X-Forwarded-For": f"1.1.1.{n}"})).status_code
        for n in range(3)
    ]
    assert statuses == [200, 200, 429]


async def test_pods_that_dns_names_say_for_whom_they_ask(
    gateway: Gateway, signer: tuple[Signer, str]
) -> None:
    settings = {"trusted_proxy_hosts": ["localhost"], "rate_limit_address": "2/minute"}
    client = await start(gateway, signer[1], **settings)

    async def get(address: str) -> int:
        headers = {"X-Forwarded-For": address}
        return (await client.get("/v1/products", headers=headers)).status_code

    assert [await get("203.0.113.7") for _ in range(3)] == [200, 200, 429]
    assert await get("203.0.113.8") == 200


async def test_a_name_without_pods_makes_nobody_trusted(
    gateway: Gateway, signer: tuple[Signer, str]
) -> None:
    settings = {"trusted_proxy_hosts": ["nobody.invalid"], "rate_limit_address": "2/minute"}
    client = await start(gateway, signer[1], **settings)
    statuses = [
        (await client.get("/v1/products", headers={"X-Forwarded-For": f"1.1.1.{n}"})).status_code
        for n in range(3)
    ]
    assert statuses == [200, 200, 429]
