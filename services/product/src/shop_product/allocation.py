"""Whether an order can be met, and for how much: the rule alone, without a store.

Prices are the catalogue's at this moment, never the client's. All or nothing: an order whose third
line is missing reserves none of the other two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Reason = Literal["out_of_stock", "unknown_product", "currency_mismatch"]


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A product that can be bought now: prices in minor units by currency, and free units."""

    product_id: UUID
    sku: str
    name: str
    prices: Mapping[str, int]
    available: int
    low_stock_threshold: int

    def runs_low(self, quantity: int) -> bool:
        """Whether it is these units that take the stock down to its threshold."""
        return self.available - quantity <= self.low_stock_threshold < self.available


@dataclass(frozen=True, kw_only=True)
class AllocatedLine:
    """Units of one product at a unit price in minor units."""

    offer: Offer
    quantity: int
    unit_price: int


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """An order that can be met."""

    lines: tuple[AllocatedLine, ...]
    currency: str

    @property
    def total(self) -> int:
        """The order's price in minor units."""
        return sum(line.unit_price * line.quantity for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """A line that cannot be had."""

    product_id: UUID
    requested: int
    available: int


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An order that cannot be met, and the lines to blame."""

    reason: Reason
    lines: tuple[Shortage, ...]


def merged(lines: Iterable[tuple[UUID, int]]) -> dict[UUID, int]:
    """Quantity by product, in the order of the ids.

    Two orders that take the same products then take them in the same sequence: the later one waits
    for the first instead of both undoing each other.
    """
    wanted: dict[UUID, int] = {}
    for product_id, quantity in lines:
        wanted[product_id] = wanted.get(product_id, 0) + quantity
    return dict(sorted(wanted.items()))


def allocate(
    wanted: Mapping[UUID, int], *, currency: str, offers: Mapping[UUID, Offer]
) -> Allocation | Refusal:
    """Price and allocate ``wanted`` (quantity by product id) in ``currency`` from ``offers``."""

    def refuse(reason: Reason, product_ids: Iterable[UUID]) -> Refusal:
        return Refusal(
            reason=reason,
            lines=tuple(
                Shortage(
                    product_id=product_id,
                    requested=wanted[product_id],
                    available=offers[product_id].available if product_id in offers else 0,
                )
                for product_id in product_ids
            ),
        )

    if unknown := [product_id for product_id in wanted if product_id not in offers]:
        return refuse("unknown_product", unknown)
    if unpriced := [pid for pid in wanted if currency not in offers[pid].prices]:
        return refuse("currency_mismatch", unpriced)
    if short := [pid for pid, quantity in wanted.items() if offers[pid].available < quantity]:
        return refuse("out_of_stock", short)
    return Allocation(
        currency=currency,
        lines=tuple(
            AllocatedLine(
                offer=offers[product_id],
                quantity=quantity,
                unit_price=offers[product_id].prices[currency],
            )
            for product_id, quantity in wanted.items()
        ),
    )
