"""Which event is told how: template, category and channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Channel = Literal["email", "sms", "push"]
Category = Literal["account", "security", "orders", "payments", "shipping"]

CHANNELS: tuple[Channel, ...] = ("email", "sms", "push")
OPTIONAL: tuple[Category, ...] = ("account", "orders", "payments", "shipping")
"""Security can not be switched off."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How an event is told."""

    template: str
    category: Category
    channels: tuple[Channel, ...]


PLANS: Mapping[str, Plan] = {
    "minishop.user.registered.v1": Plan("welcome", "account", ("email",)),
    "minishop.user.password_reset_requested.v1": Plan("password_reset", "security", ("email",)),
    "minishop.order.confirmed.v1": Plan("order_confirmed", "orders", ("email", "push")),
    "minishop.order.confirmed.v2": Plan("order_confirmed", "orders", ("email", "push")),
    "minishop.order.cancelled.v1": Plan("order_cancelled", "orders", ("email", "push")),
    "minishop.order.expired.v1": Plan("order_expired", "orders", ("email", "push")),
    "minishop.order.completed.v1": Plan("order_completed", "orders", ("email",)),
    "minishop.payment.action_required.v1": Plan("payment_action", "payments", ("email", "push")),
    "minishop.payment.captured.v1": Plan("payment_captured", "payments", ("email",)),
    "minishop.payment.failed.v1": Plan("payment_failed", "payments", ("email", "push")),
    "minishop.payment.refunded.v1": Plan("payment_refunded", "payments", ("email",)),
    "minishop.shipment.dispatched.v1": Plan("shipment_dispatched", "shipping", ("email", "push")),
    "minishop.shipment.in_transit.v1": Plan("shipment_in_transit", "shipping", ("push",)),
    "minishop.shipment.delivered.v1": Plan(
        "shipment_delivered", "shipping", ("email", "push", "sms")
    ),
    "minishop.shipment.failed.v1": Plan("shipment_failed", "shipping", ("email", "push")),
}
