"""A deleted Secret is made again as it was; pods that can't know a new password are replaced."""

import asyncio
from typing import Any

import asyncpg
from shop_servers.servers import Postgres

from shop_operator.api.kinds import DEPLOYMENT, SECRET
from shop_operator.children.access_secret import RENEWED_ANNOTATION
from shop_operator.metadata import Manifest

from .outside import Sql, deleted, password
from .shop import Shop, eventually
from .workloads import observe


def spec(name: str) -> dict[str, Any]:
    database = {"kind": "postgres", "name": name, "onDelete": "Drop"}
    return {"database": database, "events": {"outbox": {}}}


async def delete_secret(shop: Shop, name: str) -> Manifest:
    """Delete a Secret; return it as it was."""
    found = await shop.client.get(SECRET, shop.namespace, name)
    uid = found["metadata"]["uid"]
    await shop.client.delete(SECRET, shop.namespace, name, uid=uid)
    return found


async def made_again(shop: Shop, before: Manifest) -> Manifest:
    """Wait until a deleted Secret is there again; return it."""
    found: list[Manifest] = []

    async def reached() -> bool:
        live = await shop.get(SECRET, before["metadata"]["name"])
        found[:] = [live] if live else []
        return live is not None and live["metadata"]["uid"] != before["metadata"]["uid"]

    await eventually(reached)
    return found[0]


async def test_running_pods_go_on_when_a_secret_is_deleted(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await sql.start()
    await sql.declare("users", **spec(name))
    await sql.reason("users", "DatabaseReady", "Available")
    await eventually(lambda: _is_there(sql, "users-outbox"))
    pod = await Sql(postgres).login(sql, "users", name)
    refused: list[Exception] = []
    stop = asyncio.Event()

    async def log_in_again_and_again(secret: str) -> None:
        while not stop.is_set():
            try:
                await (await Sql(postgres).connect(name, secret)).close()
            except (OSError, asyncpg.PostgresError) as error:
                refused.append(error)
            await asyncio.sleep(0.05)

    running = asyncio.create_task(log_in_again_and_again(await password(sql, "users")))
    try:
        for each in ("users-access", "users-outbox"):
            before = await delete_secret(sql, each)
            assert (await made_again(sql, before))["data"] == before["data"]
        await asyncio.sleep(1)
    finally:
        stop.set()
        await running
    assert refused == []
    await pod.close()
    live = await sql.client.get(DEPLOYMENT, sql.namespace, "users")
    assert RENEWED_ANNOTATION not in live["spec"]["template"]["metadata"].get("annotations", {})
    await deleted(sql, "users")


async def test_a_secret_that_nobody_remembers_gets_a_new_password_and_new_pods(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await sql.start()
    await sql.declare("users", database=spec(name)["database"])
    await sql.reason("users", "DatabaseReady", "Available")
    await sql.settled("users")
    await observe(sql, "users")
    await sql.reason("users", "Ready", "AllReady")
    before = await password(sql, "users")
    await sql.stop()
    secret = await delete_secret(sql, "users-access")
    await sql.start()
    await made_again(sql, secret)
    assert await password(sql, "users") != before
    await (await Sql(postgres).login(sql, "users", name)).close()
    # The pods that run know the lost password only: the service is not ready until new ones are.
    await eventually(lambda: _is_renewed(sql, "users"))
    assert (await sql.condition("users", "Ready"))["status"] == "False"
    await observe(sql, "users")
    await sql.reason("users", "Ready", "AllReady")
    live = await sql.client.get(DEPLOYMENT, sql.namespace, "users")
    await sql.stop()
    await sql.start()
    await sql.declare("users", database=spec(name)["database"], slo={"availability": "99.9"})
    await sql.settled("users")
    again = await sql.client.get(DEPLOYMENT, sql.namespace, "users")
    assert again["metadata"]["generation"] == live["metadata"]["generation"]
    await deleted(sql, "users")


async def _is_there(shop: Shop, secret: str) -> bool:
    return await shop.get(SECRET, secret) is not None


async def _is_renewed(shop: Shop, name: str) -> bool:
    live = await shop.client.get(DEPLOYMENT, shop.namespace, name)
    return RENEWED_ANNOTATION in live["spec"]["template"]["metadata"].get("annotations", {})
