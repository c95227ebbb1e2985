"""A deleted customer's name, street and phone leave settled orders after the stated time."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order.consumers import SUBSCRIPTIONS
from shop_order.tables import PERSONAL_DATA
from shop_shared.messaging.subscriptions import handlers_of
from shop_shared.stores import erasure
from shop_shared.stores.postgres import transaction
from shop_shared.testing import heard

pytestmark = pytest.mark.asyncio(loop_scope="module")
Place = Callable[[], Awaitable[dict[str, Any]]]
Tell = Callable[..., Awaitable[None]]


async def test_personal_data_goes_when_the_order_has_ended_and_the_time_is_over(  # noqa: PLR0913 - fixtures
    *,
    engine: AsyncEngine,
    place: Place,
    tell: Tell,
    client: httpx.AsyncClient,
    staff: dict[str, str],
    customer: UUID,
) -> None:
    ended, under_way = (await place())["id"], (await place())["id"]
    await tell(ended, "inventory.rejected")

    async def erase(keep: timedelta) -> int:
        async with transaction(engine) as connection:
            return await erasure.erase(connection, data=PERSONAL_DATA, keep=keep)

    async def read(order_id: str) -> dict[str, Any]:
        answer = await client.get(f"/v1/orders/{order_id}", headers=staff)
        assert answer.status_code == 200, answer.text
        order: dict[str, Any] = answer.json()
        return order

    deleted = heard("user.deleted", customer, {"user_id": customer})
    for _ in range(2):
        async with transaction(engine) as connection:
            await handlers_of(SUBSCRIPTIONS)[deleted.type](connection, deleted)
    assert await erase(timedelta(days=30)) == 0
    assert (await read(ended))["shipping_address"]["name"] == "Ada Lovelace"
    assert await erase(timedelta()) == 1
    address = (await read(ended))["shipping_address"]
    assert (address["name"], address["line1"], address["phone"]) == ("erased", "erased", None)
    assert (address["city"], address["country"]) == ("London", "GB")
    assert (await read(ended))["payment"]["token"] is None
    assert (await read(under_way))["shipping_address"]["name"] == "Ada Lovelace"
    await tell(under_way, "inventory.rejected")
    assert await erase(timedelta()) == 1
    assert (await read(under_way))["shipping_address"]["name"] == "erased"
    async with engine.connect() as connection:
        left = await connection.scalar(sa.text("SELECT count(*) FROM deleted_customers"))
    assert left == 0
