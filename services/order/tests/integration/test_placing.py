import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order import main
from shop_order.events import OrderPlaced
from shop_order.settings import Settings
from shop_shared.testing import Signer, client_of, wired

pytestmark = pytest.mark.asyncio(loop_scope="module")

Place = Callable[[], Awaitable[dict[str, Any]]]
Said = Callable[[str], Awaitable[list[tuple[str, dict[str, Any]]]]]
PAYMENT = {"provider": "stripe", "method": "card"}


async def test_an_order_is_placed_and_announced(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    wanted: dict[str, Any],
    customer: UUID,
    said: Said,
) -> None:
    answer = await client.post(
        "/v1/orders", json=wanted, headers={**headers, "Idempotency-Key": "one"}
    )
    assert answer.status_code == 201
    order = answer.json()
    assert answer.headers["location"] == f"/v1/orders/{order['id']}"
    assert answer.headers["etag"] == '"1"'
    assert order["status"] == "pending"
    assert order["total"] is None
    assert order["customer_id"] == str(customer)
    assert order["lines"][0]["quantity"] == 2
    [(type_, payload)] = await said(order["id"])
    assert type_ == "placed"
    announced = OrderPlaced.model_validate_json(httpx.Response(200, json=payload).content)
    assert str(announced.order_id) == order["id"]
    assert announced.payment.token == "pm_card_visa"
    history = await client.get(f"/v1/orders/{order['id']}/history", headers=headers)
    assert [
        (e["seq"], e["previous"], e["status"], e["cause"]) for e in history.json()["items"]
    ] == [(1, None, "pending", "order.place")]


