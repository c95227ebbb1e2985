"""A POST with an idempotency key is done once, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.http.idempotency import (
    IdempotencyKeyReused,
    RequestInProgress,
    create_idempotency_table,
    idempotent,
)
from shop_shared.settings import ServiceSettings
from shop_shared.stores.postgres import create_engine, transaction


class Order(BaseModel):
    quantity: int


@pytest.fixture
async def engine(postgres_database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(ServiceSettings(database_url=SecretStr(postgres_database.url)))
    async with transaction(engine) as connection:
        await connection.run_sync(create_idempotency_table)
    yield engine
    await engine.dispose()


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


async def test_a_post_is_the_same_one_after_a_rollout_that_adds_a_field(
    engine: AsyncEngine,
) -> None:
    class NewLine(BaseModel):
        quantity: int
        gift: bool = False

    class NewOrder(BaseModel):
        lines: list[NewLine]
        note: str | None = None

    class OldOrder(BaseModel):
        lines: list[Order]

    async def work(connection: AsyncConnection) -> Order:
        return Order(quantity=1)

    async def post(request: BaseModel) -> bool:
        answer = await idempotent(engine, key="k", scope="s", request=request, work=work)
        return answer.headers.get("idempotent-replayed") == "true"

    sent: dict[str, object] = {"lines": [{"quantity": 1}]}
    assert not await post(OldOrder.model_validate(sent))
    assert await post(NewOrder.model_validate(sent))
    for other in ({"lines": [{"quantity": 2}]}, {**sent, "note": "by the door"}):
        with pytest.raises(IdempotencyKeyReused):
            await post(NewOrder.model_validate(other))


async def test_a_key_of_the_version_before_that_hashed_defaults_too_is_answered_again(
    engine: AsyncEngine,
) -> None:
    class Noted(BaseModel):
        quantity: int
        note: str | None = None

    async def work(connection: AsyncConnection) -> Order:
        return Order(quantity=1)

    async def post() -> bool:
        request = Noted.model_validate({"quantity": 1})
        answer = await idempotent(engine, key="k", scope="s", request=request, work=work)
        return answer.headers.get("idempotent-replayed") == "true"

    assert not await post()
    async with transaction(engine) as connection:
        await connection.execute(
            sa.text("UPDATE idempotency_keys SET request_hash = sha256(:sent)"),
            {"sent": b'{"quantity":1,"note":null}'},
        )
    assert await post()


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
