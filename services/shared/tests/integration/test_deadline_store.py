"""A request that is cancelled at its deadline leaves nothing written and no connection lost."""

from collections.abc import AsyncIterator

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.http.app import create_app
from shop_shared.settings import ServiceSettings
from shop_shared.stores.postgres import create_engine, transaction
from shop_shared.testing import Signer


@pytest.fixture
async def engine(postgres_database: Database) -> AsyncIterator[AsyncEngine]:
    url = SecretStr(postgres_database.url)
    engine = create_engine(ServiceSettings(database_url=url, database_pool_size=1))
    async with transaction(engine) as connection:
        await connection.execute(sa.text("CREATE TABLE written (n int)"))
    yield engine
    await engine.dispose()


async def test_work_that_nobody_waits_for_is_undone(engine: AsyncEngine) -> None:
    app = create_app(ServiceSettings(), title="Slow", verifier=Signer().verifier())

    @app.get("/slow")
    async def slow() -> None:
        async with transaction(engine) as connection:
            await connection.execute(sa.text("INSERT INTO written VALUES (1)"))
            await connection.execute(sa.text("SELECT pg_sleep(20)"))

    @app.get("/count")
    async def count() -> int:
        async with transaction(engine) as connection:
            return int(await connection.scalar(sa.text("SELECT count(*) FROM written")) or 0)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        for _ in range(3):  # the pool's only connection is to be had again each time
            answer = await client.get("/slow", headers={"X-Request-Timeout-Ms": "300"})
            assert (answer.status_code, answer.json()["code"]) == (504, "gateway_timeout")
            assert (await client.get("/count")).json() == 0
