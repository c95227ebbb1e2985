import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oracle import TAKE_OVER, violations
from snapshot import Order, Payment, Return, Snapshot, Stock, subscriptions
from store_access import Published, published_in

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLACED = Published("order.events", "minishop.order.placed.v1", "e1", NOON)
CHANGED = Published("user.events", "minishop.user.password_changed.v1", "e2", NOON)
GOOD = Snapshot(
    orders=[
        Order(id="o1", status="delivered", captured=500, refunded=0, total=500),
        Order(
            id="back",
            status="delivered",
            captured=400,
            refunded=200,
            total=400,
            units={"p1": 2},
        ),
        Order(id="o2", status="refunded", captured=300, refunded=300),
        Order(id="o3", status="rejected", captured=0, refunded=0),
        Order(id="free", status="delivered", captured=0, refunded=0, total=0),
        Order(id="on the payment page", status="reserved", captured=0, refunded=0, total=700),
    ],
    payments=[
        Payment(order_id="o1", captured=500, refunded=0, compensated=0),
        Payment(order_id="back", captured=400, refunded=200, compensated=0),
        Payment(order_id="o2", captured=300, refunded=300, compensated=300),
        Payment(order_id="free", captured=0, refunded=0, compensated=0),
        # Paid another way, and the first one's money came late.
        Payment(order_id="o1", captured=500, refunded=500, compensated=500, superseded=True),
        Payment(
            order_id="on the payment page",
            captured=0,
            refunded=0,
            compensated=0,
            awaits_customer=True,
        ),
    ],
    stock=[
        Stock(
            product_id="p1",
            on_hand=8,
            reserved=1,
            sold=2,
            put_in=10,
            held=1,
            sold_to_orders=3,
            put_back=1,
        )
    ],
    returns=[
        Return("r1", "back", "refunded", 200, restock=True, units={"p1": 1}, paid_back=200),
        Return("r2", "back", "refused", 200, restock=None, units={"p1": 1}),
        Return("r3", "back", "approved", 200, restock=None, units={"p1": 1}),
    ],
    shipments=[("o1", "delivered"), ("o2", "cancelled")],
    published=[PLACED, CHANGED],
    heard={"product": frozenset(("e1",))},
    # auth hears it, and keeps no inbox.
    subscriptions={PLACED[:2]: frozenset(("product",)), CHANGED[:2]: frozenset(("auth",))},
)
PAID = GOOD.payments[0]  # type: ignore[index]  # a list, here
WAITING = GOOD.orders[-1]  # type: ignore[index]  # a list, here
RETURNED = GOOD.returns[0]  # type: ignore[index]  # a list, here
UNITS = GOOD.stock[0]  # type: ignore[index]  # a list, here


def test_a_shop_in_order_has_no_violations() -> None:
    assert list(violations(GOOD)) == []


@pytest.mark.parametrize(
    ("invariant", "change"),
    [
        (1, {"orders": [Order(id="o1", status="paid", captured=500, refunded=0)]}),
        (1, {"orders": [replace(WAITING, overdue=True)]}),
        (1, {"orders": [replace(WAITING, status="pending")]}),
        (1, {"orders": [WAITING], "payments": []}),
        (2, {"payments": []}),
        (2, {"payments": [PAID, replace(PAID, captured=0), replace(PAID, captured=500)]}),
        (2, {"orders": [Order(id="o1", status="delivered", captured=500, refunded=0, total=501)]}),
        (2, {"orders": [Order(id="free", status="delivered", captured=0, refunded=0, total=1)]}),
        (2, {"payments": [replace(PAID, captured=1000)]}),
        (2, {"payments": [replace(PAID, refunded=600)]}),
        (2, {"payments": [*GOOD.payments, replace(PAID, order_id="none")]}),
        (2, {"payments": [*GOOD.payments, replace(PAID, superseded=True)]}),
        (2, {"payments": [replace(PAID, superseded=True, refunded=500)]}),
        (2, {"payments": [replace(PAID, second_charges=1)]}),
        (2, {"orders": [Order(id="o1", status="cancelled", captured=500, refunded=0)]}),
        (3, {"stock": [replace(UNITS, sold=3)]}),
        (3, {"stock": [replace(UNITS, reserved=9, held=9)]}),
        (3, {"stock": [replace(UNITS, reserved=-1, held=-1)]}),
        (3, {"stock": [replace(UNITS, held=0)]}),
        (3, {"stock": [replace(UNITS, sold_to_orders=4)]}),
        (3, {"stock": [replace(UNITS, sold_to_orders=4)], "every_reservation_kept": False}),
        (3, {"stock": [replace(UNITS, sold_to_orders=2)]}),
        (3, {"stock": [replace(UNITS, put_back=2)]}),
        (3, {"stock": [replace(UNITS, put_back=0, sold_to_orders=2)]}),
        (3, {"returns": [replace(RETURNED, restock=False)]}),
        (1, {"returns": [replace(RETURNED, status="received")]}),
        (2, {"returns": [replace(RETURNED, refund=201, paid_back=None)]}),
        (2, {"returns": [replace(RETURNED, paid_back=100)]}),
        (5, {"returns": [replace(RETURNED, status="approved", restock=None)]}),
        (5, {"returns": [replace(RETURNED, order_id="o2")]}),
        (5, {"returns": [RETURNED, replace(RETURNED, id="r4", units={"p1": 2})]}),
        (4, {"heard": {"product": frozenset()}}),
        (4, {"heard": {"product": frozenset(("e1",)), "auth": frozenset()}}),
        (5, {"shipments": [("o2", "delivered")]}),
        (5, {"shipments": [("o1", "delivered"), ("o1", "created")]}),
    ],
)
def test_what_is_off_is_seen(invariant: int, change: dict[str, Any]) -> None:
    assert invariant in {found.invariant for found in violations(replace(GOOD, **change))}


