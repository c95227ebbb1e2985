"""Calls the carrier, outside any transaction, and writes down what it answered.

Consumers and the API only write intents (`call_at`). The worker claims those that are due for a
lease's time, calls, and records each answer in a transaction of its own. Whoever dies in between
loses nothing: the lease ends, and the call is made again by the same reference.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.clock import now
from shop_shared.observability import telemetry
from shop_shared.observability.trace_context import current_traceparent, trace
from shop_shared.stores.postgres import is_temporary, transaction
from shop_shipping import repository, service
from shop_shipping.carriers import AddressRefusedError, Carrier, CarrierUnavailableError, Parcel
from shop_shipping.domain import Booked, Call, Fact, Failure, Scanned, Status, Stopped, next_call
from shop_shipping.repository import Claimed, Intent
from shop_shipping.settings import Settings
from shop_shipping.wake import Wake

BATCH = 100
LEASE = timedelta(seconds=60)
PATIENCE = timedelta(minutes=1)
"""Between two looks at a parcel whose carrier doesn't say when to look again."""
MAX_BACKOFF = timedelta(minutes=5)
_log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """What a carrier's answer means to a shipment, and when to call again."""

    facts: tuple[Fact, ...]
    intent: Intent


class Asked(NamedTuple):
    """An answer, and the trace context of the call: what follows from it belongs there."""

    answer: Answer
    traceparent: str | None


async def run(engine: AsyncEngine, settings: Settings, carrier: Carrier, wake: Wake) -> None:
    """Work whenever woken, and every interval, for as long as the process lives."""
    while True:
        try:
            while await work(engine, settings, carrier):
                pass
        except Exception as error:
            if not is_temporary(error):
                raise
            _log.warning("cannot work", error=repr(error))
        await wake.wait(settings.worker_interval_seconds)


async def work(engine: AsyncEngine, settings: Settings, carrier: Carrier) -> int:
    """Make the calls that are due, some at once; return how many there were."""
    async with transaction(engine) as connection:
        claimed = await repository.claim(connection, at=now(), lease=LEASE, limit=BATCH)
    if not claimed:
        return 0
    answers = await asyncio.gather(*(_ask(carrier, settings, claim) for claim in claimed))
    async with transaction(engine) as connection:
        current = await repository.lock(connection, [claim.shipment.id for claim in claimed])
        for claim, asked in zip(claimed, answers, strict=True):
            shipment = current[claim.shipment.id]
            asked_in_vain = shipment.version != claim.shipment.version  # it has changed since
            facts, intent = ((), Intent(now())) if asked_in_vain else asked.answer
            with trace(asked.traceparent):
                await service.learn(connection, shipment, facts, intent=intent, source=carrier.name)
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
        attempt=claimed.attempts,
    )
    try:
        async with asyncio.timeout(settings.carrier_timeout_seconds):
            return await _call(carrier, parcel, call)
    except (CarrierUnavailableError, TimeoutError) as error:
        attempts = claimed.attempts + 1
        backoff = min(timedelta(seconds=0.5 * 2 ** min(attempts, 10)), MAX_BACKOFF)
        _log.warning("carrier away", tracking_number=parcel.tracking_number, error=repr(error))
        return Answer((), Intent(now() + backoff, attempts))


async def _call(carrier: Carrier, parcel: Parcel, call: Call | None) -> Answer:
    match call:
        case None:
            return Answer((), Intent(None))
        case Call.STOP if parcel.booked_at is None or await carrier.stop(parcel):
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


async def _track(carrier: Carrier, parcel: Parcel, *known: Fact) -> Answer:
    tracked = await carrier.track(parcel)
    return Answer((*known, *tracked.scans), Intent(tracked.ask_again_at or now() + PATIENCE))


def _undeliverable(at: datetime) -> Scanned:
    return Scanned(Status.FAILED, at, failure=Failure.UNDELIVERABLE)
