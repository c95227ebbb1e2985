"""What becomes of an order as the others report: what it says, and what its history keeps."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from shop_shared.messaging.events import InvalidEventError

pytestmark = pytest.mark.asyncio(loop_scope="module")

Place = Callable[[], Awaitable[dict[str, Any]]]
Tell = Callable[..., Awaitable[None]]
Said = Callable[[str], Awaitable[list[tuple[str, dict[str, Any]]]]]
GOOD = [
    "inventory.reserved",
    "payment.captured",
    "shipment.created",
    "shipment.dispatched",
    "shipment.in_transit",
    "shipment.delivered",
]


@dataclass
class Story:
    """One order and what is told to it, asked of it and said by it."""

    id: str
    client: httpx.AsyncClient
    headers: dict[str, str]
    tell_order: Tell
    said_of: Said

    async def tell(self, *names: str, **changes: object) -> None:
        for name in names:
            await self.tell_order(self.id, name, **changes)

    async def get(self, path: str = "") -> dict[str, Any]:
        answer = await self.client.get(f"/v1/orders/{self.id}{path}", headers=self.headers)
        body: dict[str, Any] = answer.json()
        return body

    async def cancel(self) -> httpx.Response:
        return await self.client.post(f"/v1/orders/{self.id}/cancel", headers=self.headers)

    async def said(self) -> list[str]:
        return [type_ for type_, _ in await self.said_of(self.id)]

    async def payloads(self, wanted: str) -> list[dict[str, Any]]:
        return [payload for type_, payload in await self.said_of(self.id) if type_ == wanted]


@pytest_asyncio.fixture(loop_scope="module")
async def story(
    client: httpx.AsyncClient, headers: dict[str, str], place: Place, tell: Tell, said: Said
) -> Story:
    return Story((await place())["id"], client, headers, tell, said)


async def test_a_good_order(story: Story) -> None:
    await story.tell(*GOOD)
    order = await story.get()
    assert order["status"] == "delivered"
    assert order["total"] == {"amount": 1998, "currency": "USD"}
    assert order["tracking_number"] == "MSTESTNUMBER0"
    assert await story.said() == ["placed", "confirmed", "completed"]
    [confirmed] = await story.payloads("confirmed")
    assert confirmed["lines"][0]["unit_price"] == {"amount": 999, "currency": "USD"}
    assert confirmed["shipping_address"]["city"] == "London"
    history = (await story.get("/history"))["items"]
    assert [(e["seq"], e["status"], e["cause"]) for e in history] == [
        (1, "pending", "order.place"),
        (2, "reserved", "minishop.inventory.reserved.v1"),
        (3, "paid", "minishop.payment.captured.v1"),
        (4, "paid", "minishop.shipment.created.v1"),
        (5, "shipped", "minishop.shipment.dispatched.v1"),
        (6, "delivered", "minishop.shipment.delivered.v1"),
    ]
    assert all(entry["event_id"] for entry in history[1:])


async def test_a_good_order_told_three_times_over_is_the_same(story: Story) -> None:
    await story.tell(*GOOD * 3)
    order = await story.get()
    assert (order["status"], order["version"]) == ("delivered", 6)
    assert len(await story.said()) == 3


FAILED = {"reason": "delivery_failed", "refund": True, "restock": True}


@pytest.mark.parametrize(
    ("told", "status", "cancelled"),
    [
        (
            ["inventory.rejected"],
            "rejected",
            {"reason": "out_of_stock", "refund": False, "restock": False},
        ),
        (
            ["inventory.reserved", "payment.failed"],
            "cancelled",
            {"reason": "payment_failed", "refund": False, "restock": False},
        ),
        ([*GOOD[:4], "shipment.failed"], "cancelled", FAILED),
        ([*GOOD[:5], "shipment.failed", "payment.refunded"], "refunded", FAILED),
    ],
)
async def test_bad_ends_are_compensated_once(
    story: Story, told: list[str], status: str, cancelled: dict[str, Any]
) -> None:
    await story.tell(*told * 2)
    assert (await story.get())["status"] == status
    [payload] = await story.payloads("cancelled")
    assert payload.items() >= cancelled.items()


async def test_released_stock_expires_the_order(story: Story) -> None:
    await story.tell("inventory.reserved", "inventory.released")
    assert (await story.get())["status"] == "expired"
    assert await story.said() == ["placed", "expired"]


@pytest.mark.parametrize("told", [[], GOOD[:1]])
async def test_before_payment_a_customer_cancels_at_once(story: Story, told: list[str]) -> None:
    await story.tell(*told)
    answer = await story.cancel()
    assert answer.status_code == 200
    assert answer.json()["status"] == "cancelled"
    assert (await story.cancel()).json() == answer.json()
    assert await story.said() == ["placed", "cancelled"]
    [cancelled] = await story.payloads("cancelled")
    assert cancelled["reason"] == "customer"


async def test_after_payment_the_parcel_is_stopped_first(story: Story) -> None:
    await story.tell(*GOOD[:3])
    assert (await story.cancel()).json()["status"] == "cancelling"
    assert (await story.cancel()).json()["status"] == "cancelling"
    await story.tell("shipment.failed", reason="cancelled")
    assert (await story.get())["status"] == "cancelled"
    await story.tell("payment.refunded")
    order = await story.get()
    assert order["status"] == "refunded"
    assert order["refunded"] == {"amount": 1998, "currency": "USD"}
    assert await story.said() == ["placed", "confirmed", "cancellation_requested", "cancelled"]


async def test_paid_stock_that_is_gone_after_all_stops_the_parcel(story: Story) -> None:
    await story.tell(*GOOD[:3])
    await story.tell("inventory.rejected", reason="expired")
    assert (await story.get())["status"] == "cancelling"
    await story.tell("shipment.failed", reason="cancelled")
    [cancelled] = await story.payloads("cancelled")
    assert (cancelled["reason"], cancelled["refund"]) == ("expired", True)


async def test_a_parcel_that_left_meanwhile_is_delivered(story: Story) -> None:
    await story.tell(*GOOD[:3])
    await story.cancel()
    await story.tell(*GOOD[3:])
    order = await story.get()
    assert (order["status"], order["cancel_reason"]) == ("delivered", None)
    assert "cancelled" not in await story.said()


async def test_a_shipped_order_cannot_be_cancelled(story: Story) -> None:
    await story.tell(*GOOD[:4])
    answer = await story.cancel()
    assert answer.status_code == 409
    assert answer.json()["code"] == "order_not_cancellable"


async def test_a_late_capture_is_recorded_and_its_refund_settles(story: Story) -> None:
    await story.tell("inventory.reserved")
    await story.cancel()
    await story.tell("payment.captured")
    assert (await story.get())["status"] == "cancelled"
    await story.tell("payment.refunded")
    assert (await story.get())["status"] == "refunded"
    nothing = {"amount": 0, "currency": "USD"}
    await story.tell("payment.refund_failed", refund_id=uuid4(), total_refunded=nothing)
    order = await story.get()
    assert (order["status"], order["refunded"]) == ("cancelled", None), "it came back"
    assert await story.said() == ["placed", "cancelled"]


async def test_an_event_of_an_order_never_placed_is_no_use_to_try_again(tell: Tell) -> None:
    with pytest.raises(InvalidEventError):
        await tell(str(uuid4()), "inventory.reserved")
