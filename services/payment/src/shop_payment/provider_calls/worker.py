"""Executes the enqueued provider calls, one worker a provider.

A worker has its own concurrency (bulkhead) and its own breaker, so a provider that hangs delays
nobody else's payments. It is woken by NOTIFY at the commit that enqueues a call; polling only
catches what a lost connection has missed.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import assert_never

import structlog
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_payment import repository, service
from shop_payment.domain import Call
from shop_payment.provider_calls import executor, queue
from shop_payment.provider_calls.executor import Result
from shop_payment.provider_calls.queue import ProviderCall
from shop_payment.providers.catalogue import Catalogue
from shop_payment.providers.protocol import Blame, PaymentProvider, ProviderError, UnreadableError
from shop_shared.background import RetryPolicy, WakeSignal
from shop_shared.breaker import CircuitBreaker, Outcome
from shop_shared.observability import telemetry
from shop_shared.stores.postgres import autocommit, is_temporary, transaction

POLL_SECONDS = 1.0
LEASE = timedelta(minutes=3)
"""Longer than any call takes; then its worker is taken for dead."""
RETRIES = RetryPolicy(first=0.25, most=60)
"""Without a bound: only a no of the provider ends a call."""
ALERT_EVERY = 10
"""Attempts without an answer after which a person is called: the first after about 2 minutes."""
FINISH_SECONDS = 10.0
"""How long the calls in hand may take at the end; the lease brings back what is cut off then."""

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
        self._signal = WakeSignal()
        self._running = 0

    def wake(self) -> None:
        """Look for calls at once."""
        self._signal.wake()

    async def run(self) -> None:
        """Execute calls until cancelled; those in hand get FINISH_SECONDS to finish then."""
        in_hand: set[asyncio.Task[None]] = set()
        try:
            while True:
                for call in await self._claim():
                    task = asyncio.create_task(self._handle(call), name=f"{call.call} {call.id}")
                    in_hand.add(task)
                    task.add_done_callback(in_hand.discard)
                await self._signal.wait(max(self._breaker.rest(), POLL_SECONDS))
        finally:
            if in_hand:
                _, late = await asyncio.wait(in_hand, timeout=FINISH_SECONDS)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

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
            async with autocommit(self._engine) as connection:
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
                await self._execute(call)
        except Exception as error:  # noqa: BLE001 - one call never ends the worker
            # The database is away, most likely: the lease brings the call back.
            if not is_temporary(error):
                _log.exception("provider call not recorded", call=call.call, call_id=str(call.id))
        finally:
            self._running -= 1
            self.wake()  # a slot is free, and the payment's next call may be due

    async def _execute(self, call: ProviderCall) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = "answered"
        try:
            result = await executor.execute(
                self._provider, await self._with_refunds(call), self._catalogue
            )
            self._breaker.record(Outcome.ANSWERED)
            await self._record(call, result)
        except ProviderError as error:
            outcome = error.blame
            if error.blame is not Blame.DECLINED:  # which is an answer
                telemetry.fail_span(outcome)
            await self._settle(call, error)
        except Exception as error:
            if is_temporary(error):
                raise
            # Nobody foresaw it, so nobody knows what the provider has done.
            outcome = Blame.UNREADABLE
            telemetry.fail_span(outcome)
            _log.exception("provider call failed", call=call.call, call_id=str(call.id))
            await self._settle(call, UnreadableError(repr(error)))
        finally:
            _duration.labels(self._provider.name, call.call, outcome).observe(
                loop.time() - began, telemetry.exemplar()
            )

    async def _with_refunds(self, call: ProviderCall) -> ProviderCall:
        if call.call not in {Call.REFUND, Call.FETCH_REFUNDS}:
            return call
        async with self._engine.connect() as connection:
            record = await repository.find(connection, call.payment.id)
        return replace(call, payment=record.payment) if record else call

    async def _record(self, call: ProviderCall, result: Result) -> None:
        async with transaction(self._engine) as connection:
            for message in result.messages:
                await service.handle_event(connection, call.payment.id, message)
            await queue.finish(connection, call, unknown=result.unknown)

    async def _settle(self, call: ProviderCall, error: ProviderError) -> None:
        """Do what the blame for a failed call asks for: only a no of the provider ends it."""
        match error.blame:
            case Blame.DECLINED:
                self._breaker.record(Outcome.ANSWERED)
                await self._decline(call, str(error))
            case Blame.NOT_AUTHORISED | Blame.UNREADABLE:
                self._breaker.record(Outcome.ANSWERED)
                service.alert(call.payment.id, error.blame, f"{call.call}: {error}")
                await self._retry(call, error)
            case Blame.UNKNOWN | Blame.NOT_SENT:
                self._breaker.record(Outcome.FAILED)
                if call.attempts % ALERT_EVERY == 0:
                    service.alert(call.payment.id, "unanswered", f"{call.call}: {error}")
                await self._retry(call, error)
            case _:
                assert_never(error.blame)

    async def _decline(self, call: ProviderCall, detail: str) -> None:
        message = executor.declined(call)
        _log.warning(
            "provider call refused",
            provider=self._provider.name,
            call=call.call,
            payment_id=str(call.payment.id),
            error=detail,
        )
        async with transaction(self._engine) as connection:
            if message is not None:
                await service.handle_event(connection, call.payment.id, message)
            await queue.finish(connection, call, error=detail)
        if message is None or call.call is Call.REFUND:
            service.alert(call.payment.id, f"{call.call}_refused", detail)

    async def _retry(self, call: ProviderCall, error: ProviderError) -> None:
        _retries.labels(self._provider.name, call.call).inc()
        _log.warning(
            "provider call postponed",
            provider=self._provider.name,
            call=call.call,
            payment_id=str(call.payment.id),
            attempts=call.attempts,
            blame=error.blame,
            error=str(error),
        )
        async with transaction(self._engine) as connection:
            await queue.postpone(
                connection,
                call,
                delay=RETRIES.delay(call.attempts),
                error=str(error),
                unknown=error.blame.money_may_have_moved,
            )
