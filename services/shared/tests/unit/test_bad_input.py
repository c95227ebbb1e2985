from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI, Response
from pydantic import Field

from shop_shared.http import health
from shop_shared.http.app import BodyLimits, create_app
from shop_shared.http.auth import Principal, permit
from shop_shared.http.pagination import Cursor, Limit, decode_cursor, encode_cursor
from shop_shared.models import Count, Line, StrictModel
from shop_shared.money import Money
from shop_shared.settings import ServiceSettings
from shop_shared.testing import BadRequest, Signer, assert_refused, bad_requests

VALID = {
    "items": [{"product_id": str(uuid4()), "quantity": 2}],
    "price": {"amount": 1999, "currency": "USD"},
    "name": "Ada",
}


class Item(StrictModel):
    product_id: UUID
    quantity: Count


class Body(StrictModel):
    items: Annotated[list[Item], Field(min_length=1, max_length=100)]
    price: Money
    name: Line


def build(signer: Signer) -> FastAPI:
    app = create_app(
        ServiceSettings(),
        title="Test",
        verifier=signer.verifier(),
        bodies=BodyLimits(paths={"/raw": BodyLimits(max_bytes=10, media_types=None)}),
    )
    health.install(app)

    @app.post("/things", status_code=201)
    async def create(body: Body) -> Body:
        return body

    @app.post("/raw")
    async def raw(caller: Annotated[Principal, permit("read", "user")]) -> str:
        return caller.subject

    @app.get("/admin")
    async def admin(_caller: Annotated[Principal, permit("suspend", "user")]) -> None: ...

    @app.get("/things/{thing_id}")
    async def get(thing_id: UUID) -> Response:
        raise RuntimeError(thing_id)

    @app.get("/things")
    async def find(limit: Limit = 20, cursor: Cursor = None) -> list[str]:
        return [str(part) for part in decode_cursor(cursor, str, int)] if cursor else [str(limit)]

    return app


@pytest.fixture
def signer() -> Signer:
    return Signer()


@pytest.fixture
async def client(signer: Signer) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build(signer))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_valid_input_is_taken(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", json=VALID)
    assert (answer.status_code, answer.json()) == (201, VALID)


@pytest.mark.parametrize("bad", bad_requests(VALID), ids=str)
async def test_bad_input_is_refused(client: httpx.AsyncClient, bad: BadRequest) -> None:
    await assert_refused(client, "POST", "/things", bad)


async def test_a_field_is_named_by_a_pointer(client: httpx.AsyncClient) -> None:
    body = {**VALID, "items": [{"product_id": "x", "quantity": 0}], "price~/": 1}
    answer = await client.post("/things", json=body, headers={"traceparent": "nonsense"})
    problem = answer.json()
    assert answer.status_code == 422
    assert {error["pointer"] for error in problem["errors"]} == {
        "/items/0/product_id",
        "/items/0/quantity",
        "/price~0~1",
    }
    assert len(problem["trace_id"]) == 32


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("DELETE", "/things", 405, "method_not_allowed"),
        ("GET", "/things/%00", 404, "not_found"),
        ("GET", "/things/x", 422, "unprocessable"),
        ("GET", "/things?limit=0", 422, "unprocessable"),
        ("GET", "/things?limit=NaN", 422, "unprocessable"),
        ("GET", "/things?limit=1%00", 422, "unprocessable"),
        ("GET", "/things?cursor=%F0%28", 422, "unprocessable"),
        ("GET", "/things?cursor=AAAA", 422, "unprocessable"),
        ("GET", f"/things/{UUID(int=1)}", 500, "internal_error"),
        ("POST", "/raw", 401, "unauthenticated"),
        ("GET", "/admin", 401, "unauthenticated"),
    ],
)
async def test_every_error_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_405_says_what_is_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/things")
    assert answer.headers["allow"]


async def test_roles_and_tokens(client: httpx.AsyncClient, signer: Signer) -> None:
    user = uuid4()
    assert (await client.post("/raw", headers=signer.headers(user))).json() == str(user)
    assert (await client.get("/admin", headers=signer.headers(user))).status_code == 403
    admin = signer.headers(user, ["admin"])
    assert (await client.get("/admin", headers=admin)).status_code == 200
    other = Signer().headers(user, ["admin"])
    answer = await client.get("/admin", headers=other)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="minishop", error="invalid_token"'


async def test_a_chunked_body_over_the_limit_is_413(
    client: httpx.AsyncClient, signer: Signer
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b'"' + b"x" * 100_000

    answer = await client.post(
        "/things", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413


async def test_a_path_has_limits_of_its_own(client: httpx.AsyncClient, signer: Signer) -> None:
    headers = signer.headers(uuid4())
    assert (await client.post("/raw", content=b"x" * 10, headers=headers)).status_code == 200
    assert (await client.post("/raw", content=b"x" * 11, headers=headers)).status_code == 413


async def test_a_cursor_comes_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things", params={"cursor": encode_cursor("a", 7)})
    assert answer.json() == ["a", "7"]


async def test_health_and_metrics(client: httpx.AsyncClient) -> None:
    for path in ("/livez", "/readyz", "/startupz"):
        assert (await client.get(path)).status_code == 200
    await client.post("/things", json=VALID)
    metrics = (await client.get("/metrics")).text
    assert 'http_requests_total{method="POST",route="/things",status="201"}' in metrics
