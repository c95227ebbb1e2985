"""The provider calls about refunds: what is asked of the provider, and what its answer means."""

from __future__ import annotations

from collections.abc import Sequence

from shop_payment.domain import (
    DuplicateCharge,
    Message,
    Payment,
    RefundAnswered,
    RefundReported,
    RefundStatus,
    Total,
)
from shop_payment.provider_calls.queue import ProviderCall
from shop_payment.providers.protocol import Charge, PaymentProvider, RefundOrder, RefundReport


async def refund(
    provider: PaymentProvider, call: ProviderCall, charge: Charge
) -> tuple[Message, ...]:
    """Make the refund that a call asks for, unless it was made or answered before."""
    order = _refund_order(call)
    if order is None:
        return ()
    if call.unknown_since is not None and order.reference is None:
        # Idempotency keys are forgotten after a day: look whether it was made.
        for report in await provider.fetch_refunds(charge, order.charge_reference):
            if report.refund_id == order.refund_id:
                return (_answered(order, report.status, report.reference),)
    return (await provider.refund(order),)


async def fetch_refunds(
    provider: PaymentProvider, payment: Payment, charge: Charge
) -> tuple[Message, ...]:
    """Ask the provider for all refunds of a payment, and of second charges beside it."""
    if payment.reference is None or not payment.is_paid:
        return ()
    messages: list[Message] = []
    for report in await provider.fetch_refunds(charge, payment.reference):
        if report.refund_id is not None and payment.refund(report.refund_id) is not None:
            messages.append(
                RefundAnswered(
                    refund_id=report.refund_id, status=report.status, reference=report.reference
                )
            )
        else:
            messages.append(
                RefundReported(reference=report.reference, total=report.total, status=report.status)
            )
    for duplicate in payment.duplicates:
        reports = await provider.fetch_refunds(charge, duplicate.reference)
        messages += _of_second_charge(duplicate, reports)
    return tuple(messages)


def _of_second_charge(
    duplicate: DuplicateCharge, reports: Sequence[RefundReport]
) -> list[RefundAnswered]:
    """Return what the refunds of a second charge say of ours.

    Others are in no books: it was never its order's. Where they give back all of it, ours is made.
    """
    told = [report for report in reports if report.refund_id == duplicate.id]
    others = [
        report
        for report in reports
        if report.refund_id != duplicate.id and report.status is RefundStatus.SUCCEEDED
    ]
    if sum(report.total.amount for report in others) >= duplicate.total.amount:
        told = others[-1:]
    return [
        RefundAnswered(refund_id=duplicate.id, status=report.status, reference=report.reference)
        for report in told
    ]


def _answered(order: RefundOrder, status: RefundStatus, reference: str) -> RefundAnswered:
    return RefundAnswered(refund_id=order.refund_id, status=status, reference=reference)


def _refund_order(call: ProviderCall) -> RefundOrder | None:
    """Return what a REFUND asks for, or None when it was answered already."""
    payment = call.payment
    if call.refund_id is None or payment.total is None:
        return None
    duplicate = payment.duplicate(call.refund_id)
    if duplicate is not None:
        if duplicate.status is not RefundStatus.PENDING:
            return None
        return RefundOrder(
            payment_id=payment.id,
            charge_reference=duplicate.reference,
            refund_id=duplicate.id,
            total=duplicate.total,
            reason="duplicate",
            reference=duplicate.refund_reference,
        )
    refund = payment.refund(call.refund_id)
    if refund is None or payment.reference is None or refund.status is not RefundStatus.PENDING:
        return None
    return RefundOrder(
        payment_id=payment.id,
        charge_reference=payment.reference,
        refund_id=refund.id,
        total=Total(amount=refund.amount, currency=payment.total.currency),
        reason=refund.reason,
        reference=refund.reference,
    )
