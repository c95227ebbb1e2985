"""The payment service over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_payment import attention, domain, models, refund_rows, repository, service, webhooks
from shop_payment.repository import Record
from shop_payment.state import State
from shop_shared.http.auth import Principal, permit
from shop_shared.http.engine_state import Engine
from shop_shared.http.idempotency import idempotency_key, idempotent
from shop_shared.http.openapi import documented, sends
from shop_shared.http.pagination import (
    Before,
    Cursor,
    Limit,
    Page,
    decode_cursor,
    encode_cursor,
    page_of,
)
from shop_shared.http.problems import Conflict, NotFound
from shop_shared.money import Currency, Money
from shop_shared.payment_methods import ProviderName
from shop_shared.stores.postgres import transaction

_log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1/payments", tags=["payments"])
refund_router = APIRouter(prefix="/v1/refunds", tags=["payments"])
webhook_router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])


class NothingToSettle(Conflict):
    """No money of another amount came by this payment."""

    code, title = "nothing_to_settle", "Nothing to settle"


async def _visible_payment(
    payment_id: UUID, caller: Annotated[Principal, permit("read", "payment")], engine: Engine
) -> Record:
    """FastAPI dependency: the payment, read by its owner or staff. Raises NotFound."""
    return await _find(payment_id, caller, engine)


async def _find(payment_id: UUID, caller: Principal, engine: AsyncEngine) -> Record:
    """Return the payment if the caller may see it; other people's do not exist for them."""
    async with engine.connect() as connection:
        record = await repository.find(connection, payment_id)
    owner = record.payment.customer_id if record else None
    if record is None or owner is None or not caller.can_view(owner):
        raise NotFound("No such payment.")
    return record


VisiblePayment = Annotated[Record, Depends(_visible_payment)]


@router.get("")
async def list_payments(  # noqa: PLR0913 - a parameter a part of the request
    caller: Annotated[Principal, permit("read", "payment")],
    engine: Engine,
    *,
    limit: Limit = 20,
    before: Before = None,
    order_id: Annotated[UUID | None, Query(description="Of this order only")] = None,
    customer_id: Annotated[UUID | None, Query(description="For staff: whose payments")] = None,
    needs_attention: Annotated[
        bool,
        Query(
            description="Only those that a person has to look at: another amount was paid and "
            "is not settled, a refund (also of a second charge) failed and its money is not back, "
            "or the provider has not answered for a quarter of an hour"
        ),
    ] = False,
) -> Page[models.Payment]:
    """List payments, newest first: one's own; for staff everybody's."""
    async with engine.connect() as connection:
        records = await repository.page(
            connection,
            customer_id=caller.owner_filter(customer_id),
            order_id=order_id,
            needs_attention=needs_attention,
            before=before,
            limit=limit + 1,
        )
    return page_of(records, limit=limit, view=_view, position=lambda row: row.payment.id)


@router.get("/methods")
async def list_methods(
    state: State,
    currency: Annotated[Currency | None, Query(description="That take this currency")] = None,
) -> models.PaymentMethods:
    """List the ways to pay."""
    return models.PaymentMethods(
        items=tuple(
            models.PaymentMethod.model_validate(method)
            for method in state.catalogue.offered(currency)
        )
    )


@router.get("/{payment_id}")  # noqa: FAST003 - _visible_payment takes it
async def get_payment(record: VisiblePayment) -> models.Payment:
    """Read a payment."""
    return _view(record)


@router.post(
    "/{payment_id}/refunds",
    status_code=201,
    response_model=models.Refund,
    responses=documented(403) | sends(201, "Idempotent-Replayed"),
)
async def refund_payment(
    wanted: models.CreateRefund,
    payment_id: UUID,
    caller: Annotated[Principal, permit("refund", "payment")],
    key: Annotated[str, Depends(idempotency_key)],
    engine: Engine,
) -> Response:
    """Return all or a part of the money (staff). `pending` until the provider has answered."""
    await _find(payment_id, caller, engine)

    async def make(connection: AsyncConnection) -> models.Refund:
        payment, refund = await service.refund(
            connection,
            payment_id,
            amount=wanted.amount,
            reason=wanted.reason,
            elsewhere=wanted.elsewhere,
        )
        return _refund_view(payment, refund)

    scope = f"{caller.user_id} POST /v1/payments/{payment_id}/refunds"
    return await idempotent(engine, key=key, scope=scope, request=wanted, work=make)


