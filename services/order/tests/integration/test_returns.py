"""Returns over HTTP and events, on a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.stores.postgres import transaction
from shop_shared.testing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Place = Callable[[], Awaitable[dict[str, Any]]]
Tell = Callable[..., Awaitable[None]]
Said = Callable[[str], Awaitable[list[tuple[str, dict[str, Any]]]]]
Ask = Callable[..., Awaitable[httpx.Response]]
Do = Callable[..., Awaitable[httpx.Response]]
ONE = {"amount": 999, "currency": "USD"}
BOTH = {"amount": 1998, "currency": "USD"}


@pytest_asyncio.fixture(loop_scope="module")
async def delivered(place: Place, tell: Tell) -> dict[str, Any]:
    """An order of two mugs at the customer's door."""
    order = await place()
    for name in (
        "inventory.reserved",
        "payment.captured",
        "shipment.created",
        "shipment.dispatched",
        "shipment.delivered",
    ):
        await tell(order["id"], name)
    return order


@pytest.fixture
def ask(client: httpx.AsyncClient, headers: dict[str, str]) -> Ask:
    async def ask(
        order: dict[str, Any],
        quantity: int | None = None,
        *,
        by: dict[str, str] = headers,
        key: str | None = None,
    ) -> httpx.Response:
        body: dict[str, Any] = {"reason": "damaged"}
        if quantity is not None:
            product = order["lines"][0]["product_id"]
            body["items"] = [{"product_id": product, "quantity": quantity}]
        return await client.post(
            f"/v1/orders/{order['id']}/returns",
            json=body,
            headers={**by, "Idempotency-Key": key or uuid4().hex},
        )

    return ask


@pytest.fixture
def do(client: httpx.AsyncClient, staff: dict[str, str]) -> Do:
    async def do(
        returned: dict[str, Any], what: str, *, by: dict[str, str] = staff, **body: object
    ) -> httpx.Response:
        path = f"/v1/returns/{returned['id']}/{what}"
        return await client.post(path, json=body or None, headers=by)

    return do


async def test_a_return_from_the_wish_to_the_money(  # noqa: PLR0913, PLR0917 - fixtures
    client: httpx.AsyncClient,
    headers: dict[str, str],
    delivered: dict[str, Any],
    ask: Ask,
    do: Do,
    tell: Tell,
    said: Said,
) -> None:
    asked = await ask(delivered, 1)
    assert asked.status_code == 201
    returned = asked.json()
    assert asked.headers["location"] == f"/v1/returns/{returned['id']}"
    assert (returned["status"], returned["refund"]) == ("requested", ONE)
    assert returned["order_number"] == delivered["number"]
    assert (await do(returned, "approve")).json()["status"] == "approved"
    received = await do(returned, "receive", restock=True)
    assert (received.json()["status"], received.json()["restock"]) == ("received", True)
    events = dict(await said(delivered["id"]))
    assert events["return_received"]["refund"] == ONE
    assert events["return_received"]["restock"] is True
    assert [line["quantity"] for line in events["return_received"]["lines"]] == [1]
    await tell(
        delivered["id"],
        "payment.refunded",
        refund_id=returned["id"],
        amount=ONE,
        total_refunded=ONE,
        full=False,
    )
    read = await client.get(f"/v1/returns/{returned['id']}", headers=headers)
    assert (read.json()["status"], read.headers["etag"]) == ("refunded", '"4"')
    order = (await client.get(f"/v1/orders/{delivered['id']}", headers=headers)).json()
    assert (order["status"], order["refunded"]) == ("delivered", ONE)
    listed = await client.get("/v1/returns", params={"order_id": delivered["id"]}, headers=headers)
    assert [each["id"] for each in listed.json()["items"]] == [returned["id"]]
    came_back = {"refund_id": returned["id"], "total_refunded": {"amount": 0, "currency": "USD"}}
    await tell(delivered["id"], "payment.refund_failed", **came_back)
    read = await client.get(f"/v1/returns/{returned['id']}", headers=headers)
    assert (read.json()["status"], read.headers["etag"]) == ("refund_failed", '"5"')
    order = (await client.get(f"/v1/orders/{delivered['id']}", headers=headers)).json()
    assert (order["status"], order["refunded"]) == ("delivered", None)