@pytest.mark.parametrize(
    ("upgraded", "heard", "unheard"),
    [
        (None, [], [-2, -1, 1]),
        (0, [], [1]),
        (0, [1], []),
        (0, [-1], [1]),
        (0, [-2], [-1, 1]),
        (3, [], []),
    ],
    ids=[
        "a first version hears everything",
        "an upgraded one what came since",
        "none is lost",
        "it was subscribed to since the one heard",
        "it was subscribed to before all",
        "all came before",
    ],
)
def test_what_came_before_a_subscription_is_not_missed(
    upgraded: int | None, heard: list[int], unheard: list[int]
) -> None:
    """Hours before and after noon, by the events' times."""
    events = [
        Published(*PLACED[:2], f"at {hour}", NOON + timedelta(hours=hour)) for hour in (-2, -1, 1)
    ]
    shop = replace(
        GOOD,
        published=events,
        heard={"product": frozenset(f"at {hour}" for hour in heard)},
        upgraded={} if upgraded is None else {"product": NOON + timedelta(hours=upgraded)},
    )
    assert [str(found).split()[-1] for found in violations(shop)] == [str(h) for h in unheard]


def test_the_version_before_may_read_on_while_the_next_takes_over() -> None:
    shop = replace(GOOD, heard={"product": frozenset()}, upgraded={"product": NOON})
    assert list(violations(shop)) == []
    late = PLACED._replace(time=NOON + TAKE_OVER)
    assert [v.invariant for v in violations(replace(shop, published=[late]))] == [4]


def test_a_return_settled_by_a_refund_by_hand_is_no_violation() -> None:
    by_hand = replace(GOOD, returns=[replace(RETURNED, paid_back=None)])
    assert list(violations(by_hand)) == []


def test_units_of_orders_too_old_to_be_kept_are_no_violation() -> None:
    fewer = replace(UNITS, sold_to_orders=1, put_back=0)
    old = replace(GOOD, stock=[fewer], every_reservation_kept=False)
    assert list(violations(old)) == []
    assert {found.invariant for found in violations(replace(old, every_reservation_kept=True))} == {
        3
    }


def test_who_hears_an_event_comes_from_the_documents(tmp_path: Path) -> None:
    (tmp_path / "product").mkdir()
    operations = {
        "receive_order.events": {
            "action": "receive",
            "channel": {"$ref": "#/channels/order.events"},
            "messages": [{"$ref": "#/channels/order.events/messages/minishop.order.placed.v1"}],
        },
        "send_product.events": {"action": "send", "channel": {}, "messages": []},
    }
    (tmp_path / "product" / "asyncapi.json").write_text(json.dumps({"operations": operations}))
    assert subscriptions(tmp_path) == {PLACED[:2]: frozenset(("product",))}


@pytest.mark.parametrize("time", [NOON, NOON.isoformat().replace("+00:00", "Z")])
def test_an_event_of_either_store_has_its_time(time: object) -> None:
    row = {"aggregatetype": "order", "type": PLACED.type, "time": time}
    assert published_in(row, "e1") == PLACED
