"""Applies messages to payments: state, events and provider calls in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_payment import domain, events, repository
from shop_payment.domain import (
    CLOSED_UNPAID,
    WRONG_AMOUNT,
    Alert,
    AnnounceActionRequired,
    AnnounceCaptured,
    AnnounceFailed,
    AnnounceRefunded,
    AnnounceRefundFailed,
    AnnounceSecondChargeReturned,
    Call,
    CallProvider,
    Effect,
    Message,
    Method,
    Payment,
    Refund,
    RefundRefusedError,
    RequestRefund,
    Total,
    Transition,
    decide,
)
from shop_payment.provider_calls import queue
from shop_payment.providers.amounts import AmountNotTakenError, require_taken
from shop_shared.clock import now
from shop_shared.http.problems import NotFound, Unprocessable
from shop_shared.ids import derived, uuid7
from shop_shared.messaging.events import EventPayload, event
from shop_shared.messaging.outbox import publish
from shop_shared.money import Money

_log = structlog.get_logger(__name__)
_alerts = Counter("payment_alerts", "Payments that a person should look at", ["kind"])
_moved = Counter(
    "payment_minor_units",
    "Money captured and refunded, in the currency's minor unit",
    ["direction", "provider", "currency"],
)
for _kind in (
    "amount_mismatch",
    "double_capture",
    "webhook_amount_mismatch",
    "refund_failed",
    "unbooked_refund",
    "dispute",
    "not_authorised",
    "unreadable",
    "unanswered",
    *(f"{call}_refused" for call in Call),
):
    _alerts.labels(_kind)  # From zero on: the first one of a series is no increase to Prometheus.


class RefundRefused(Unprocessable):
    """More than is left to refund, in another currency, or not what the provider can return."""

    code, title = "refund_refused", "Refund not possible"


async def handle_order_event(
    connection: AsyncConnection, order_id: UUID, message: Message
) -> Payment:
    """Apply an event about an order to its payment, created if this is the first."""
    return await _apply(connection, await repository.lock_order(connection, order_id), message)


async def handle_event(connection: AsyncConnection, payment_id: UUID, message: Message) -> Payment:
    """Apply a message to a payment. Raises NotFound."""
    payment = await repository.lock(connection, payment_id)
    if payment is None:
        raise NotFound("No such payment.")
    return await _apply(connection, payment, message)


async def retry(
    connection: AsyncConnection, order_id: UUID, *, attempt: int, method: Method, event_id: str
) -> Payment:
    """Charge another way to pay, once an attempt; return the order's newest payment.

    `event_id` is of the event that asks for it: handled again after a restore, it makes the same
    payment.

    It takes the place of the attempt before, which has failed. Where that has brought the money
    after all, or the order is closed, nothing is charged.
    """
    failed = await repository.lock_order(connection, order_id)
    payment_id = derived(order_id, event_id, nth=failed.attempt)  # in lists after it
    made = domain.retry(failed, attempt=attempt, payment_id=payment_id, method=method)
    if made is None:
        _log.info("retry ignored", order_id=str(order_id), attempt=attempt, status=failed.status)
        return failed
    await _carry_out(connection, failed, made.failed)
    await repository.insert(connection, made.fresh)
    return await _carry_out(connection, made.fresh, made.started)


async def refund(
    connection: AsyncConnection,
    payment_id: UUID,
    *,
    amount: Money | None,
    reason: str,
    elsewhere: bool = False,
) -> tuple[Payment, Refund]:
    """Return a part of the money, or all that is left; book it where it went back elsewhere.

    Raises NotFound and RefundRefused.
    """
    payment = await repository.lock(connection, payment_id)
    if payment is None:
        raise NotFound("No such payment.")
    if amount is not None and payment.total is not None:
        provider = payment.method.provider if payment.method and not elsewhere else None
        _require_refundable(amount, currency=payment.total.currency, provider=provider)
    asked = RequestRefund(
        refund_id=uuid7(),
        amount=payment.refundable if amount is None else amount.amount,
        reason=reason,
        elsewhere=elsewhere,
    )
    try:
        payment = await _apply(connection, payment, asked)
    except RefundRefusedError as error:
        raise RefundRefused(str(error)) from error
    made = payment.refund(asked.refund_id)
    assert made is not None  # noqa: S101 - it was just made
    return payment, made


def _require_refundable(amount: Money, *, currency: str, provider: str | None) -> None:
    """Refuse now what the provider would refuse later, when the refund is taken for made."""
    if amount.currency != currency:
        raise RefundRefused(f"The payment is in {currency}.")
    total = Total(amount=amount.amount, currency=currency)
    try:
        if provider is not None:
            require_taken(total, provider=provider)
    except AmountNotTakenError as error:
        raise RefundRefused(str(error)) from error


def alert(payment_id: UUID | None, kind: str, detail: str) -> None:
    """Call for a person: a metric with an alert rule, and a log line that says why."""
    _alerts.labels(kind).inc()
    _log.error("payment alert", kind=kind, payment_id=str(payment_id), detail=detail)


async def _apply(connection: AsyncConnection, before: Payment, message: Message) -> Payment:
    return await _carry_out(connection, before, decide(before, message))


async def _carry_out(
    connection: AsyncConnection, before: Payment, transition: Transition
) -> Payment:
    after = transition.state
    said: list[EventPayload] = []
    kept: dict[str, Any] = {}
    for effect in transition.effects:
        kept |= _kept(after, effect)
        payload = _payload(after, effect)
        if payload is not None:
            said.append(payload)
    if after.captured > before.captured:  # announced or not: a superseded one's is not
        kept["captured_at"] = now()
    if after.wrong_charges != before.wrong_charges:
        kept["settled_at"] = None  # another charge than those that staff have sorted out
    await repository.save(connection, before, after, **kept)
    _count_money(before, after)
    for effect in transition.effects:
        if isinstance(effect, CallProvider):
            await queue.enqueue(connection, after, effect.call, refund_id=effect.refund_id)
        elif isinstance(effect, AnnounceFailed):
            _log.info(
                "payment failed",
                payment_id=str(after.id),
                order_id=str(after.order_id),
                reason=effect.reason,
            )
        elif isinstance(effect, Alert):
            alert(after.id, effect.kind, effect.detail)
    await publish(connection, *(event(payload, key=after.order_id) for payload in said))
    return after


def _count_money(before: Payment, after: Payment) -> None:
    if after.method is None or after.total is None:
        return
    moved = {
        "captured": after.captured - before.captured,
        "refunded": after.refunded - before.refunded,
    }
    for direction, amount in moved.items():
        if amount > 0:
            _moved.labels(direction, after.method.provider, after.total.currency).inc(amount)


def _kept(payment: Payment, effect: Effect) -> Mapping[str, Any]:
    match effect:
        case AnnounceActionRequired():
            return {"action": dict(effect.action)}
        case AnnounceCaptured():
            return {"action": None, "captured_at": now()}
        case AnnounceFailed():
            return {
                "action": None,
                "failure_reason": effect.reason,
                "failure_message": effect.message,
            }
        case Alert(kind="dispute"):
            return {"disputed_at": now()}
        case Alert(kind="amount_mismatch") if payment.status in CLOSED_UNPAID:
            # Also of an order that was closed before: who looks for such payments finds it.
            return {"failure_reason": "amount_mismatch", "failure_message": WRONG_AMOUNT}
        case _:
            return {}


def _payload(payment: Payment, effect: Effect) -> EventPayload | None:  # noqa: PLR0911 - one arm an event
    if payment.customer_id is None:
        return None  # nothing was ever asked of this payment
    about: dict[str, Any] = {
        "payment_id": payment.id,
        "order_id": payment.order_id,
        "order_number": payment.order_number,
        "customer_id": payment.customer_id,
    }
    match effect:
        case AnnounceActionRequired():
            return events.PaymentActionRequired(
                **about,
                provider=_provider(payment),
                action=events.Action(**effect.action),
                expires_at=effect.expires_at,
            )
        case AnnounceCaptured():
            return events.PaymentCaptured(
                **about,
                provider=_provider(payment),
                amount=_money(payment, payment.captured),
                captured_at=now(),
            )
        case AnnounceFailed():
            return events.PaymentFailed(
                **about,
                reason=effect.reason,
                message=effect.message[:500],
                attempt=payment.attempt,
                retry_until=_time_left(payment.pay_until) if effect.may_retry else None,
            )
        case AnnounceRefundFailed():
            return events.RefundFailed(
                **about,
                refund_id=effect.refund_id,
                amount=_money(payment, effect.amount),
                total_refunded=_money(payment, payment.refunded),
            )
        case AnnounceSecondChargeReturned(amount=amount, currency=currency):
            return events.SecondChargeReturned(
                **about, amount=Money(amount=amount, currency=currency)
            )
        case AnnounceRefunded():
            return events.PaymentRefunded(
                **about,
                refund_id=effect.refund_id,
                amount=_money(payment, effect.amount),
                total_refunded=_money(payment, payment.refunded),
                full=payment.refunded == payment.captured,
            )
        case _:
            return None


def _time_left(pay_until: datetime | None) -> datetime | None:
    return pay_until if pay_until is not None and pay_until > now() else None


def _provider(payment: Payment) -> str:
    return payment.method.provider if payment.method else ""


def _money(payment: Payment, amount: int) -> Money:
    total: Total | None = payment.total
    if total is None:
        raise ValueError(f"payment {payment.id} has no currency yet")
    return Money(amount=amount, currency=total.currency)
