"""Webhooks: verified, stored once, answered 200, and taken as a hint to ask the provider.

Most tell what is in the books already, and cost a look at the payment and nothing more.

What a webhook says is never booked. What it claims is compared with ours (another amount is refused
and alerted), and then the provider's API, asked by us, tells the truth. A webhook that proves right
and concerns no payment of ours (a dashboard's test, another system on the same account) is answered
200, counted as `foreign` and not kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
import structlog
from prometheus_client import Counter
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_payment import repository, service
from shop_payment.domain import Call, Payment, is_already_booked
from shop_payment.provider_calls import queue
from shop_payment.providers.protocol import (
    Concern,
    ForgedWebhookError,
    NotSentError,
    PaymentProvider,
    UnreadableWebhookError,
    WebhookNotice,
)
from shop_payment.repository import Record
from shop_payment.tables import duplicate_charges, webhooks
from shop_shared.http.problems import BadRequest, Problem
from shop_shared.stores.postgres import autocommit, transaction

_log = structlog.get_logger(__name__)
_received = Counter("payment_webhooks", "Webhooks by what came of them", ["provider", "outcome"])


class WebhookRefused(BadRequest):
    """It does not carry the proof that it is the provider's, or cannot be read."""

    code, title = "webhook_refused", "Webhook refused"


class WebhookUnverifiable(Problem):
    """What proves it cannot be fetched now; the provider sends it again after any status but 2xx.

    Not a 503: anybody can send such a webhook, and the gateway takes a 503 for a broken service.
    """

    status, code, title = 424, "webhook_unverifiable", "Webhook cannot be verified now"


async def receive(
    engine: AsyncEngine, provider: PaymentProvider, headers: Mapping[str, str], body: bytes
) -> None:
    """Verify and store a webhook. Raises WebhookRefused, WebhookUnverifiable."""
    try:
        notice = await provider.parse_webhook(headers, body)
    except ForgedWebhookError as error:
        _received.labels(provider.name, "forged").inc()
        _log.warning("webhook refused", provider=provider.name, reason=str(error))
        raise WebhookRefused("The webhook is not verified.") from error
    except NotSentError as error:
        _received.labels(provider.name, "unverifiable").inc()
        raise WebhookUnverifiable from error
    except UnreadableWebhookError as error:
        _received.labels(provider.name, "unreadable").inc()
        _log.warning("webhook not understood", provider=provider.name, error=repr(error))
        raise WebhookRefused("The webhook is not understood.") from error
    async with autocommit(engine) as connection:
        record = await _record(connection, provider.name, notice)
    outcome = _outcome(record, notice)
    if outcome not in {"foreign", "nothing_new"}:
        async with transaction(engine) as connection:
            payment = await repository.with_refunds(connection, record) if record else None
            is_new = await _take(
                connection,
                notice,
                provider=provider.name,
                body=body,
                payment=payment,
                outcome=outcome,
            )
            if not is_new:
                outcome = "repeated"
    _received.labels(provider.name, outcome).inc()


async def _take(  # noqa: PLR0913 - keyword-only, each of its own kind
    connection: AsyncConnection,
    notice: WebhookNotice,
    *,
    provider: str,
    body: bytes,
    payment: Payment | None,
    outcome: str,
) -> bool:
    """Store a webhook and do what it asks for; False where it was stored before."""
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
        return False
    if outcome == "amount_mismatch":
        detail = f"webhook {notice.event_id} claims {notice.captured}"
        service.alert(payment.id if payment else None, "webhook_amount_mismatch", detail)
    if outcome == "dispute":
        detail = f"{provider} {notice.kind}, webhook {notice.event_id}, charge {notice.reference}"
        service.alert(payment.id if payment else None, "dispute", detail)
        if payment is not None:
            await repository.record_dispute(connection, payment.id)
    if payment is not None and outcome != "dispute":
        await _look(connection, payment, notice)
    return True


async def _look(connection: AsyncConnection, payment: Payment, notice: WebhookNotice) -> None:
    for refund_id in payment.pending_refunds:
        await queue.enqueue(connection, payment, Call.REFUND, refund_id=refund_id)
    if notice.concern is Concern.REFUND and payment.is_paid:
        # One of ours that fails after it succeeded is news, too.
        if notice.is_failure or not _is_ours(payment, notice):
            await queue.enqueue(connection, payment, Call.FETCH_REFUNDS)
    elif not payment.is_paid or notice.captured is not None or notice.is_failure:
        await queue.enqueue(
            connection,
            payment,
            Call.FETCH,
            reported_total=notice.captured,
            reported_reference=notice.reference,
        )
        if notice.concern is Concern.REFUND:  # told before its payment: no order is promised
            await queue.enqueue(connection, payment, Call.FETCH_REFUNDS)


def _is_ours(payment: Payment, notice: WebhookNotice) -> bool:
    """Return True for a notice about a refund that this service asked for."""
    if notice.refund_id is not None:
        known = payment.refund(notice.refund_id) or payment.duplicate(notice.refund_id)
        return known is not None
    references = {
        *(refund.reference for refund in payment.refunds),
        *(duplicate.refund_reference for duplicate in payment.duplicates),
    }
    return notice.refund_reference is not None and notice.refund_reference in references


_SECOND_CHARGE = sa.select(duplicate_charges.c.payment_id).where(
    duplicate_charges.c.reference == sa.bindparam("this_reference", type_=sa.Text)
)


async def _record(
    connection: AsyncConnection, provider: str, notice: WebhookNotice
) -> Record | None:
    """Return the payment that a notice is about; None if it is none of ours."""
    record = await repository.find_at_provider(
        connection, provider, payment_id=notice.payment_id, reference=notice.reference
    )
    if record is None and notice.concern is not Concern.CHARGE:
        second = await connection.scalar(_SECOND_CHARGE, {"this_reference": notice.reference})
        record = await repository.find_at_provider(
            connection, provider, payment_id=second, reference=None
        )
    return None if record is None or record.payment.total is None else record


def _is_unnamed_dispute(notice: WebhookNotice) -> bool:
    """Return True for a dispute that names no charge at all: it may well be of one of ours."""
    unnamed = notice.payment_id is None and notice.reference is None
    return notice.concern is Concern.DISPUTE and unnamed


def _outcome(record: Record | None, notice: WebhookNotice) -> str:  # noqa: PLR0911 - a line a rule
    payment = record.payment if record else None
    if payment is None and not _is_unnamed_dispute(notice):
        return "foreign"
    if notice.concern is Concern.DISPUTE or record is None or payment is None:
        return "dispute"
    if notice.is_echo:
        return "nothing_new"
    if notice.captured is None:
        about_refunds = notice.concern is Concern.REFUND or record.row.awaits_refunds
        known = payment.is_paid and not notice.is_failure and not about_refunds
        return "nothing_new" if known else "hint"
    if notice.captured != payment.total:
        return "amount_mismatch"
    if is_already_booked(payment, notice.captured, notice.reference):
        return "nothing_new"
    return "second_charge" if payment.is_paid else "hint"
