"""An order's life, and nothing else: no database, no clock, no framework.

The order service is the only authority over an order's fate. Product, payment and shipping report
facts; `apply` says what a fact makes of the order and what the order decides because of it. Facts
come over several topics, so they may come late, twice or in another order than they happened:
whatever no longer fits changes nothing, and what comes back is then the very object that was given.
"""

from shop_order.domain.decisions import (
    CancellationRequested,
    Cancelled,
    Completed,
    Confirmed,
    Decision,
    Expired,
)
from shop_order.domain.facts import (
    CancelAsked,
    DeadlinePassed,
    Fact,
    InventoryRejected,
    InventoryReleased,
    InventoryReserved,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentFailed,
    ShipmentMoved,
)
from shop_order.domain.order import CLOSED, CONFIRMED, UNPAID, Line, Money, Order, Status
from shop_order.domain.rules import (
    AddressLockedError,
    NotCancellableError,
    Outcome,
    apply,
    change_address,
)

__all__ = [
    "CLOSED",
    "CONFIRMED",
    "UNPAID",
    "AddressLockedError",
    "CancelAsked",
    "CancellationRequested",
    "Cancelled",
    "Completed",
    "Confirmed",
    "DeadlinePassed",
    "Decision",
    "Expired",
    "Fact",
    "InventoryRejected",
    "InventoryReleased",
    "InventoryReserved",
    "Line",
    "Money",
    "NotCancellableError",
    "Order",
    "Outcome",
    "PaymentCaptured",
    "PaymentFailed",
    "PaymentRefunded",
    "ShipmentCreated",
    "ShipmentDelivered",
    "ShipmentFailed",
    "ShipmentMoved",
    "Status",
    "apply",
    "change_address",
]
