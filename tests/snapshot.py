"""What the oracle reads of a shop's stores, and what it finds off."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from store_access import Published

SERVICES = Path(__file__).resolve().parents[1] / "services"


@dataclass(frozen=True)
class Violation:
    """One thing that is off: the number of its invariant, and what was seen."""

    invariant: int
    seen: str

    def __str__(self) -> str:
        return f"invariant {self.invariant}: {self.seen}"


@dataclass(frozen=True)
class Order:
    """An order as the order service has it; amounts in minor units.

    `total` is 0 until the stock has priced it, `overdue` once its deadline has passed;
    `units` are by product.
    """

    id: str
    status: str
    captured: int
    refunded: int
    total: int = 0
    overdue: bool = False
    units: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Payment:
    """A payment, amounts in minor units.

    `compensated` is what the shop itself gave back, not a person's goodwill; `awaits_customer`
    while the customer has to do something to pay, or may try another way; `superseded` once another
    attempt has taken its place; `second_charges` are those beside it that have not gone back.
    """

    order_id: str
    captured: int
    refunded: int
    compensated: int
    awaits_customer: bool = False
    superseded: bool = False
    second_charges: int = 0


@dataclass(frozen=True)
class Stock:
    """A product's units: those it has, and the sums that they must be.

    `put_in` is the sum of its ledger, `held` of its open reservations, `sold_to_orders` of those
    that were sold, and `put_back` of what of those came back and is on the shelf again.
    """

    product_id: str
    on_hand: int
    reserved: int
    sold: int
    put_in: int
    held: int
    sold_to_orders: int
    put_back: int


@dataclass(frozen=True)
class Return:
    """Goods of an order that came back, or may; amounts in minor units.

    `units` are by product; `paid_back` is the amount of its succeeded refund, None without one.
    """

    id: str
    order_id: str
    status: str
    refund: int
    restock: bool | None
    units: Mapping[str, int]
    paid_back: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """What the stores said.

    `every_reservation_kept` unless old ones are past their retention.

    `heard` are the event ids by each group that keeps an inbox; `upgraded` says when those services
    got their version that are not of the first.
    """

    orders: Iterable[Order] = ()
    payments: Iterable[Payment] = ()
    stock: Iterable[Stock] = ()
    shipments: Iterable[tuple[str, str]] = ()
    returns: Iterable[Return] = ()
    every_reservation_kept: bool = True
    published: Sequence[Published] = ()
    heard: Mapping[str, frozenset[str]] = field(default_factory=dict)
    subscriptions: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    upgraded: Mapping[str, datetime] = field(default_factory=dict)


def subscriptions(services: Path = SERVICES) -> dict[tuple[str, str], frozenset[str]]:
    """Return which groups hear an event, by (topic, type), from the AsyncAPI documents."""
    groups: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for file in services.glob("*/asyncapi.json"):
        for operation in json.loads(file.read_text())["operations"].values():
            if operation["action"] != "receive":
                continue
            topic = operation["channel"]["$ref"].removeprefix("#/channels/")
            for message in operation["messages"]:
                groups[topic, message["$ref"].rpartition("/")[2]].add(file.parent.name)
    return {key: frozenset(names) for key, names in groups.items()}
