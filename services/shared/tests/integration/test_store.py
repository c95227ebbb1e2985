"""Outbox, inbox, idempotency keys and migrations on a real PostgreSQL."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from pydantic import BaseModel, SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.types import Receive, Scope, Send

from shop_shared.http.idempotency import (
    IdempotencyKeyReused,
    RequestInProgress,
    idempotency_table,
    idempotent,
)
from shop_shared.messaging import inbox, outbox
from shop_shared.messaging.events import EventPayload, event
from shop_shared.observability.trace_context import trace
from shop_shared.settings import ServiceSettings
from shop_shared.stores.postgres import check, create_engine, is_temporary, transaction
from shop_shared.testing.serving import served


class Placed(EventPayload):
    type: ClassVar[str] = "minishop.order.placed.v1"
    aggregate: ClassVar[str] = "order"
    note: str | None
    lines: list[int]


class Order(BaseModel):
    quantity: int


@pytest.fixture
async def engine(postgres_database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(ServiceSettings(database_url=SecretStr(postgres_database.url)))
    metadata = sa.MetaData()
    for table in (outbox.outbox_table, inbox.inbox_table, idempotency_table):
        table(metadata)
    async with transaction(engine) as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


async def test_events_are_written_as_debezium_is_told_to_read_them(engine: AsyncEngine) -> None:
    with trace("00-" + "a" * 32 + "-" + "b" * 16 + "-01") as traceparent:
        events = [event(Placed(note=None, lines=[n]), key=f"order-{n}") for n in range(3)]
    async with transaction(engine) as connection:
        await outbox.publish(connection, *events)
    async with engine.connect() as connection:
        rows = (await connection.execute(sa.text("SELECT * FROM outbox ORDER BY id"))).all()
    assert [row.aggregateid for row in rows] == ["order-0", "order-1", "order-2"]
    assert (rows[0].type, rows[0].aggregatetype) == ("minishop.order.placed.v1", "order")
    assert rows[0].payload == {"note": None, "lines": [0]}
    assert (rows[0].id, rows[0].time) == (events[0].id, events[0].time)
    assert rows[0].traceparent == traceparent
    assert (rows[0].specversion, rows[0].datacontenttype) == ("1.0", "application/json")


async def test_no_event_without_its_transaction(engine: AsyncEngine) -> None:
    async def fail() -> None:
        async with transaction(engine) as connection:
            await outbox.publish(connection, event(Placed(note="", lines=[]), key="1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with engine.connect() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM outbox")) == 0


async def test_an_event_is_new_once_a_group(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        assert await inbox.insert_new(connection, "a", ["1", "2", "2"]) == {"1", "2"}
        assert await inbox.insert_new(connection, "a", ["2", "3"]) == {"3"}
        assert await inbox.insert_new(connection, "b", ["1"]) == {"1"}


async def test_two_consumers_of_one_event_wait_and_one_has_it(engine: AsyncEngine) -> None:
    async def take(ids: list[str]) -> set[str]:
        async with transaction(engine) as connection:
            seen = await inbox.insert_new(connection, "g", ids)
            await asyncio.sleep(0.05)
            return seen

    ids = [str(n) for n in range(50)]
    first, second = await asyncio.gather(take(ids), take(ids[::-1]))
    assert first | second == set(ids)
    assert not first & second


async def test_an_idempotent_post_is_done_once(engine: AsyncEngine) -> None:
    done: list[int] = []

    async def work(connection: AsyncConnection) -> Order:
        done.append(1)
        return Order(quantity=len(done))

    async def post(key: str, quantity: int = 1, scope: str = "u") -> tuple[int, bytes, bool]:
        answer = await idempotent(
            engine, key=key, scope=scope, request=Order(quantity=quantity), work=work
        )
        replayed = answer.headers.get("idempotent-replayed") == "true"
        return answer.status_code, bytes(answer.body), replayed

    assert await post("k") == (201, b'{"quantity":1}', False)
    assert await post("k") == (201, b'{"quantity":1}', True)
    assert await post("k", scope="other") == (201, b'{"quantity":2}', False)
    with pytest.raises(IdempotencyKeyReused):
        await post("k", quantity=2)
    async with transaction(engine) as connection:
        await connection.execute(sa.text("UPDATE idempotency_keys SET created_at = '2000-01-01'"))
    assert await post("k", quantity=2) == (201, b'{"quantity":3}', False)


async def test_a_post_that_still_runs_is_a_conflict_and_a_failed_one_is_free(
    engine: AsyncEngine,
) -> None:
    begun = asyncio.Event()
    fail = asyncio.Event()

    async def work(connection: AsyncConnection) -> Order:
        begun.set()
        await fail.wait()
        raise ZeroDivisionError

    async def succeed(connection: AsyncConnection) -> Order:
        return Order(quantity=7)

    request = Order(quantity=1)
    first = asyncio.create_task(idempotent(engine, key="k", scope="s", request=request, work=work))
    await begun.wait()
    with pytest.raises(RequestInProgress):
        await idempotent(engine, key="k", scope="s", request=request, work=succeed)
    fail.set()
    with pytest.raises(ZeroDivisionError):
        await first
    answer = await idempotent(engine, key="k", scope="s", request=request, work=succeed)
    assert answer.status_code == 201


async def test_rotated_credentials_replace_connections(
    postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    file = tmp_path / "database_url"
    file.write_text(postgres_database.url)
    engine = create_engine(ServiceSettings(database_url=SecretStr(postgres_database.url)))
    name = sa.text("SELECT current_setting('application_name') || pg_backend_pid()")
    async with engine.connect() as connection:
        before = await connection.scalar(name)
    async with engine.connect() as connection:
        assert await connection.scalar(name) == before
    file.write_text(f"{postgres_database.url}?rotated=1".replace("?rotated=1", "?sslmode=prefer"))
    async with engine.connect() as one, engine.connect() as two:
        pids = {await one.scalar(name), await two.scalar(name)}
    # The second had to be made new, by the new credentials; from then on the old one is replaced.
    async with engine.connect() as connection:
        after = await connection.scalar(name)
    assert after != before or before not in pids
    await engine.dispose()


async def test_a_login_that_was_ended_is_replaced_by_asking_vaults_agent_once(
    postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    file = tmp_path / "database_url"
    at = postgres_database.url.partition("@")[2]
    file.write_text(f"postgresql://ended-{uuid4().hex}:x@{at}")
    asked: list[str] = []

    async def agent(scope: Scope, _receive: Receive, send: Send) -> None:
        asked.append(f"{scope['method']} {scope['path']}")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        await asyncio.sleep(0.5)  # it begins anew
        file.write_text(postgres_database.url)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with served(agent, listener) as url:
            settings = ServiceSettings(
                database_url=SecretStr(postgres_database.url), vault_agent_url=url
            )
            engine = create_engine(settings)

            async def user() -> str:
                async with engine.connect() as connection:
                    return str(await connection.scalar(sa.text("SELECT current_user")))

            try:
                assert len(set(await asyncio.gather(*(user() for _ in range(4))))) == 1
            finally:
                await engine.dispose()
    assert asked == ["POST /agent/v1/quit"]


async def test_the_readiness_check_measures_until_when_the_login_is_taken(
    engine: AsyncEngine, postgres_database: Database
) -> None:
    def measured() -> float | None:
        return REGISTRY.get_sample_value("database_login_expires_timestamp_seconds")

    await check(engine)()
    assert measured() == math.inf
    # As Vault makes a login, and renews its lease.
    admin = await asyncpg.connect(postgres_database.admin_url)
    try:
        for until in ("2033-05-18 03:33:20+00", "2033-05-18 03:33:21+00"):
            await admin.execute(f"ALTER ROLE {postgres_database.name} VALID UNTIL '{until}'")
            await check(engine)()
            assert measured() == 2_000_000_000 + int(until[18])
    finally:
        await admin.close()


async def test_what_is_temporary(engine: AsyncEngine, postgres_database: Database) -> None:
    async def execute(engine: AsyncEngine, statement: str) -> None:
        async with transaction(engine) as connection:
            await connection.execute(sa.text(statement))

    async def fail(statement: str) -> BaseException:
        with pytest.raises(sa.exc.DBAPIError) as caught:
            await execute(engine, statement)
        return caught.value

    assert not is_temporary(await fail("SELECT 1/0"))
    assert not is_temporary(await fail("SELECT * FROM nowhere"))
    assert is_temporary(await fail("SELECT pg_terminate_backend(pg_backend_pid())"))
    url = "postgresql://x@127.0.0.1:1/x"
    nowhere = create_engine(ServiceSettings(database_url=SecretStr(url)))
    with pytest.raises(ConnectionRefusedError) as refused:
        await execute(nowhere, "SELECT 1")
    assert is_temporary(refused.value)
