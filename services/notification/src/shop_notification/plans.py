"""Which event is told how: template, category, channels, and which of them only on request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Channel = Literal["email", "sms", "push"]
Category = Literal["account", "security", "orders", "payments", "shipping"]
OnRequest = Literal["order_completed", "payment_action", "payment_captured"]

CHANNELS: tuple[Channel, ...] = ("email", "sms", "push")
OPTIONAL: tuple[Category, ...] = ("account", "orders", "payments", "shipping")
"""Security cannot be switched off."""

SMS_CHARACTERS = 1600
"""Of UTF-16, in which an emoji is two (https://www.twilio.com/docs/api/errors/21617)."""
PUSH_BYTES = 3800
"""Of subject and text in UTF-8: FCM takes 4,096 with what surrounds them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How an event is told."""

    template: str
    category: Category
    channels: tuple[Channel, ...]
    on_request: tuple[Channel, ...] = ()
    """Channels used only where the recipient has asked for this template."""


# An order that goes well is three mails: confirmed with the receipt, on its way, delivered. More
# are on request; what goes wrong is always told.
PLANS: Mapping[str, Plan] = {
    "minishop.user.registered.v1": Plan("welcome", "account", ("email",)),
    "minishop.user.password_reset_requested.v1": Plan("password_reset", "security", ("email",)),
    "minishop.user.email_changed.v1": Plan("email_changed", "security", ("email",)),
    "minishop.user.registration_repeated.v1": Plan("registration_repeated", "security", ("email",)),
    "minishop.order.confirmed.v1": Plan("order_confirmed", "orders", ("email", "push")),
    "minishop.order.confirmed.v2": Plan("order_confirmed", "orders", ("email", "push")),
    "minishop.order.cancelled.v1": Plan("order_cancelled", "orders", ("email", "push")),
    "minishop.order.expired.v1": Plan("order_expired", "orders", ("email", "push")),
    "minishop.order.completed.v1": Plan("order_completed", "orders", (), ("email",)),
    "minishop.order.return_requested.v1": Plan("return_requested", "orders", ("email",)),
    "minishop.order.return_approved.v1": Plan("return_approved", "orders", ("email", "push")),
    "minishop.order.return_refused.v1": Plan("return_refused", "orders", ("email", "push")),
    "minishop.payment.action_required.v1": Plan(
        "payment_action", "payments", ("push",), ("email",)
    ),
    "minishop.payment.captured.v1": Plan("payment_captured", "payments", (), ("email",)),
    "minishop.payment.failed.v1": Plan("payment_failed", "payments", ("email", "push")),
    "minishop.payment.refunded.v1": Plan("payment_refunded", "payments", ("email",)),
    "minishop.payment.second_charge_returned.v1": Plan(
        "second_charge_returned", "payments", ("email",)
    ),
    "minishop.shipment.dispatched.v1": Plan("shipment_dispatched", "shipping", ("email", "push")),
    "minishop.shipment.in_transit.v1": Plan("shipment_in_transit", "shipping", ("push",)),
    "minishop.shipment.delivered.v1": Plan(
        "shipment_delivered", "shipping", ("email", "push", "sms")
    ),
    "minishop.shipment.failed.v1": Plan("shipment_failed", "shipping", ("email", "push")),
}
