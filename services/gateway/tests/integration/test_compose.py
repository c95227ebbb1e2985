from uuid import uuid4

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
    assert "/v1/home" in merged["paths"]
    assert merged["x-unavailable"] == ["mute"]


async def test_the_storefront_and_the_reader_are_served(gateway: Gateway) -> None:
    client = await gateway({"mute": (["/v1/mute"], Starlette())})
    assert "<title>Minishop</title>" in (await client.get("/")).text
    assert "products" in (await client.get("/shop/shop.js")).text
    assert "openapi.json" in (await client.get("/docs")).text
