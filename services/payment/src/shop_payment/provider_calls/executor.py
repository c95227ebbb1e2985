"""Executes a provider call: what is asked of the provider, and what its answer means.

A call whose earlier attempt may have had its effect is never just repeated: the provider is asked
first what became of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from shop_payment.domain import (
    CLOSED_UNPAID,
    OPEN,
    Call,
    ChargeDisputed,
    ChargeFailed,
    ChargePending,
    CustomerApproved,
    Message,
    MoneyCaptured,
    Payment,
    RefundAnswered,
    RefundStatus,
    Status,
    is_already_booked,
)
from shop_payment.provider_calls import refunds
from shop_payment.provider_calls.queue import ProviderCall
from shop_payment.providers.catalogue import Catalogue
from shop_payment.providers.protocol import (
    Charge,
    ChargeAnswer,
    OtherPaymentError,
    PaymentProvider,
)
from shop_shared.clock import now

_log = structlog.get_logger(__name__)
_TIME_TO_PAY = timedelta(minutes=30)
_REFUSED = "the payment provider refused it"
_GOING_BACK = frozenset({Status.REFUNDING, Status.REFUNDED})


@dataclass(frozen=True, slots=True)
class Result:
    """What a call told about the payment; `unknown` if money may have moved and nobody knows."""

    messages: tuple[Message, ...] = ()
    unknown: bool = False


async def execute(provider: PaymentProvider, call: ProviderCall, catalogue: Catalogue) -> Result:
    """Make the call and return what the provider says. Raises a ProviderError.

    The payment of a call about refunds must have its refunds.
    """
    payment = call.payment
    charge = _charge(payment)
    match call.call:
        case Call.CHARGE:
            return await _charged(provider, call, charge, catalogue)
        case Call.CAPTURE:
            return await _captured(provider, call, charge)
        case Call.CANCEL:
            return await _cancelled(provider, payment, charge)
        case Call.FETCH:
            return await _fetched(provider, call, charge)
        case Call.REFUND:
            return Result(await refunds.refund(provider, call, charge))
        case Call.FETCH_REFUNDS:
            return Result(await refunds.fetch_refunds(provider, payment, charge))


def declined(call: ProviderCall) -> Message | None:
    """Return what the provider's no means to the payment; None where only a person can help.

    What the provider answered is for whoever runs the shop: the customer is told that it refused.
    """
    match call.call:
        case Call.CHARGE | Call.CAPTURE:
            return ChargeFailed(reason="provider_error", message=_REFUSED)
        case Call.REFUND if call.refund_id is not None:
            return RefundAnswered(refund_id=call.refund_id, status=RefundStatus.FAILED)
        case _:
            return None


async def _charged(
    provider: PaymentProvider, call: ProviderCall, charge: Charge, catalogue: Catalogue
) -> Result:
    payment = call.payment
    if call.unknown_since is not None:
        found = await provider.fetch(charge, payment.reference)
        if found is not None:
            return Result((found,))
    if payment.status is not Status.PENDING:
        # Its order closed meanwhile. That the provider shows nothing does not prove that nothing
        # was taken: its search may lag.
        unseen = payment.status in CLOSED_UNPAID and payment.reference is None
        return Result(unknown=unseen and call.unknown_since is not None)
    refusal = catalogue.refusal(
        provider=provider.name,
        method=charge.method,
        currency=charge.total.currency,
        token=charge.token,
    )
    if refusal is not None:
        return Result((ChargeFailed(reason="provider_error", message=refusal),))
    takes_money = charge.method == "card" and charge.token is not None
    if takes_money and _is_too_late(call):
        return await _expired(provider, payment, charge)
    return Result((await provider.create(charge),))


async def _captured(provider: PaymentProvider, call: ProviderCall, charge: Charge) -> Result:
    payment = call.payment
    if payment.status not in OPEN or payment.reference is None:
        return Result()
    if _is_too_late(call):
        return await _expired(provider, payment, charge)
    return Result((await provider.capture(charge, payment.reference),))


def _is_too_late(call: ProviderCall) -> bool:
    """Return True if the goods are no longer held, and nothing was asked of the provider yet.

    After an outage the order has expired, though its event is still to be heard: money taken now
    would only go back.
    """
    until = call.payment.pay_until
    return until is not None and until <= now() and call.unknown_since is None


async def _expired(provider: PaymentProvider, payment: Payment, charge: Charge) -> Result:
    """Take no money; what was taken before the books were restored from a backup counts."""
    found = await provider.fetch(charge, payment.reference)
    if found is None or isinstance(found, CustomerApproved):
        found = ChargeFailed(
            reason="expired", message="the time to pay is over", reference=payment.reference
        )
    return Result((found,))


async def _cancelled(provider: PaymentProvider, payment: Payment, charge: Charge) -> Result:
    reference = payment.reference
    if reference is None:
        found = await provider.fetch(charge, None)
        if found is None or found.reference is None:
            return Result()
        reference = found.reference
    answer = await provider.cancel(charge, reference)
    # Under way, and nothing stops it: whether the money comes is known later.
    return Result((answer,), unknown=isinstance(answer, ChargePending))


async def _fetched(provider: PaymentProvider, call: ProviderCall, charge: Charge) -> Result:
    payment, reported = call.payment, call.reported_reference
    if call.reported_total is not None and is_already_booked(
        payment, call.reported_total, reported
    ):
        return Result()
    if reported is not None and reported != payment.reference:
        found = await _reported(provider, charge, reported)
        # What a webhook named counts where it took money, or where nothing else is known.
        if isinstance(found, MoneyCaptured) or (found is not None and payment.reference is None):
            return Result((found,))
    found = await provider.fetch(charge, payment.reference)
    if found is None:
        return Result()
    if payment.is_paid:
        # Asked because a webhook said that it came to nothing: voided after it was captured? Then
        # by us, where all of it goes back (Midtrans' cards until they are settled).
        if isinstance(found, ChargeFailed) and payment.status not in _GOING_BACK:
            return Result((_taken_back(found),))
        return Result()
    return Result((found,))


def _taken_back(found: ChargeFailed) -> Message:
    return ChargeDisputed(
        reference=found.reference or "", detail=f"no longer paid at the provider: {found.message}"
    )


async def _reported(
    provider: PaymentProvider, charge: Charge, reference: str
) -> ChargeAnswer | None:
    """Fetch what a webhook named; None for another payment's: not every webhook proves its body."""
    try:
        return await provider.fetch(charge, reference)
    except OtherPaymentError as error:
        _log.warning("a webhook named another payment's charge", error=str(error))
        return None


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
        order_number=payment.order_number,
    )


def _expiry(pay_until: datetime | None) -> datetime:
    return pay_until or now() + _TIME_TO_PAY