async def test_what_is_repeated_is_done_once(
    delivered: dict[str, Any], ask: Ask, do: Do, said: Said
) -> None:
    answers = [await ask(delivered, key="one") for _ in range(3)]
    assert len({answer.json()["id"] for answer in answers}) == 1
    returned = answers[0].json()
    for _ in range(3):
        assert (await do(returned, "approve")).status_code == 200
    at_once = await asyncio.gather(*(do(returned, "receive", restock=False) for _ in range(8)))
    assert {answer.status_code for answer in at_once} == {200}
    names = [name for name, _ in await said(delivered["id"])]
    assert names[-3:] == ["return_requested", "return_approved", "return_received"]
    assert (await do(returned, "receive", restock=True)).status_code == 409


async def test_no_unit_is_returned_twice_even_at_once(delivered: dict[str, Any], ask: Ask) -> None:
    answers = await asyncio.gather(*(ask(delivered, 1) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers)[:2] == [201, 201]
    # Where nothing is left at all it is the order; where there is less, the items.
    assert {answer.status_code for answer in answers} <= {201, 409, 422}
    assert sum(answer.status_code == 201 for answer in answers) == 2


async def test_no_money_is_asked_back_twice(
    delivered: dict[str, Any], ask: Ask, do: Do, tell: Tell, said: Said
) -> None:
    await tell(
        delivered["id"],
        "payment.refunded",
        refund_id=uuid4(),
        amount={"amount": 1500, "currency": "USD"},
        total_refunded={"amount": 1500, "currency": "USD"},
        full=False,
    )
    returned = (await ask(delivered)).json()
    assert returned["refund"] == BOTH
    await do(returned, "approve")
    received = (await do(returned, "receive", restock=True)).json()
    assert received["refund"] == {"amount": 498, "currency": "USD"}
    assert dict(await said(delivered["id"]))["return_received"]["refund"]["amount"] == 498


async def test_a_refund_that_failed_is_seen(  # noqa: PLR0913, PLR0917 - fixtures
    client: httpx.AsyncClient,
    staff: dict[str, str],
    delivered: dict[str, Any],
    ask: Ask,
    do: Do,
    tell: Tell,
) -> None:
    returned = (await ask(delivered)).json()
    await do(returned, "approve")
    await do(returned, "receive", restock=True)
    await tell(delivered["id"], "payment.refund_failed", refund_id=returned["id"])
    found = await client.get("/v1/returns", params={"status": "refund_failed"}, headers=staff)
    assert returned["id"] in [each["id"] for each in found.json()["items"]]


@pytest.fixture
def by_hand(tell: Tell) -> Tell:
    """Say that staff, or the provider's dashboard, gave money back."""

    async def by_hand(order: dict[str, Any], amount: int, *, so_far: int) -> None:
        await tell(
            order["id"],
            "payment.refunded",
            refund_id=uuid4(),
            amount={"amount": amount, "currency": "USD"},
            total_refunded={"amount": so_far, "currency": "USD"},
            full=so_far == BOTH["amount"],
        )

    return by_hand


async def test_a_refund_by_hand_settles_a_return_whose_own_failed(  # noqa: PLR0913, PLR0917 - fixtures
    client: httpx.AsyncClient,
    staff: dict[str, str],
    delivered: dict[str, Any],
    ask: Ask,
    do: Do,
    tell: Tell,
    by_hand: Tell,
) -> None:
    first, second = [(await ask(delivered, 1)).json() for _ in range(2)]

    async def statuses() -> list[str]:
        paths = [f"/v1/returns/{each['id']}" for each in (first, second)]
        return [(await client.get(path, headers=staff)).json()["status"] for path in paths]

    for each in (first, second):
        await do(each, "approve")
        await do(each, "receive", restock=False)
        await tell(delivered["id"], "payment.refund_failed", refund_id=each["id"])
    await by_hand(delivered, 500, so_far=500)
    assert await statuses() == ["refund_failed", "refund_failed"], "some other money"
    await by_hand(delivered, 999, so_far=1499)
    assert await statuses() == ["refunded", "refund_failed"]
    await by_hand(delivered, 499, so_far=1998)
    assert await statuses() == ["refunded", "refunded"], "all of the order's money is back"


async def test_a_return_of_which_staff_just_gave_back_all_money_needs_nobody(
    delivered: dict[str, Any], ask: Ask, do: Do, tell: Tell, by_hand: Tell
) -> None:
    """They refund the order while the goods are being received: nothing is left to refund then."""
    returned = (await ask(delivered)).json()
    await do(returned, "approve")
    assert (await do(returned, "receive", restock=True)).json()["status"] == "received"
    await by_hand(delivered, 1998, so_far=1998)
    await tell(delivered["id"], "payment.refund_failed", refund_id=returned["id"])
    assert (await do(returned, "receive", restock=True)).json()["status"] == "refunded"


async def test_a_refusal_says_why_and_leaves_the_units_to_be_asked_for_again(
    delivered: dict[str, Any], ask: Ask, do: Do, said: Said
) -> None:
    returned = (await ask(delivered)).json()
    refused = await do(returned, "refuse", reason="The seal is broken.")
    assert (refused.json()["status"], refused.json()["refusal"]) == (
        "refused",
        "The seal is broken.",
    )
    assert dict(await said(delivered["id"]))["return_refused"]["refusal"] == "The seal is broken."
    assert (await do(returned, "approve")).status_code == 409
    assert (await ask(delivered)).status_code == 201


async def test_an_order_that_is_not_delivered_or_too_old_is_not_returned(
    place: Place, ask: Ask, delivered: dict[str, Any], engine: AsyncEngine
) -> None:
    refused = await ask(await place())
    assert (refused.status_code, refused.json()["code"]) == (409, "return_not_possible")
    async with transaction(engine) as connection:
        await connection.execute(
            sa.text("UPDATE order_history SET at = at - interval '31 days' WHERE order_id = :id"),
            {"id": UUID(delivered["id"])},
        )
    assert "30 days" in (await ask(delivered)).json()["detail"]


@pytest.mark.parametrize(
    ("quantity", "status"), [(0, 422), (3, 422), (10**9, 422), (-1, 422), (2, 201)]
)
async def test_quantities(delivered: dict[str, Any], ask: Ask, quantity: int, status: int) -> None:
    answer = await ask(delivered, quantity)
    assert answer.status_code == status
    if status != 201:
        assert answer.json()["errors"][0]["pointer"].startswith("/items")


async def test_strangers_see_nothing_and_customers_decide_nothing(  # noqa: PLR0913, PLR0917 - fixtures
    client: httpx.AsyncClient,
    headers: dict[str, str],
    delivered: dict[str, Any],
    ask: Ask,
    do: Do,
    signer: Signer,
    staff: dict[str, str],
) -> None:
    stranger = signer.headers(uuid4())
    assert (await ask(delivered, by=stranger)).status_code == 404
    returned = (await ask(delivered)).json()
    path = f"/v1/returns/{returned['id']}"
    assert (await client.get(path, headers=stranger)).status_code == 404
    assert (await client.get("/v1/returns", headers=stranger)).json()["items"] == []
    assert (await do(returned, "approve", by=headers)).status_code == 403
    stale = await client.post(f"{path}/approve", headers={**staff, "If-Match": '"9"'})
    assert stale.status_code == 412
