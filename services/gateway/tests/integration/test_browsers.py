"""What browsers and their pages are told: origins, limits, security headers, streams."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from .conftest import ALL, PATIENCE_SECONDS, Gateway, Shop


async def test_a_page_of_another_origin_may_call_the_api(client: httpx.AsyncClient) -> None:
    origin = {"Origin": "https://shop.example"}
    asked = await client.options(
        "/v1/one",
        headers=origin
        | {
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization, content-type, if-match, "
            "idempotency-key",
        },
    )
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "PUT" in asked.headers["access-control-allow-methods"]
    for path in ("/v1/one", "/v1/list", "/v1/none", "/v1/home"):
        answer = await client.get(path, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        exposed = answer.headers["access-control-expose-headers"].lower()
        assert {"etag", "ratelimit", "retry-after"} <= set(exposed.split(", "))


async def test_origins_can_be_named(gateway: Gateway, shop: Shop) -> None:
    client = await gateway(
        {"shop": (["/v1/list"], shop.app)}, cors_origins=["https://shop.example"]
    )
    named, other = [
        await client.get("/v1/list", headers={"Origin": origin})
        for origin in ("https://shop.example", "https://evil.example")
    ]
    assert named.headers["access-control-allow-origin"] == "https://shop.example"
    assert "origin" in named.headers["vary"].lower()
    assert "access-control-allow-origin" not in other.headers


async def test_without_origins_no_page_may(gateway: Gateway, shop: Shop) -> None:
    client = await gateway({"shop": (["/v1/list"], shop.app)}, cors_origins=[])
    answer = await client.get("/v1/list", headers={"Origin": "https://shop.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_what_is_left_of_the_limit_is_said(gateway: Gateway, shop: Shop) -> None:
    client = await gateway({"shop": (["/v1/one"], shop.app)}, rate_limit_address="5/minute")
    left = []
    for _ in range(5):
        answer = await client.get("/v1/one")
        assert answer.headers["ratelimit-policy"] == '"address";q=5;w=60'
        policy, remaining, reset = answer.headers["ratelimit"].split(";")
        assert policy == '"address"'
        assert 0 < int(reset.removeprefix("t=")) <= 60
        left.append(int(remaining.removeprefix("r=")))
    assert left == [4, 3, 2, 1, 0]
    refused = await client.get("/v1/one")
    assert refused.status_code == 429
    assert refused.headers["ratelimit"].startswith('"address";r=0;t=')
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-policy"] == '"address";q=5;w=60'


@pytest.mark.parametrize("path", ALL)
async def test_every_answer_tells_a_browser_how_little_it_may_do(
    path: str, client: httpx.AsyncClient
) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert ("script-src" in policy) is (path == "/docs")
    assert "strict-transport-security" not in headers


async def test_over_tls_the_browser_is_told_to_stay_there(gateway: Gateway, shop: Shop) -> None:
    services = {"shop": (["/v1/one"], shop.app)}
    client = await gateway(services, trusted_proxies=["127.0.0.1/32"])
    answer = await client.get("/v1/one", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert shop.last
    assert shop.last.headers["x-forwarded-proto"] == "https"


async def test_one_caller_holds_few_live_streams(gateway: Gateway) -> None:
    async def events(request: Request) -> Response:
        async def ticks() -> AsyncIterator[bytes]:
            yield b": hello\n\n"
            await asyncio.Event().wait()

        return StreamingResponse(ticks(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/events", events)])
    client = await gateway({"events": (["/v1/events"], app)}, max_streams=2)
    async with (
        client.stream("GET", "/v1/events"),
        client.stream("GET", "/v1/events"),
        client.stream("GET", "/v1/events") as third,
    ):
        assert third.status_code == 429

    async def is_let_in() -> bool:
        async with client.stream("GET", "/v1/events") as answer:
            return answer.status_code == httpx.codes.OK

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_let_in():  # once the gateway has seen that the others left
            await asyncio.sleep(0.02)
