"""How each kind of call is made: what is asked of the provider, and what its answer means.

A call that was tried before may have had its effect, so it is never just repeated: the provider is
asked first what became of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from shop_payment.domain import (
    OPEN,
    Call,
    ChargeFailed,
    Message,
    Payment,
    Refund,
    RefundAnswered,
    RefundStatus,
    Status,
    Total,
    is_already_booked,
)
from shop_payment.provider_calls.queue import ProviderCall
from shop_payment.providers.catalogue import Catalogue
from shop_payment.providers.protocol import Charge, PaymentProvider, RefundOrder
from shop_shared.clock import now

_TIME_TO_PAY = timedelta(minutes=30)


async def perform(  # noqa: PLR0911 - one arm a call
    provider: PaymentProvider, call: ProviderCall, catalogue: Catalogue, refund: Refund | None
) -> Message | None:
    """Make the call and answer what it says, or None when there was nothing to do or to learn.

    Raises a ProviderError.
    """
    payment = call.payment
    charge = _charge(payment)
    match call.call:
        case Call.CHARGE:
            return await _charged(provider, call, charge, catalogue)
        case Call.CAPTURE:
            if payment.status not in OPEN or payment.reference is None:
                return None
            return await provider.capture(charge, payment.reference)
        case Call.CANCEL:
            return await _cancelled(provider, payment, charge)
        case Call.FETCH:
            if call.reported_total is not None and is_already_booked(payment, call.reported_total):
                return None
            return await provider.fetch(charge, payment.reference)
        case Call.REFUND:
            return await _refunded(provider, payment, refund)


def refused(call: ProviderCall, message: str) -> Message | None:
    """Tell what it means that the provider said no for good; None where only a person can help."""
    match call.call:
        case Call.CHARGE | Call.CAPTURE:
            return ChargeFailed(reason="provider_error", message=message)
        case Call.REFUND if call.refund_id is not None:
            return RefundAnswered(refund_id=call.refund_id, status=RefundStatus.FAILED)
        case _:
            return None


async def _charged(
    provider: PaymentProvider, call: ProviderCall, charge: Charge, catalogue: Catalogue
) -> Message | None:
    payment = call.payment
    if call.attempts > 1:
        found = await provider.fetch(charge, payment.reference)
        if found is not None:
            return found
    if payment.status is not Status.PENDING:  # its order closed before anything was taken
        return None
    total = charge.total
    if not catalogue.serves(provider=provider.name, method=charge.method, currency=total.currency):
        message = f"{provider.name} does not take {charge.method} in {total.currency} here"
        return ChargeFailed(reason="provider_error", message=message)
    return await provider.create(charge)


async def _cancelled(provider: PaymentProvider, payment: Payment, charge: Charge) -> Message | None:
    reference = payment.reference
    if reference is None:
        found = await provider.fetch(charge, None)
        if found is None or found.reference is None:
            return None
        reference = found.reference
    return await provider.cancel(charge, reference)


async def _refunded(
    provider: PaymentProvider, payment: Payment, refund: Refund | None
) -> Message | None:
    if refund is None or payment.reference is None or payment.total is None:
        return None
    if refund.status is not RefundStatus.PENDING:
        return None
    return await provider.refund(
        RefundOrder(
            payment_id=payment.id,
            charge_reference=payment.reference,
            refund_id=refund.id,
            total=Total(amount=refund.amount, currency=payment.total.currency),
            reason=refund.reason,
            reference=refund.reference,
        )
    )


def _charge(payment: Payment) -> Charge:
    if payment.method is None or payment.total is None:
        raise ValueError(f"payment {payment.id} has no method or amount, and yet a call")
    return Charge(
        payment_id=payment.id,
        order_id=payment.order_id,
        total=payment.total,
        method=payment.method.name,
        token=payment.method.token,
        expires_at=_expiry(payment.pay_until),
    )


def _expiry(pay_until: datetime | None) -> datetime:
    return pay_until or now() + _TIME_TO_PAY
