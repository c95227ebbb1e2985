"""Logins that a spec has no more: they stay for the pods that have them, and go with the last."""

import asyncio
from typing import Any

import asyncpg
import pytest
from shop_servers.servers import Postgres

from shop_operator.api.kinds import DEPLOYMENT, POD

from .outside import Sql, remembers
from .rotations import Stores, urls_of
from .shop import Shop, eventually
from .test_vault import connect, login, spec
from .vault import Vault, vault
from .workloads import make_pod, observe, ready_at

__all__ = ["vault"]
NAME = "orders"
# What the Deployment says before its controller has seen the new template, and while a pod starts.
UNFINISHED = ({"observedGeneration": 1}, {"updatedReplicas": 1, "replicas": 2})


async def with_a_pod(shop: Shop, **spec: Any) -> None:
    """Start the operator, declare the service, and let its Deployment have a pod."""
    await shop.start()
    await shop.provision(NAME, **spec)
    await shop.settled(NAME)
    await observe(shop, NAME)
    await make_pod(shop, NAME, "orders-old", ready_at("10.0.0.1"))


async def told_anew(shop: Shop, before: int) -> None:
    """Wait until the Deployment was written again."""

    async def told() -> bool:
        live = await shop.client.get(DEPLOYMENT, shop.namespace, NAME)
        return bool(live["metadata"]["generation"] > before)

    await eventually(told)


async def without_the_pod(shop: Shop) -> None:
    """Complete the rollout."""
    await observe(shop, NAME)
    pod = await shop.client.get(POD, shop.namespace, "orders-old")
    await shop.client.delete(POD, shop.namespace, "orders-old", uid=pod["metadata"]["uid"])


async def generation(shop: Shop) -> int:
    live = await shop.client.get(DEPLOYMENT, shop.namespace, NAME)
    return int(live["metadata"]["generation"])


async def test_a_service_that_leaves_vault_keeps_its_leases_until_its_pods_are_gone(
    vault: Vault, postgres: Postgres, name: str
) -> None:
    shop = vault.shop
    await with_a_pod(shop, **spec(name))
    before, lease = await generation(shop), await login(vault, NAME)
    session = await connect(postgres, name, lease)

    await shop.declare(NAME, **spec(name, secrets={"provider": "kubernetes"}))
    await told_anew(shop, before)
    for status in UNFINISHED:
        await observe(shop, NAME, **status)
        await asyncio.sleep(1.5)  # a reconcile or more
        assert await session.fetchval("SELECT 1") == 1
        assert (await login(vault, NAME))["data"]["username"]
    await without_the_pod(shop)
    await remembers(shop, NAME, {("Role", name), ("Database", name)})
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await session.fetchval("SELECT 1")
    assert await Sql(postgres).all_named(name) == {("role", name), ("database", name)}


async def test_an_operator_that_was_away_keeps_them_too(
    vault: Vault, postgres: Postgres, name: str
) -> None:
    shop = vault.shop
    await with_a_pod(shop, **spec(name))
    lease = await login(vault, NAME)
    await shop.stop()
    await shop.declare(NAME, **spec(name, secrets={"provider": "kubernetes"}))
    await shop.start()
    await told_anew(shop, await generation(shop) - 1)
    await shop.reason(NAME, "WorkloadReady", "Progressing")
    await shop.stop()
    await shop.start()
    await asyncio.sleep(1.5)  # a reconcile or more
    session = await connect(postgres, name, lease)
    await session.close()
    await without_the_pod(shop)
    await remembers(shop, NAME, {("Role", name), ("Database", name)})


@pytest.mark.parametrize("left", [("cache", "redis"), ("queue", "rabbitmq")])
async def test_a_store_that_is_declared_no_more_stays_open_to_the_pods_of_before(
    sql: Shop, stores: Stores, left: tuple[str, str]
) -> None:
    field, kind = left
    both: dict[str, Any] = {"cache": {"kind": "redis"}, "queue": {"kind": "rabbitmq"}}
    await with_a_pod(sql, **both)
    before = await generation(sql)
    urls = {f"{kind}_url": (await urls_of(sql))[f"{kind}_url"]}
    del both[field]
    await sql.declare(NAME, **both)
    await told_anew(sql, before)
    for status in UNFINISHED:
        await observe(sql, NAME, **status)
        await asyncio.sleep(1.5)  # a reconcile or more
        await stores.open(urls)
    await without_the_pod(sql)

    async def refused() -> bool:
        return await stores.refuse(urls)

    await eventually(refused)