async def test_a_hundred_posts_with_one_key_place_one_order(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    wanted: dict[str, Any],
    customer: UUID,
    engine: AsyncEngine,
) -> None:
    async def post() -> httpx.Response:
        return await client.post(
            "/v1/orders", json=wanted, headers={**headers, "Idempotency-Key": "same"}
        )

    answers = await asyncio.gather(*(post() for _ in range(100)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    placed = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(placed) == 1
    again = await post()
    assert again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["etag"] == '"1"'
    assert {again.json()["id"]} == placed
    async with engine.connect() as connection:
        count = await connection.scalar(
            sa.text("SELECT count(*) FROM orders WHERE customer_id = :id"), {"id": customer}
        )
    assert count == 1


async def test_an_order_is_answered_again_though_its_way_to_pay_is_offered_no_more(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    wanted: dict[str, Any],
    settings: Settings,
    signer: Signer,
) -> None:
    keyed = {**headers, "Idempotency-Key": "offered"}
    placed = await client.post("/v1/orders", json=wanted, headers=keyed)
    without_any = main.create(settings.model_copy(update={"payment_methods": ()}))
    async with wired(without_any, signer) as service, client_of(service) as later:
        again = await later.post("/v1/orders", json=wanted, headers=keyed)
        other = await later.post(
            "/v1/orders", json=wanted, headers={**headers, "Idempotency-Key": "another"}
        )
    assert (again.status_code, again.json()) == (201, placed.json())
    assert other.status_code == 422


async def test_a_key_belongs_to_one_body_and_one_customer(
    client: httpx.AsyncClient, headers: dict[str, str], wanted: dict[str, Any], signer: Signer
) -> None:
    key = {"Idempotency-Key": "mine"}
    first = await client.post("/v1/orders", json=wanted, headers={**headers, **key})
    wanted["items"][0]["quantity"] = 3
    other_body = await client.post("/v1/orders", json=wanted, headers={**headers, **key})
    assert other_body.status_code == 422
    assert other_body.json()["code"] == "idempotency_key_reused"
    stranger = signer.headers(UUID(int=9))
    other_customer = await client.post("/v1/orders", json=wanted, headers={**stranger, **key})
    assert other_customer.status_code == 201
    assert other_customer.json()["id"] != first.json()["id"]


async def test_a_key_is_required(
    client: httpx.AsyncClient, headers: dict[str, str], wanted: dict[str, Any]
) -> None:
    answer = await client.post("/v1/orders", json=wanted, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_missing"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"items": []}, "/items"),
        ({"total": {"amount": 1, "currency": "USD"}}, "/total"),
        ({"status": "paid"}, "/status"),
        ({"customer_id": str(UUID(int=1))}, "/customer_id"),
        ({"items": [{"product_id": str(UUID(int=1)), "quantity": 0}]}, "/items/0/quantity"),
        ({"items": [{"product_id": str(UUID(int=1)), "quantity": True}]}, "/items/0/quantity"),
        ({"items": [{"product_id": str(UUID(int=1)), "quantity": 10**400}]}, ""),
        ({"items": [{"product_id": str(UUID(int=1)), "quantity": 1}] * 2}, "/items"),
        ({"items": [{"product_id": {"$ne": None}, "quantity": 1}]}, "/items/0/product_id"),
        ({"payment": PAYMENT | {"provider": "cash"}}, "/payment/provider"),
        ({"payment": PAYMENT | {"currency": "XXX"}}, "/payment/currency"),
        ({"payment": PAYMENT | {"token": "a\0b"}}, ""),
        *(
            ({"payment": PAYMENT | {"currency": currency}}, "/payment/currency")
            for currency in ("KRW", "KWD", "INR", "HUF")
        ),
        ({"payment": PAYMENT | {"method": "sofort"}}, "/payment/method"),
        ({"payment": PAYMENT | {"provider": "paypal"}}, "/payment/method"),
        (
            {"payment": {"provider": "midtrans", "method": "card", "currency": "IDR"}},
            "/payment/token",
        ),
    ],
    ids=repr,
)
async def test_bad_orders_are_refused(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    wanted: dict[str, Any],
    change: dict[str, Any],
    pointer: str,
) -> None:
    answer = await client.post(
        "/v1/orders",
        content=json.dumps(wanted | change),
        headers={**headers, "Idempotency-Key": "bad", "Content-Type": "application/json"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


async def types(engine: AsyncEngine, order_id: str) -> list[str]:
    async with engine.connect() as connection:
        rows = await connection.execute(
            sa.text("SELECT type FROM outbox WHERE aggregateid = :id ORDER BY id"), {"id": order_id}
        )
        return list(rows.scalars())


async def test_an_address_without_a_postal_code_is_published_as_v2(
    engine: AsyncEngine, place: Place, wanted: dict[str, Any], tell: Callable[..., Awaitable[None]]
) -> None:
    del wanted["shipping_address"]["postal_code"]
    wanted["shipping_address"] |= {"city": "Hong Kong", "country": "HK"}
    order = await place()
    assert order["shipping_address"]["postal_code"] is None
    for name in ("inventory.reserved", "payment.captured"):
        await tell(order["id"], name)
    assert await types(engine, order["id"]) == [
        "minishop.order.placed.v2",
        "minishop.order.confirmed.v2",
    ]


@pytest.mark.parametrize(
    ("country", "message"), [("ZZ", "not a country"), ("UK", "for UK write GB")]
)
async def test_a_country_that_is_not_assigned_is_refused_with_a_hint(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    wanted: dict[str, Any],
    country: str,
    message: str,
) -> None:
    wanted["shipping_address"]["country"] = country
    answer = await client.post(
        "/v1/orders", json=wanted, headers={**headers, "Idempotency-Key": "nowhere"}
    )
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/shipping_address/country"
    assert message in error["message"]


async def test_a_way_to_pay_that_is_not_offered_is_answered_with_those_that_are(
    client: httpx.AsyncClient, headers: dict[str, str], wanted: dict[str, Any]
) -> None:
    choice = {"provider": "xendit", "method": "virtual_account", "currency": "PHP"}
    answer = await client.post(
        "/v1/orders",
        json=wanted | {"payment": choice},
        headers={**headers, "Idempotency-Key": "offered"},
    )
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/payment/currency"
    assert "xendit virtual_account takes IDR" in error["message"]
    assert "PHP is taken by: xendit invoice, xendit ewallet" in error["message"]