@router.post("/{payment_id}/settle", responses=documented(403, 409))
async def settle_payment(
    payment_id: UUID, caller: Annotated[Principal, permit("refund", "payment")], engine: Engine
) -> models.Payment:
    """Say that money of another amount is sorted out with the provider (staff).

    The payment needs nobody's attention any more. Nothing is booked, and no money moves.
    """
    await _find(payment_id, caller, engine)
    async with transaction(engine) as connection:
        if not await attention.settle(connection, payment_id):
            raise NothingToSettle("No money of another amount came by this payment.")
    _log.info("payment settled", payment_id=str(payment_id), by=str(caller.user_id))
    return _view(await _find(payment_id, caller, engine))


@refund_router.get("")
async def list_refunds(  # noqa: PLR0913 - a parameter a part of the request
    caller: Annotated[Principal, permit("read", "payment")],
    engine: Engine,
    *,
    limit: Limit = 20,
    cursor: Cursor = None,
    order_id: Annotated[UUID | None, Query(description="Of this order only")] = None,
    payment_id: Annotated[UUID | None, Query(description="Of this payment only")] = None,
    status: Annotated[domain.RefundStatus | None, Query(description="In this state only")] = None,
    customer_id: Annotated[UUID | None, Query(description="For staff: whose refunds")] = None,
) -> Page[models.ListedRefund]:
    """List refunds, newest first: one's own; for staff everybody's."""
    before = decode_cursor(cursor, datetime, UUID) if cursor else None
    async with engine.connect() as connection:
        rows = await refund_rows.page(
            connection,
            customer_id=caller.owner_filter(customer_id),
            order_id=order_id,
            payment_id=payment_id,
            status=status,
            before=None if before is None else (before[0], before[1]),
            limit=limit + 1,
        )
    shown = rows[:limit]
    return Page(
        items=[_listed(row) for row in shown],
        next_cursor=encode_cursor(shown[-1].created_at, shown[-1].id)
        if len(rows) > limit
        else None,
    )


@webhook_router.post("/{provider}", responses=documented(413, 424))
async def receive_webhook(
    provider: ProviderName,
    request: Request,
    state: State,
) -> models.WebhookReceipt:
    """Take a provider's webhook: verified over the raw body, stored once, answered 200."""
    adapter = state.providers.get(provider)
    if adapter is None:
        raise NotFound(f"{provider} is not set up here.")
    await webhooks.receive(state.engine, adapter, request.headers, await request.body())
    return models.WebhookReceipt()


def _view(record: Record) -> models.Payment:
    payment, row = record.payment, record.row
    method = payment.method
    return models.Payment(
        id=payment.id,
        order_id=payment.order_id,
        order_number=payment.order_number,
        attempt=payment.attempt,
        superseded=payment.superseded,
        status=payment.status,
        provider=method.provider if method else None,
        method=method.name if method else None,
        amount=_money(payment, payment.total.amount if payment.total else None),
        captured=_money(payment, payment.captured),
        refunded=_money(payment, payment.refunded),
        refunds=tuple(_refund_view(payment, refund) for refund in payment.refunds),
        second_charges=tuple(map(_second_charge, payment.duplicates)),
        disputed_at=row.disputed_at,
        settled_at=row.settled_at,
        action=row.action if payment.status in domain.OPEN else None,
        pay_until=payment.pay_until,
        failure=models.Failure(reason=row.failure_reason, message=row.failure_message)
        if row.failure_reason
        else None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _refund_view(payment: domain.Payment, refund: domain.Refund) -> models.Refund:
    amount = _money(payment, refund.amount)
    assert amount is not None  # noqa: S101 - a refund is of a payment with an amount
    return models.Refund(
        id=refund.id,
        payment_id=payment.id,
        amount=amount,
        reason=refund.reason,
        status=refund.status,
        elsewhere=refund.elsewhere,
    )


def _second_charge(charge: domain.DuplicateCharge) -> models.SecondCharge:
    return models.SecondCharge(
        reference=charge.reference,
        amount=Money(amount=charge.total.amount, currency=charge.total.currency),
        status=charge.status,
    )


def _listed(row: Any) -> models.ListedRefund:  # noqa: ANN401 - a row's shape is its query's
    return models.ListedRefund(
        id=row.id,
        payment_id=row.payment_id,
        order_id=row.order_id,
        order_number=row.order_number,
        amount=Money(amount=row.amount, currency=row.currency),
        reason=row.reason,
        status=row.status,
        elsewhere=row.elsewhere,
        automatic=row.automatic,
        created_at=row.created_at,
    )


def _money(payment: domain.Payment, amount: int | None) -> Money | None:
    if payment.total is None or amount is None:
        return None
    return Money(amount=amount, currency=payment.total.currency)
