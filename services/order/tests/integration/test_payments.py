"""Another way to pay after one that failed: by the customer, once, while the stock is held."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order import sweeper

pytestmark = pytest.mark.asyncio(loop_scope="module")

Place = Callable[[], Awaitable[dict[str, Any]]]
Tell = Callable[..., Awaitable[None]]
Said = Callable[[str], Awaitable[list[tuple[str, dict[str, Any]]]]]
Pay = Callable[..., Awaitable[httpx.Response]]
RETRY = {"retry_until": "2999-01-01T00:00:00Z", "attempt": 1}
PAYPAL = {"provider": "paypal", "method": "paypal"}


@pytest_asyncio.fixture(loop_scope="module")
async def declined(place: Place, tell: Tell) -> str:
    """An order whose first payment was declined."""
    order_id: str = (await place())["id"]
    await tell(order_id, "inventory.reserved")
    await tell(order_id, "payment.failed", **RETRY)
    return order_id


@pytest.fixture
def pay(client: httpx.AsyncClient, headers: dict[str, str]) -> Pay:
    async def pay(
        order_id: str, way: dict[str, str], *, key: str | None = None, by: dict[str, str] = headers
    ) -> httpx.Response:
        return await client.post(
            f"/v1/orders/{order_id}/payments",
            json=way,
            headers={**by, "Idempotency-Key": key or uuid4().hex},
        )

    return pay


async def test_a_declined_payment_leaves_the_order_waiting(
    client: httpx.AsyncClient, headers: dict[str, str], declined: str, said: Said
) -> None:
    order = (await client.get(f"/v1/orders/{declined}", headers=headers)).json()
    assert (order["status"], order["pay_by"]) == ("reserved", "2999-01-01T00:00:00Z")
    assert order["payment_failure"] == {"reason": "declined", "message": "no funds"}
    assert [type_ for type_, _ in await said(declined)] == ["placed"]
    history = (await client.get(f"/v1/orders/{declined}/history", headers=headers)).json()
    last = history["items"][-1]
    assert (last["status"], last["cause"], last["reason"]) == (
        "reserved",
        "minishop.payment.failed.v1",
        "declined",
    )


async def test_a_failure_is_told_when_another_way_can_be_paid_and_not_before(
    client: httpx.AsyncClient, headers: dict[str, str], place: Place, tell: Tell, pay: Pay
) -> None:
    """Payment's topic can be read before the stock's, as when a partition of that one moves."""
    order_id = (await place())["id"]
    path = f"/v1/orders/{order_id}"
    await tell(order_id, "payment.failed", **RETRY)
    order = (await client.get(path, headers=headers)).json()
    assert (order["status"], order["payment_failure"]) == ("pending", None)
    await tell(order_id, "inventory.reserved")
    order = (await client.get(path, headers=headers)).json()
    assert order["payment_failure"] == {"reason": "declined", "message": "no funds"}
    assert (await pay(order_id, PAYPAL)).status_code == 202


async def test_another_way_to_pay_is_announced_and_pays(
    pay: Pay, declined: str, said: Said, tell: Tell
) -> None:
    answer = await pay(declined, PAYPAL)
    assert answer.status_code == 202
    order = answer.json()
    assert answer.headers["etag"] == f'"{order["version"]}"'
    assert order["payment"] == {**PAYPAL, "currency": "USD", "token": None}
    assert order["payment_failure"] is None
    _, retried = (await said(declined))[-1]
    assert (retried["attempt"], retried["payment"]["provider"]) == (2, "paypal")
    await tell(declined, "payment.captured")
    assert [type_ for type_, _ in await said(declined)] == [
        "placed",
        "payment_retried",
        "confirmed",
    ]


async def test_a_retry_sent_again_is_one_and_a_second_one_meets_409(
    pay: Pay, declined: str, said: Said
) -> None:
    answers = await asyncio.gather(*(pay(declined, PAYPAL, key="same") for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    replayed = await pay(declined, PAYPAL, key="same")
    assert (replayed.status_code, replayed.headers["idempotent-replayed"]) == (202, "true")
    other = await pay(declined, PAYPAL)
    assert (other.status_code, other.json()["code"]) == (409, "order_not_awaiting_payment")
    assert [type_ for type_, _ in await said(declined)] == ["placed", "payment_retried"]


async def test_two_different_retries_at_once_are_one(pay: Pay, declined: str, said: Said) -> None:
    answers = await asyncio.gather(*(pay(declined, PAYPAL) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 9
    assert [type_ for type_, _ in await said(declined)] == ["placed", "payment_retried"]


async def test_a_cancelled_order_is_not_paid_another_way(
    client: httpx.AsyncClient, headers: dict[str, str], pay: Pay, declined: str
) -> None:
    await client.post(f"/v1/orders/{declined}/cancel", headers=headers)
    assert (await pay(declined, PAYPAL)).status_code == 409


async def test_when_its_time_is_over_the_order_expires(
    engine: AsyncEngine, place: Place, tell: Tell, pay: Pay, said: Said
) -> None:
    order_id = (await place())["id"]
    await tell(order_id, "inventory.reserved", reserved_until="2020-01-01T00:00:00Z")
    await tell(order_id, "payment.failed", **RETRY)
    assert (await pay(order_id, PAYPAL)).status_code == 409
    await sweeper.sweep(engine)
    assert [type_ for type_, _ in await said(order_id)] == ["placed", "expired"]


async def test_a_failure_that_leaves_no_time_cancels_as_ever(
    place: Place, tell: Tell, said: Said
) -> None:
    order_id = (await place())["id"]
    await tell(order_id, "inventory.reserved")
    await tell(order_id, "payment.failed", retry_until=None)
    assert [type_ for type_, _ in await said(order_id)] == ["placed", "cancelled"]


@pytest.mark.parametrize(
    ("way", "pointer"),
    [
        ({"provider": "xendit", "method": "invoice"}, "/currency"),
        ({"provider": "paypal", "method": "card"}, "/method"),
        ({**PAYPAL, "currency": "USD"}, "/currency"),
        ({"provider": "cash", "method": "card"}, "/provider"),
    ],
)
async def test_a_way_that_is_not_offered_is_refused_and_the_order_waits_on(
    pay: Pay, declined: str, way: dict[str, str], pointer: str
) -> None:
    refused = await pay(declined, way)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert (await pay(declined, PAYPAL)).status_code == 202


async def test_nobody_pays_anothers_order(
    pay: Pay, declined: str, staff: dict[str, str], customer: UUID
) -> None:
    assert (await pay(declined, PAYPAL, by=staff)).status_code == 404
