"""A deleted customer's name, street and phone leave ended shipments after the stated time."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.messaging.subscriptions import handlers_of
from shop_shared.stores import erasure
from shop_shared.stores.postgres import transaction
from shop_shared.testing import heard
from shop_shipping.consumers import subscriptions
from shop_shipping.tables import PERSONAL_DATA

pytestmark = pytest.mark.asyncio(loop_scope="module")
Story = Any  # the conftest's


async def test_personal_data_goes_when_the_parcel_has_ended(
    engine: AsyncEngine, story: Story
) -> None:
    async def erase() -> int:
        async with transaction(engine) as connection:
            return await erasure.erase(connection, data=PERSONAL_DATA, keep=timedelta())

    await story.tell("confirmed")
    deleted = heard("user.deleted", story.customer_id, {"user_id": story.customer_id})
    async with transaction(engine) as connection:
        await handlers_of(subscriptions("simulated"))[deleted.type](connection, deleted)
    assert await erase() == 0, "it is still under way, and needs its address"
    await story.work()
    shipment = await story.shipment()
    assert (shipment["status"], shipment["address"]["name"]) == ("delivered", "Ada Lovelace")
    assert await erase() == 1
    address = (await story.shipment())["address"]
    assert (address["name"], address["line1"], address["phone"]) == ("erased", "erased", None)
    assert address["city"] == "London"
