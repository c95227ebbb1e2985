import asyncio
import re
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .conftest import Gateway

ORDER_ID = uuid4()
AUTH = {"Authorization": "Bearer t"}


def answering(path: str, body: object, status: int = 200) -> Starlette:
    async def handler(request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer t":
            return JSONResponse({"detail": "no token"}, 401)
        return JSONResponse(body, status)

    return Starlette(routes=[Route(path, handler)])


async def test_a_summary_has_every_part_and_marks_what_is_missing(gateway: Gateway) -> None:
    client = await gateway(
        {
            "order": (["/v1/orders"], answering("/v1/orders/{id}", {"status": "paid"})),
            "payment": (["/v1/payments"], answering("/v1/payments", {"items": [1]})),
            "shipping": (["/v1/shipments"], answering("/v1/shipments", {"detail": "no"}, 500)),
        }
    )
    answer = await client.get(f"/v1/orders/{ORDER_ID}/summary", headers=AUTH)
    assert answer.status_code == 200
    body = answer.json()
    assert body["complete"] is False
    assert body["parts"]["order"] == {"status": "ok", "data": {"status": "paid"}}
    assert body["parts"]["payments"]["data"] == {"items": [1]}
    assert body["parts"]["shipments"]["status"] == "unavailable"
    assert "notifications" in body["parts"]["notifications"]["reason"]
    assert set(body["parts"]) == {
        *("order", "history", "payments", "returns", "shipments", "notifications")
    }


HOSTILE = [
    {"Content-Type": "application/json", "Content-Length": "2"},
    {"Transfer-Encoding": "chunked"},
    {"Expect": "100-continue", "Content-Length": "2"},
    {"If-None-Match": '"6"'},
    {"If-Match": '"5"'},
    {"If-Modified-Since": "Fri, 27 Nov 2099 00:00:00 GMT"},
    {"Range": "bytes=0-3"},
    {"Accept": "text/html"},
    {"Accept-Encoding": "br"},
    {"Connection": "close, Authorization"},
    {"Content-Encoding": "gzip", "Content-Length": "2"},
    {"Idempotency-Key": "x", "Prefer": "return=minimal"},
]


@pytest.mark.parametrize("sent", HOSTILE, ids=str)
async def test_of_the_callers_headers_the_token_alone_goes_to_the_services(
    sent: dict[str, str], gateway: Gateway
) -> None:
    """Whatever the caller says of its own request says nothing of the gateway's."""
    seen: list[dict[str, str]] = []

    async def handler(request: Request) -> Response:
        seen.append(dict(request.headers))
        if "if-none-match" in request.headers:
            return Response(status_code=304)
        await request.body()  # hangs when a length is said and nothing comes
        return JSONResponse({"items": []})

    paths = [f"/v1/{n}" for n in ("orders", "payments", "returns", "shipments", "notifications")]
    app = Starlette(routes=[Route(f"{path}{{rest:path}}", handler) for path in paths])
    client = await gateway({"all": (paths, app)}, deadline_seconds=10)
    headers = {k: v for k, v in sent.items() if k not in {"Content-Length", "Transfer-Encoding"}}

    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    body = b"{}" if "Content-Length" in sent else chunks() if "Transfer-Encoding" in sent else None
    answer = await client.request(
        "GET", f"/v1/orders/{ORDER_ID}/summary", headers=AUTH | headers, content=body
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["complete"] is True
    ours = {"accept", "authorization", "host", "traceparent", "x-request-timeout-ms"}
    assert [each.keys() - ours for each in seen] == [set()] * 6


async def test_without_a_token_no_service_is_asked(gateway: Gateway) -> None:
    asked = []

    async def handler(request: Request) -> Response:
        asked.append(request.url.path)
        return JSONResponse({})

    app = Starlette(routes=[Route("/v1/orders/{rest:path}", handler)])
    client = await gateway({"order": (["/v1/orders"], app)})
    answer = await client.get(f"/v1/orders/{ORDER_ID}/summary")
    assert (answer.status_code, asked) == (401, [])
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_document_is_asked_for_once_however_often_it_is_read(gateway: Gateway) -> None:
    asked = 0

    async def openapi(request: Request) -> Response:
        nonlocal asked
        asked += 1
        return JSONResponse({"openapi": "3.1.0", "info": {"title": "x", "version": "1"}})

    app = Starlette(routes=[Route("/openapi.json", openapi)])
    client = await gateway({"order": (["/v1/orders"], app)})
    await asyncio.gather(*(client.get("/openapi.json") for _ in range(10)))
    assert asked == 1


async def test_without_the_order_there_is_no_summary(gateway: Gateway) -> None:
    orders = answering("/v1/orders/{id}", {"detail": "not yours"}, 404)
    client = await gateway({"order": (["/v1/orders"], orders)})
    assert (await client.get(f"/v1/orders/{ORDER_ID}/summary", headers=AUTH)).status_code == 404
    assert (await client.get(f"/v1/orders/{ORDER_ID}/summary")).status_code == 401
    assert (await client.get("/v1/orders/x/summary", headers=AUTH)).status_code == 422


async def test_the_merged_document_has_the_routed_paths_of_all(gateway: Gateway) -> None:
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Orders", "version": "1"},
        "paths": {
            "/v1/orders": {
                "get": {
                    "operationId": "list",
                    "responses": {
                        "200": {
                            "description": "",
                            "content": {
                                "application/json": {
                                    "schema": {"$ref": "#/components/schemas/Order"}
                                }
                            },
                        }
                    },
                }
            },
            "/internal/v1/secret": {"get": {"operationId": "secret", "responses": {}}},
        },
        "components": {"schemas": {"Order": {"type": "object"}}},
    }

    async def openapi(request: Request) -> Response:
        return JSONResponse(document)

    client = await gateway(
        {
            "order": (["/v1/orders"], Starlette(routes=[Route("/openapi.json", openapi)])),
            "mute": (["/v1/mute"], Starlette()),
        }
    )
    merged = (await client.get("/openapi.json")).json()
    assert "/internal/v1/secret" not in merged["paths"]
    operation = merged["paths"]["/v1/orders"]["get"]
    assert operation["tags"] == ["order"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema["$ref"] == "#/components/schemas/Order.Order"
    assert "Order.Order" in merged["components"]["schemas"]
    for path in ("/v1/orders", "/v1/home", "/v1/orders/{order_id}/summary"):
        over_limit = merged["paths"][path]["get"]["responses"]["429"]
        assert over_limit["headers"].keys() == {"Retry-After"}, path
    assert {"502", "503", "504"} < operation["responses"].keys()
    assert "Problem" in merged["components"]["schemas"]
    assert "/v1/home" in merged["paths"]
    assert merged["x-unavailable"] == ["mute"]


async def test_the_reader_is_served_and_the_root_leads_to_it(gateway: Gateway) -> None:
    client = await gateway({"mute": (["/v1/mute"], Starlette())})
    assert (await client.get("/")).headers["location"] == "/docs"
    assert "openapi.json" in (await client.get("/docs")).text


async def test_the_reader_loads_nothing_from_elsewhere_and_runs_nothing_inline(
    gateway: Gateway,
) -> None:
    """A strict policy in the browser, and every file that the page names on this origin."""
    client = await gateway({"mute": (["/v1/mute"], Starlette())})
    for path in ("/docs",):
        page = await client.get(path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert named
        for each in named:
            assert each.startswith("/"), each
            assert not each.startswith("//"), each
            assert (await client.get(each)).status_code == 200, each
        assert not re.search(r"<script(?![^>]*src=)|<style|\bon[a-z]+=|style=", page.text)


async def test_a_caller_does_not_say_how_long_a_summary_may_take(gateway: Gateway) -> None:
    client = await gateway(
        {"order": (["/v1/orders"], answering("/v1/orders/{id}", {"status": "paid"}))}
    )
    headers = {**AUTH, "X-Request-Timeout-Ms": "0"}
    answer = await client.get(f"/v1/orders/{ORDER_ID}/summary", headers=headers)
    assert answer.status_code == 200
