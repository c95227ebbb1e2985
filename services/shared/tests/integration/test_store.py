"""Outbox, inbox and migrations on a real PostgreSQL."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from pydantic import SecretStr
from shop_servers.instance import free_port
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import CapturingLogger

from shop_shared.messaging import inbox, outbox
from shop_shared.messaging.events import EventPayload, event
from shop_shared.observability.trace_context import trace
from shop_shared.settings import ServiceSettings
from shop_shared.stores import postgres
from shop_shared.stores.postgres import check, create_engine, is_temporary, transaction


class Placed(EventPayload):
    type: ClassVar[str] = "minishop.order.placed.v1"
    aggregate: ClassVar[str] = "order"
    note: str | None
    lines: list[int]


@pytest.fixture
async def engine(postgres_database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(ServiceSettings(database_url=SecretStr(postgres_database.url)))
    metadata = sa.MetaData()
    for table in (outbox.outbox_table, inbox.inbox_table):
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


@dataclass
class Agent:
    """Vault's agent, asked to quit: it answers or ends before; another login comes later."""

    file: Path
    login: str
    answer: bytes
    asked: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(request.partition(b" HTTP")[0])
        writer.write(self.answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.5)  # it begins anew
        await asyncio.to_thread(self.file.write_text, self.login)


@pytest.fixture
def ended(
    postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    """Return the file of a login that was ended, and one that is taken."""
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    file = tmp_path / "database_url"
    at = postgres_database.url.partition("@")[2]
    file.write_text(f"postgresql://ended-{uuid4().hex}:x@{at}")
    return file, postgres_database.url


@asynccontextmanager
async def users(login: str, agent: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Yield what connects by an engine and says as whom."""
    settings = ServiceSettings(database_url=SecretStr(login), vault_agent_url=agent)
    engine = create_engine(settings)

    async def user() -> str:
        async with engine.connect() as connection:
            return str(await connection.scalar(sa.text("SELECT current_user")))

    try:
        yield user
    finally:
        await engine.dispose()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""])
async def test_a_login_that_was_ended_is_replaced_by_asking_vaults_agent_once(
    ended: tuple[Path, str], answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, log = Agent(*ended, answer), CapturingLogger()
    monkeypatch.setattr(postgres, "_log", log)
    async with await asyncio.start_server(agent.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with users(agent.login, f"http://127.0.0.1:{port}") as user:
            assert len(set(await asyncio.gather(*(user() for _ in range(4))))) == 1
    assert agent.asked == [b"POST /agent/v1/quit"]
    assert {call.method_name for call in log.calls} == {"info"}


async def test_an_agent_that_was_not_reached_is_asked_again(
    ended: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LOGIN_PATIENCE", 1.0)
    agent, port = Agent(*ended, b""), free_port()
    async with users(agent.login, f"http://127.0.0.1:{port}") as user:
        with pytest.raises(sa.exc.DBAPIError, match="authentication failed"):
            await user()
        async with await asyncio.start_server(agent.serve, "127.0.0.1", port):
            await user()
    assert agent.asked == [b"POST /agent/v1/quit"]


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
