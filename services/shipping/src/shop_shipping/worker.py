"""Calls the carrier, outside any transaction, and stores its answers.

Consumers and the API only write intents (`call_at`). The worker claims those that are due for a
lease's time, calls, and stores the answers in a transaction of their own. A crash in between loses
nothing: the lease ends, and the call is made again with the same reference.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.background import RetryPolicy, WakeSignal, work_off
from shop_shared.clock import now
from shop_shared.observability import telemetry
from shop_shared.observability.trace_context import current_traceparent, trace
from shop_shared.stores.postgres import autocommit, is_temporary, transaction
from shop_shipping import repository, service
from shop_shipping.carriers import AddressRefusedError, Carrier, CarrierUnavailableError, Parcel
from shop_shipping.domain import (
    Booked,
    Call,
    DomainEvent,
    Failure,
    Scanned,
    Status,
    Stopped,
    next_call,
)
from shop_shipping.repository import Claimed, Intent
from shop_shipping.settings import Settings

BATCH = 100
LEASE = timedelta(seconds=60)
PATIENCE = timedelta(minutes=1)
"""Between two calls to track a parcel whose carrier does not say when to ask again."""
RETRIES = RetryPolicy(first=1, most=300)
"""Without a bound: the parcel is there, and its carrier comes back."""
_log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """The domain events of a carrier's answer, and when to call again."""

    events: tuple[DomainEvent, ...]
    intent: Intent


class Asked(NamedTuple):
    """An answer, and the trace context of its call."""

    answer: Answer
    traceparent: str | None


async def run(
    engine: AsyncEngine, settings: Settings, carrier: Carrier, signal: WakeSignal
) -> None:
    """Make due calls when woken and every interval, for as long as the process lives."""
    await work_off(
        partial(work, engine, settings, carrier),
        signal=signal,
        seconds=settings.worker_interval_seconds,
        is_temporary=is_temporary,
    )


async def work(engine: AsyncEngine, settings: Settings, carrier: Carrier) -> int:
    """Make the calls that are due, up to BATCH at once; return how many there were."""
    async with autocommit(engine) as connection:
        claimed = await repository.claim(connection, lease=LEASE, limit=BATCH)
    if not claimed:
        return 0
    answers = await asyncio.gather(*(_ask(carrier, settings, claim) for claim in claimed))
    async with transaction(engine) as connection:
        current = await repository.lock_claimed(connection, claimed)
        for claim, asked in zip(claimed, answers, strict=True):
            shipment = current.get(claim.shipment.id)
            if shipment is None:
                continue
            with trace(asked.traceparent):
                await service.handle_events(
                    connection,
                    shipment,
                    asked.answer.events,
                    intent=asked.answer.intent,
                    source=carrier.name,
                )
    return len(claimed)


async def _ask(carrier: Carrier, settings: Settings, claimed: Claimed) -> Asked:
    call = next_call(claimed.shipment)
    with telemetry.span(
        f"{call or 'no call'} {carrier.name}", kind="client", traceparent=claimed.traceparent
    ):
        return Asked(await _answer(carrier, settings, claimed, call), current_traceparent())


async def _answer(
    carrier: Carrier, settings: Settings, claimed: Claimed, call: Call | None
) -> Answer:
    parcel = Parcel(
        reference=claimed.shipment.id,
        tracking_number=claimed.shipment.tracking_number,
        address=claimed.shipment.address or {},
        booked_at=claimed.shipment.booked_at,
        attempt=claimed.attempts - 1,
    )
    try:
        async with asyncio.timeout(settings.carrier_timeout_seconds):
            return await _call(carrier, parcel, call)
    except (CarrierUnavailableError, TimeoutError) as error:
        _log.warning("carrier away", tracking_number=parcel.tracking_number, error=repr(error))
    except Exception:  # noqa: BLE001 - whatever it is, the other parcels of the batch go on
        _log.exception("carrier not called", tracking_number=parcel.tracking_number)
    return Answer((), Intent(now() + RETRIES.delay(claimed.attempts), claimed.attempts))


async def _call(carrier: Carrier, parcel: Parcel, call: Call | None) -> Answer:
    match call:
        case None:
            return Answer((), Intent(None))
        # Also where no booking is known: its answer may be lost, or it was for another address.
        case Call.STOP if await carrier.stop(parcel):
            return Answer((Stopped(now()),), Intent(None))
        case Call.STOP | Call.TRACK:
            return await _track(carrier, parcel)
        case Call.BOOK:
            try:
                booked_at = await carrier.book(parcel)
            except AddressRefusedError:
                return Answer((_undeliverable(now()),), Intent(None))
            # The first look is at once: a parcel may be on its way as soon as it is booked.
            return await _track(carrier, replace(parcel, booked_at=booked_at), Booked(booked_at))


async def _track(carrier: Carrier, parcel: Parcel, *known: DomainEvent) -> Answer:
    tracked = await carrier.track(parcel)
    return Answer((*known, *tracked.scans), Intent(tracked.ask_again_at or now() + PATIENCE))


def _undeliverable(at: datetime) -> Scanned:
    return Scanned(Status.FAILED, at, failure=Failure.UNDELIVERABLE)
