"""Webhooks: verified, stored once, answered 200, and taken as a hint to ask the provider.

What a webhook says is never booked. What it claims is compared with ours (another amount is refused
and alerted), and then the provider's API, asked by us, tells the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_payment import repository, service
from shop_payment.domain import Call, Payment, RefundStatus, is_already_booked
from shop_payment.provider_calls import queue
from shop_payment.providers.protocol import (
    ForgedWebhookError,
    PaymentProvider,
    RefusedError,
    UnavailableError,
    WebhookNotice,
)
from shop_payment.tables import webhooks
from shop_shared.http.problems import BadRequest, Unavailable
from shop_shared.stores.postgres import transaction

_log = structlog.get_logger(__name__)
_received = Counter("payment_webhooks", "Webhooks by what came of them", ["provider", "outcome"])


class WebhookRefused(BadRequest):
    """It does not carry the proof that it is the provider's, or cannot be read."""

    code, title = "webhook_refused", "Webhook refused"


async def receive(
    engine: AsyncEngine, provider: PaymentProvider, headers: Mapping[str, str], body: bytes
) -> None:
    """Verify and store a webhook. Raises WebhookRefused, and Unavailable to have it sent again."""
    try:
        notice = await provider.parse_webhook(headers, body)
    except ForgedWebhookError as error:
        _received.labels(provider.name, "forged").inc()
        _log.warning("webhook refused", provider=provider.name, reason=str(error))
        raise WebhookRefused("The webhook is not verified.") from error
    except UnavailableError as error:
        _received.labels(provider.name, "unverifiable").inc()
        raise Unavailable("The webhook can't be verified now.") from error
    except (RefusedError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        _received.labels(provider.name, "unreadable").inc()
        _log.warning("webhook not understood", provider=provider.name, error=repr(error))
        raise WebhookRefused("The webhook is not understood.") from error
    async with transaction(engine) as connection:
        outcome = await _take(connection, provider.name, notice, body)
    _received.labels(provider.name, outcome).inc()


async def _take(
    connection: AsyncConnection, provider: str, notice: WebhookNotice, body: bytes
) -> str:
    payment = await _payment(connection, provider, notice)
    outcome = _outcome(payment, notice)
    stored = await connection.execute(
        pg.insert(webhooks)
        .values(
            provider=provider,
            event_id=notice.event_id,
            kind=notice.kind,
            payment_id=payment.id if payment else None,
            reference=notice.reference,
            body=body,
            outcome=outcome,
        )
        .on_conflict_do_nothing()
    )
    if not stored.rowcount:
        return "repeated"
    if outcome == "amount_mismatch":
        detail = f"webhook {notice.event_id} claims {notice.captured}"
        service.alert(payment.id if payment else None, "webhook_amount_mismatch", detail)
    if payment is not None and outcome != "nothing_new":
        await _look(connection, payment, notice)
    return outcome


async def _look(connection: AsyncConnection, payment: Payment, notice: WebhookNotice) -> None:
    for refund in payment.refunds:
        if refund.status is RefundStatus.PENDING:
            await queue.enqueue(connection, payment, Call.REFUND, refund_id=refund.id)
    if not payment.captured:
        await queue.enqueue(connection, payment, Call.FETCH, reported_total=notice.captured)


async def _payment(
    connection: AsyncConnection, provider: str, notice: WebhookNotice
) -> Payment | None:
    payment_id: UUID | None = notice.payment_id
    if payment_id is None and notice.reference is not None:
        payment_id = await repository.id_of_reference(connection, provider, notice.reference)
    if payment_id is None:
        return None
    record = await repository.find(connection, payment_id)
    if record is None:
        return None
    method = record.payment.method
    return record.payment if method is not None and method.provider == provider else None


def _outcome(payment: Payment | None, notice: WebhookNotice) -> str:
    if payment is None or payment.total is None:
        return "unknown_payment"
    if notice.captured is None:
        return "hint"
    if notice.captured != payment.total:
        return "amount_mismatch"
    return "nothing_new" if is_already_booked(payment, notice.captured) else "hint"
