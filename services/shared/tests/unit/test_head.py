"""Every GET has a HEAD with the same headers, also where the answer would never end."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from shop_shared.http import health
from shop_shared.http.app import create_app
from shop_shared.settings import ServiceSettings
from shop_shared.testing import Signer

app = create_app(ServiceSettings(), title="Heads", verifier=Signer().verifier())
health.install(app)


@app.get("/thing")
async def thing(response: Response) -> dict[str, int]:
    response.headers["ETag"] = '"7"'
    return {"number": 7}


@app.put("/thing")
async def put_thing() -> None:
    """Another route of the same path."""


router = APIRouter(prefix="/things")
router.add_api_route("/{number}", thing, methods=["GET"])
router.add_api_route("/{number}", put_thing, methods=["PUT"])
app.include_router(router)


@app.get("/endless")
async def endless() -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(pieces(), media_type="text/event-stream")


@app.post("/only-post")
async def only_post() -> None:
    """Nothing to read here."""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as made:
        yield made


@pytest.mark.parametrize("path", ["/thing", "/openapi.json", "/livez", "/metrics", "/missing"])
async def test_head_has_the_headers_of_get(client: httpx.AsyncClient, path: str) -> None:
    got, asked = await client.get(path), await client.head(path)
    volatile = {"content-length"} if path in {"/metrics", "/missing"} else set()
    assert asked.status_code == got.status_code
    assert asked.content == b""
    assert {k: v for k, v in asked.headers.items() if k not in volatile} == {
        k: v for k, v in got.headers.items() if k not in volatile
    }


@pytest.mark.parametrize("path", ["/thing", "/things/1"])
async def test_a_405_names_every_method_of_the_path(client: httpx.AsyncClient, path: str) -> None:
    for method in ("POST", "DELETE"):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")


@pytest.mark.parametrize("path", ["/thing", "/things/1"])
async def test_options_name_every_method_of_the_path(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.options(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PUT"
    assert (await client.options("/missing")).status_code == 404


async def test_head_of_an_endless_stream_ends(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        answer = await client.head("/endless")
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_head_of_what_can_only_be_posted_to_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.head("/only-post")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
