"""Durable work on a real PostgreSQL: claims, leases, order, and workers that are killed."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from pydantic import SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.background import WakeSignal, work_off
from shop_shared.ids import uuid7
from shop_shared.settings import ServiceSettings
from shop_shared.stores.durable_work import WorkTable, is_one_of
from shop_shared.stores.pg_notify import listen
from shop_shared.stores.postgres import create_engine, is_temporary, transaction

LEASE = timedelta(minutes=1)
_metadata = sa.MetaData()
_instant = sa.DateTime(timezone=True)
_jobs = sa.Table(
    "jobs",
    _metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="open"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", _instant, nullable=False, server_default=sa.func.now()),
    sa.Column("error", sa.Text),
    sa.Column("unknown_since", _instant),
)
sa.Table(
    "charges",
    _metadata,
    sa.Column("idempotency_key", sa.Uuid, primary_key=True),
    sa.Column("tries", sa.Integer, nullable=False),
)
JOBS = WorkTable(
    _jobs,
    name="jobs",
    is_open=lambda jobs: is_one_of(jobs.c.state, "open"),
    key="key",
    lane="lane",
    unknown_since="unknown_since",
)


async def charge(engine: AsyncEngine, job: Any) -> None:
    """Have the effect, once for the job's id, as a provider's idempotency key has it."""
    async with transaction(engine) as connection:
        await connection.execute(
            sa.text(
                "INSERT INTO charges VALUES (:id, 1)"
                " ON CONFLICT (idempotency_key) DO UPDATE SET tries = charges.tries + 1"
            ),
            {"id": job.id},
        )


async def work_until_killed(url: str) -> None:
    engine = create_engine(ServiceSettings(database_url=SecretStr(url)))
    async with transaction(engine) as connection:
        [job] = await JOBS.claim(connection, limit=1, lease=LEASE, lane="stripe")
    await charge(engine, job)
    sys.stdout.write("charged\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


@pytest.fixture
def settings(postgres_database: Database) -> ServiceSettings:
    return ServiceSettings(database_url=SecretStr(postgres_database.url))


@pytest.fixture
async def engine(settings: ServiceSettings) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(settings)
    async with transaction(engine) as connection:
        await connection.run_sync(_metadata.create_all)
    yield engine
    await engine.dispose()


async def enqueue(engine: AsyncEngine, *, key: str = "a", lane: str = "stripe") -> UUID | None:
    async with transaction(engine) as connection:
        return await JOBS.enqueue(connection, id=uuid7(), key=key, lane=lane)


async def claim(
    engine: AsyncEngine, *, lane: str = "stripe", limit: int = 100, lease: timedelta = LEASE
) -> list[Any]:
    async with transaction(engine) as connection:
        return list(await JOBS.claim(connection, limit=limit, lease=lease, lane=lane))


async def settle(engine: AsyncEngine, job: Any, **changes: Any) -> bool:
    async with transaction(engine) as connection:
        return await JOBS.settle(
            connection, job.id, attempt=job.attempts, **(changes or {"state": "done"})
        )


async def execute(engine: AsyncEngine, statement: str) -> list[Any]:
    async with transaction(engine) as connection:
        result = await connection.execute(sa.text(statement))
        return list(result) if result.returns_rows else []


async def end_leases(engine: AsyncEngine) -> None:
    await execute(engine, "UPDATE jobs SET due_at = now()")


async def test_work_is_enqueued_with_its_transaction_or_not_at_all(engine: AsyncEngine) -> None:
    async def fail() -> None:
        async with transaction(engine) as connection:
            await JOBS.enqueue(connection, id=uuid7(), key="a", lane="stripe")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await claim(engine) == []
    job_id = await enqueue(engine)
    assert [job.id for job in await claim(engine)] == [job_id]


async def test_work_that_a_unique_index_knows_is_enqueued_once(engine: AsyncEngine) -> None:
    await execute(engine, "CREATE UNIQUE INDEX one ON jobs (key) WHERE attempts = 0")
    assert await enqueue(engine) is not None
    assert await enqueue(engine) is None
    assert len(await claim(engine)) == 1


async def test_many_workers_claim_each_row_once(engine: AsyncEngine) -> None:
    enqueued = [await enqueue(engine, key=f"key-{n}") for n in range(40)]
    claimed = await asyncio.gather(*(claim(engine, limit=15) for _ in range(4)))
    ids = [job.id for jobs in claimed for job in jobs]
    assert len(ids) == len(set(ids))
    assert set(ids) | {job.id for job in await claim(engine)} == set(enqueued)


async def test_a_row_that_another_has_locked_is_passed_over(engine: AsyncEngine) -> None:
    locked, free = await enqueue(engine, key="a"), await enqueue(engine, key="b")
    async with transaction(engine) as connection:
        await connection.execute(
            sa.text("SELECT FROM jobs WHERE id = :id FOR UPDATE"), {"id": locked}
        )
        assert [job.id for job in await claim(engine)] == [free]


async def test_a_lane_has_its_own_workers(engine: AsyncEngine) -> None:
    other = await enqueue(engine, key="a", lane="paypal")
    await enqueue(engine, key="b")
    assert [job.id for job in await claim(engine, lane="paypal")] == [other]


async def test_rows_of_a_key_are_worked_on_one_at_a_time_in_order(engine: AsyncEngine) -> None:
    first, second = await enqueue(engine), await enqueue(engine)
    # The second has been due for longer, and still waits its turn.
    await execute(engine, f"UPDATE jobs SET due_at = now() - interval '1 h' WHERE id = '{second}'")
    [job] = await claim(engine)
    assert job.id == first
    assert await claim(engine) == []
    assert await settle(engine, job, again_after=timedelta(hours=1), error="later")
    assert await claim(engine) == []
    await end_leases(engine)
    [job] = await claim(engine)
    assert (job.id, job.attempts, job.error) == (first, 2, "later")
    assert await settle(engine, job)
    assert [job.id for job in await claim(engine)] == [second]


async def test_a_claim_that_was_lost_changes_nothing(engine: AsyncEngine) -> None:
    await enqueue(engine)
    [late] = await claim(engine, lease=timedelta())
    [job] = await claim(engine)
    assert not await settle(engine, late)
    assert not await settle(engine, late, again_after=timedelta(), error="late")
    assert await settle(engine, job)
    assert not await settle(engine, job)
    assert await execute(engine, "SELECT state, error FROM jobs") == [("done", None)]


async def test_an_attempt_that_is_not_known_to_have_failed_is_unknown(engine: AsyncEngine) -> None:
    await enqueue(engine)
    [job] = await claim(engine)
    assert job.unknown_before is None
    # Nothing can have happened: the next attempt need not ask.
    await settle(engine, job, again_after=timedelta(), unknown_since=job.unknown_before)
    [job] = await claim(engine)
    assert job.unknown_before is None
    await settle(engine, job, again_after=timedelta())
    [again] = await claim(engine)
    assert again.unknown_before == job.unknown_since
    assert again.unknown_since == job.unknown_since


async def test_a_worker_killed_before_it_settles_is_followed_by_another(
    engine: AsyncEngine, postgres_database: Database
) -> None:
    await enqueue(engine)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, __file__, postgres_database.url, stdout=subprocess.PIPE
    )
    assert worker.stdout is not None
    # It has claimed the row and had its effect, and is about to settle.
    assert await worker.stdout.readline() == b"charged\n"
    assert await claim(engine) == [], "the lease holds"
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    assert await claim(engine) == [], "nobody can know that it is dead"
    await end_leases(engine)
    [job] = await claim(engine)
    assert (job.attempts, job.unknown_before is not None) == (2, True)
    await charge(engine, job)
    assert await settle(engine, job)
    await end_leases(engine)
    assert await claim(engine) == []
    assert await execute(engine, "SELECT tries FROM charges") == [(2,)], (
        "one charge, asked for twice"
    )


async def test_a_commit_wakes_the_worker(engine: AsyncEngine, settings: ServiceSettings) -> None:
    signal_, done = WakeSignal(), asyncio.Event()

    async def work() -> int:
        jobs = await claim(engine)
        if jobs:
            done.set()
        return len(jobs)

    running = [
        asyncio.create_task(listen(settings, JOBS.name, signal_.wake)),
        asyncio.create_task(
            work_off(work, signal=signal_, seconds=3600, is_temporary=is_temporary)
        ),
    ]
    for _ in range(3):
        done.clear()
        await enqueue(engine)
        async with asyncio.timeout(20):
            await done.wait()
        await execute(engine, "UPDATE jobs SET state = 'done'")
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_depth_and_age_are_measured(engine: AsyncEngine) -> None:
    async def measured() -> tuple[Any, Any]:
        await JOBS.measure_once(engine)
        labels = {"queue": JOBS.name}
        return (
            REGISTRY.get_sample_value("durable_work_open", labels),
            REGISTRY.get_sample_value("durable_work_overdue_seconds", labels),
        )

    assert await measured() == (0, 0)
    for _ in range(2):
        await enqueue(engine)
    await execute(engine, "UPDATE jobs SET due_at = now() - interval '10 minutes'")
    depth, age = await measured()
    assert (depth, age) == (2, pytest.approx(600, abs=30))
    await execute(engine, "UPDATE jobs SET due_at = now() + interval '1 minute'")
    assert await measured() == (2, 0)
    await execute(engine, "UPDATE jobs SET state = 'done'")
    assert await measured() == (0, 0)


if __name__ == "__main__":
    asyncio.run(work_until_killed(sys.argv[1]))
