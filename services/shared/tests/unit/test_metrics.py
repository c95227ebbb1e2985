"""What is measured of requests, and who may read it."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
from fastapi.responses import StreamingResponse
from prometheus_client import REGISTRY

from shop_shared.http.app import create_app
from shop_shared.http.problems import MEDIA_TYPE
from shop_shared.settings import ServiceSettings
from shop_shared.testing import Signer


async def test_who_comes_through_a_proxy_finds_none() -> None:
    app = create_app(ServiceSettings(), title="Test", verifier=Signer().verifier())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        asked = await http.get("/metrics")
        passed_on = await http.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"})
    assert asked.status_code == 200
    assert passed_on.status_code == 404
    assert passed_on.headers["content-type"] == MEDIA_TYPE


async def test_a_stream_of_events_is_timed_to_its_beginning() -> None:
    app = create_app(ServiceSettings(), title="Test", verifier=Signer().verifier())
    first = 0.0

    @app.get("/followed")
    async def followed() -> StreamingResponse:
        async def events() -> AsyncIterator[bytes]:
            nonlocal first
            first = time.perf_counter()
            yield b"data: 1\n\n"
            await asyncio.sleep(0.2)

        return StreamingResponse(events(), media_type="text/event-stream; charset=utf-8")

    transport = httpx.ASGITransport(app)
    asked = time.perf_counter()
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        await http.get("/followed")
    of_route = {"method": "GET", "route": "/followed"}
    timed = REGISTRY.get_sample_value("http_request_duration_seconds_sum", of_route)
    assert timed is not None
    assert timed <= first - asked
