"""Which payments a person has to look at."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from shop_shared.stores.postgres import transaction
from shop_shared.testing import Signer

Shop = Any  # conftest.Shop: test modules cannot import it

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]


async def captured(shop: Shop) -> UUID:
    order = await shop.order()
    await shop.until(order, "captured")
    return UUID(str(await shop.payment_id(order)))


async def change(shop: Shop, statement: str, payment: UUID) -> None:
    async with transaction(shop.engine) as connection:
        await connection.execute(sa.text(statement), {"id": payment})


async def test_a_wrong_amount_a_failed_refund_and_no_answer_need_a_person(
    shop: Shop, client: httpx.AsyncClient, signer: Signer, staff: dict[str, str]
) -> None:
    wrong, refused, returned, twice, silent, waits, fine = [await captured(shop) for _ in range(7)]
    await change(
        shop,
        "UPDATE payments SET status = 'failed', failure_reason = 'amount_mismatch', "
        "failure_message = 'another' WHERE id = :id",
        wrong,
    )
    for payment in (refused, returned):
        await change(
            shop,
            "INSERT INTO refunds (id, payment_id, amount, reason, status, automatic) "
            "VALUES (gen_random_uuid(), :id, 5, 'damaged', 'failed', false)",
            payment,
        )
    await change(shop, "UPDATE payments SET status = 'refunded' WHERE id = :id", returned)
    await change(
        shop,
        "INSERT INTO duplicate_charges (id, payment_id, reference, amount, currency, status) "
        "VALUES (gen_random_uuid(), :id, 'pi_2', 1999, 'USD', 'failed')",
        twice,
    )
    for payment, minutes in ((silent, 16), (waits, 14)):
        await change(
            shop,
            "UPDATE payments SET status = 'refunding', "
            f"updated_at = now() - interval '{minutes} minutes' WHERE id = :id",
            payment,
        )
    customer = signer.headers(shop.customer)
    path = "/v1/payments?needs_attention=true"
    found = (await client.get(f"{path}&customer_id={shop.customer}", headers=staff)).json()
    ids = [each["id"] for each in found["items"]]
    assert ids == sorted(map(str, (wrong, refused, twice, silent)), reverse=True)
    first = (await client.get(f"{path}&limit=1&customer_id={shop.customer}", headers=staff)).json()
    assert [each["id"] for each in first["items"]] == ids[:1]
    assert first["next_cursor"]
    assert (await client.get(path, headers=signer.headers(uuid4()))).json()["items"] == []
    own = (await client.get("/v1/payments", headers=customer)).json()["items"]
    assert {str(waits), str(fine), str(returned)} < {each["id"] for each in own}
