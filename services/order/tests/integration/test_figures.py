"""How many orders of each hour, status, provider and currency there are; and in which trace."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.testing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Place = Callable[[], Awaitable[dict[str, Any]]]
Tell = Callable[..., Awaitable[None]]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def figures(
    client: httpx.AsyncClient, headers: dict[str, str], **query: str
) -> dict[str, Any]:
    answer = await client.get("/v1/orders/figures", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_orders_that_are_alike_are_counted_together(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    place: Place,
    tell: Tell,
    engine: AsyncEngine,
) -> None:
    first, second, third = [await place() for _ in range(3)]
    # The hour may turn between them.
    async with engine.begin() as connection:
        await connection.execute(
            sa.text("UPDATE orders SET placed_at = :at WHERE id = ANY(:ids)"),
            {
                "at": datetime.fromisoformat(first["placed_at"]),
                "ids": [UUID(order["id"]) for order in (first, second, third)],
            },
        )
    for order in (first, second):
        await tell(order["id"], "inventory.reserved")
    found = await figures(client, headers)
    hour = datetime.fromisoformat(first["placed_at"]).replace(minute=0, second=0, microsecond=0)
    counted = [
        (each["status"], each["provider"], each["orders"], each["total"]) for each in found["items"]
    ]
    assert counted == [
        ("pending", "stripe", 1, None),
        ("reserved", "stripe", 2, {"amount": 2 * 1998, "currency": "USD"}),
    ]
    assert {datetime.fromisoformat(each["hour"]) for each in found["items"]} == {hour}


async def test_only_the_last_hours_count(
    client: httpx.AsyncClient, headers: dict[str, str], place: Place, engine: AsyncEngine
) -> None:
    old, older = (await place())["id"], (await place())["id"]
    async with engine.begin() as connection:
        for order_id, hours in ((old, 2), (older, 30)):
            statement = "UPDATE orders SET placed_at = placed_at - make_interval(hours => :hours)"
            await connection.execute(
                sa.text(f"{statement} WHERE id = :id"), {"hours": hours, "id": order_id}
            )
    assert sum(each["orders"] for each in (await figures(client, headers))["items"]) == 1
    assert (await figures(client, headers, hours="2"))["items"] == []
    assert sum(e["orders"] for e in (await figures(client, headers, hours="100"))["items"]) == 2
    answer = await client.get("/v1/orders/figures", params={"hours": "169"}, headers=headers)
    assert answer.status_code == 422


async def test_customers_count_their_own_and_staff_whose_they_like(
    client: httpx.AsyncClient, signer: Signer, place: Place
) -> None:
    order = await place()
    stranger, staff = signer.headers(uuid4()), signer.headers(uuid4(), ("staff",))
    whose = {"customer_id": order["customer_id"]}
    assert (await figures(client, stranger))["items"] == []
    assert (await figures(client, stranger, **whose))["items"] == []
    assert [each["orders"] for each in (await figures(client, staff, **whose))["items"]] == [1]
    assert sum(each["orders"] for each in (await figures(client, staff))["items"]) >= 1


async def test_the_history_tells_each_change_s_trace(
    client: httpx.AsyncClient, headers: dict[str, str], wanted: dict[str, Any]
) -> None:
    traced = {"Idempotency-Key": uuid4().hex, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    order = (await client.post("/v1/orders", json=wanted, headers={**headers, **traced})).json()
    await client.post(f"/v1/orders/{order['id']}/cancel", headers=headers)
    history = await client.get(f"/v1/orders/{order['id']}/history", headers=headers)
    placed, cancelled = [each["trace_id"] for each in history.json()["items"]]
    assert placed == TRACE
    assert len(cancelled) == 32
    assert cancelled != TRACE
