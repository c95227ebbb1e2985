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
from starlette.responses import JSONResponse
from starlette.routing import Route

from shop_shared.http.problems import MEDIA_TYPE
from shop_shared.testing import Signer

from .conftest import Gateway, free_port, serving

PATHS = ("/v1/orders", f"/v1/orders/{UUID(int=1)}/summary", "/v1/home")


@pytest.fixture
async def signer() -> AsyncIterator[tuple[Signer, str]]:
    """An issuer, and where its keys are."""
    signer = Signer()

    async def jwks(_: Request) -> JSONResponse:
        return JSONResponse(signer.jwks())

    port = free_port()
    async with serving(Starlette(routes=[Route("/jwks", jwks)]), "127.0.0.1", port):
        yield signer, f"http://127.0.0.1:{port}/jwks"


async def trusting(_: Request) -> JSONResponse:
    return JSONResponse({"items": []})


async def start(gateway: Gateway, jwks_url: str, **settings: object) -> httpx.AsyncClient:
    paths = ["/v1/orders", "/v1/products"]
    routes = [Route(f"{path}{{rest:path}}", trusting) for path in paths]
    services = {"order": (paths, Starlette(routes=routes))}
    return await gateway(services, jwks_url=jwks_url, **settings)


@pytest.mark.parametrize("path", PATHS)
async def test_an_ended_session_is_refused(
    path: str, gateway: Gateway, redis_url: str, signer: tuple[Signer, str]
) -> None:
    issuer, jwks_url = signer
    client = await start(gateway, jwks_url)
    ended, lives = uuid4().hex, uuid4().hex
    async with Redis.from_url(redis_url) as redis:
        await redis.set(f"revoked:sid:{ended}", "1", ex=600)
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
