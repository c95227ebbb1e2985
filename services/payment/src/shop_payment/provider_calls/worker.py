"""Makes the calls that transactions want, one worker a provider.

A worker has its own concurrency (bulkhead) and its own breaker, so a provider that hangs delays
nobody else's payments. It is woken by NOTIFY at the commit that wants a call; polling only catches
what a lost connection has missed.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_payment import repository, service
from shop_payment.domain import Call, Message, Payment, Refund
from shop_payment.provider_calls import executor, queue
from shop_payment.provider_calls.queue import ProviderCall
from shop_payment.providers.catalogue import Catalogue
from shop_payment.providers.protocol import PaymentProvider, ProviderError, RefusedError
from shop_shared.breaker import CircuitBreaker, Outcome
from shop_shared.observability import telemetry
from shop_shared.stores.postgres import is_temporary, transaction

POLL_SECONDS = 1.0
LEASE = timedelta(minutes=3)
"""Longer than any call takes; then its worker is taken for dead."""
MAX_BACKOFF = 60.0
MAX_BUGS = 8
"""Tries of a call that fails for no reason of the provider's."""

_log = structlog.get_logger(__name__)
_duration = Histogram(
    "payment_provider_call_seconds",
    "Time of a provider call",
    ["provider", "call", "outcome"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
_retries = Counter("payment_provider_retries", "Calls to be made again", ["provider", "call"])
_closed = Gauge("payment_breaker_closed", "1 while calls flow", ["provider"])


class ProviderWorker:
    """The worker of one provider. `wake` it when there may be calls to make."""

    def __init__(
        self,
        engine: AsyncEngine,
        provider: PaymentProvider,
        *,
        catalogue: Catalogue,
        breaker: CircuitBreaker,
        concurrency: int,
    ) -> None:
        self._engine = engine
        self._provider = provider
        self._catalogue = catalogue
        self._breaker = breaker
        self._concurrency = concurrency
        self._woken = asyncio.Event()
        self._running = 0

    def wake(self) -> None:
        """Look for calls at once."""
        self._woken.set()

    async def run(self) -> None:
        """Make calls until cancelled; the ones in hand are finished then."""
        in_hand: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._woken.clear()
                for call in await self._claim():
                    task = asyncio.create_task(self._handle(call), name=f"{call.call} {call.id}")
                    in_hand.add(task)
                    task.add_done_callback(in_hand.discard)
                pause = max(self._breaker.rest(), POLL_SECONDS)
                try:
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            await asyncio.gather(*in_hand, return_exceptions=True)

    async def drain(self) -> None:
        """Make calls until none is due: for tests and one-off repairs."""
        while claimed := await self._claim():
            await asyncio.gather(*(self._handle(call) for call in claimed))

    async def _claim(self) -> list[ProviderCall]:
        _closed.labels(self._provider.name).set(self._breaker.closed)
        room = self._breaker.permits(self._concurrency - self._running)
        if room <= 0:
            return []
        try:
            async with transaction(self._engine) as connection:
                claimed = await queue.claim(
                    connection, self._provider.name, limit=room, lease=LEASE
                )
        except Exception as error:
            if not is_temporary(error):
                raise
            _log.warning("cannot claim provider calls", error=repr(error))
            return []
        self._running += len(claimed)
        if claimed:
            self._breaker.started()
        return claimed

    async def _handle(self, call: ProviderCall) -> None:
        try:
            with telemetry.span(
                f"{call.call} {self._provider.name}",
                kind="client",
                traceparent=call.traceparent,
                **{"payment.id": str(call.payment.id), "payment.attempt": str(call.attempts)},
            ):
                await self._make(call)
        except Exception as error:  # noqa: BLE001 - one call never ends the worker
            # The database is away, most likely: the lease brings the call back.
            if not is_temporary(error):
                _log.exception("provider call not recorded", call=call.call, call_id=str(call.id))
        finally:
            self._running -= 1
            self.wake()  # a slot is free, and the payment's next call may be due

    async def _make(self, call: ProviderCall) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = "answered"
        message: Message | None = None
        try:
            refund = await self._refund_of(call)
            message = await executor.perform(self._provider, call, self._catalogue, refund)
            self._breaker.record(Outcome.ANSWERED)
            await self._record(call, message)
        except RefusedError as error:
            outcome = "refused"
            self._breaker.record(Outcome.ANSWERED)
            await self._refused(call, str(error))
        except ProviderError as error:
            outcome = type(error).__name__
            self._breaker.record(Outcome.FAILED)
            await self._again(call, str(error))
        except Exception as error:
            if is_temporary(error):
                raise
            outcome = "bug"
            self._breaker.record(Outcome.NEUTRAL)
            _log.exception("provider call failed", call=call.call, call_id=str(call.id))
            if call.attempts >= MAX_BUGS:
                await self._refused(call, repr(error))
            else:
                await self._again(call, repr(error))
        finally:
            _duration.labels(self._provider.name, call.call, outcome).observe(loop.time() - began)

    async def _refund_of(self, call: ProviderCall) -> Refund | None:
        if call.refund_id is None:
            return None
        async with self._engine.connect() as connection:
            record = await repository.find(connection, call.payment.id)
        return record.payment.refund(call.refund_id) if record else None

    async def _record(self, call: ProviderCall, message: Message | None) -> None:
        async with transaction(self._engine) as connection:
            if message is not None:
                await service.handle_event(connection, call.payment.id, message)
            await queue.finish(connection, call)

    async def _refused(self, call: ProviderCall, message: str) -> None:
        event = executor.refused(call, message)
        async with transaction(self._engine) as connection:
            if event is not None:
                await service.handle_event(connection, call.payment.id, event)
            await queue.finish(connection, call, error=message)
        if event is None or call.call is Call.REFUND:
            service.alert(call.payment.id, f"{call.call}_refused", message)

    async def _again(self, call: ProviderCall, message: str) -> None:
        _retries.labels(self._provider.name, call.call).inc()
        _log.warning(
            "provider call to be made again",
            provider=self._provider.name,
            call=call.call,
            payment_id=str(call.payment.id),
            attempts=call.attempts,
            error=message,
        )
        async with transaction(self._engine) as connection:
            await queue.postpone(
                connection, call, delay=backoff(call.attempts, call.payment), error=message
            )


def backoff(attempts: int, payment: Payment) -> timedelta:
    """0.25 s, doubled each try up to a minute, spread so that payments don't come back at once."""
    seconds = min(MAX_BACKOFF, 0.25 * 2 ** min(attempts - 1, 10))
    return timedelta(seconds=seconds * random.Random(payment.id.int + attempts).uniform(0.5, 1))  # noqa: S311 - a spread, no secret
