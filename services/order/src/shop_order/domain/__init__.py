"""The order's state machine: no database, no clock, no framework.

The order service alone decides what becomes of an order. Product, payment and shipping report
events; `decide` returns the transition that an event or a command makes, with its effects. Events
come over several topics, so they may come late, twice or out of order: an event that no longer
fits changes nothing, and the transition's state is then the very object that was given.
"""

from shop_order.domain.effects import (
    CancellationRequested,
    Cancelled,
    Completed,
    Confirmed,
    Effect,
    Expired,
    PaymentRetried,
)
from shop_order.domain.messages import (
    CancelOrder,
    ChangeAddress,
    Command,
    DeadlinePassed,
    DomainEvent,
    InventoryRejected,
    InventoryReleased,
    InventoryReserved,
    Message,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefunded,
    RefundFailed,
    RetryPayment,
    ShipmentCreated,
    ShipmentDelivered,
    ShipmentFailed,
    ShipmentMoved,
)
from shop_order.domain.order import CLOSED, Line, Order, PaymentFailure, Status
from shop_order.domain.rules import (
    AddressLockedError,
    NotAwaitingPaymentError,
    NotCancellableError,
    Transition,
    decide,
)

__all__ = [
    "CLOSED",
    "AddressLockedError",
    "CancelOrder",
    "CancellationRequested",
    "Cancelled",
    "ChangeAddress",
    "Command",
    "Completed",
    "Confirmed",
    "DeadlinePassed",
    "DomainEvent",
    "Effect",
    "Expired",
    "InventoryRejected",
    "InventoryReleased",
    "InventoryReserved",
    "Line",
    "Message",
    "NotAwaitingPaymentError",
    "NotCancellableError",
    "Order",
    "PaymentCaptured",
    "PaymentFailed",
    "PaymentFailure",
    "PaymentRefunded",
    "PaymentRetried",
    "RefundFailed",
    "RetryPayment",
    "ShipmentCreated",
    "ShipmentDelivered",
    "ShipmentFailed",
    "ShipmentMoved",
    "Status",
    "Transition",
    "decide",
]
