"""A backup of a shop that sells, then everything lost: what was promised before it comes to an end.

The services are real, and so are the stores, Kafka and Debezium. The provider of payments goes on
through all of it, and forgets nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from pymongo import AsyncMongoClient
from shop_event_path import topics
from shop_event_path.connectors import connectors
from shop_event_path.orders import a_mug, an_order
from shop_event_path.shop import TOPICS, Shop, shop
from shop_servers import databases
from shop_servers.instance import Facts
from shop_servers.server_set import ServerSet
from shop_servers.servers import Database

import oracle
from shop_cluster.backups import catalogue
from shop_cluster.backups.postgres_server import PostgresServer
from shop_cluster.backups.stores import back_up, load
from shop_payment.provider_calls.worker import LEASE
from shop_shared.testing.signer import Signer
from store_access import Stores

VISA, DECLINED = "pm_card_visa", "pm_card_chargeDeclined"
BEFORE, AFTER = 60, 20
PATIENCE_SECONDS = LEASE.total_seconds() + 120
"""Charges in hand at the cut are some worker's until their lease ends; no such worker lives."""
SPEAKS = ("order", "payment", "shipping", "product")
Client = AsyncMongoClient[dict[str, Any]]
AllFacts = Mapping[str, Facts]


def said(_: str) -> None:
    """Take a report."""


class Buyer:
    """Who orders, and remembers what was promised."""

    def __init__(self, running: Shop, signer: Signer, client: httpx.AsyncClient) -> None:
        self._urls = running.urls
        self._headers = signer.headers(uuid4(), ("customer", "staff", "admin"))
        self._client = client

    async def stocked(self, units: int) -> str:
        return str((await self._post("product", "/v1/products", a_mug(units=units)))["id"])

    async def order(self, product: str, token: str = VISA) -> str:
        return str((await self._post("order", "/v1/orders", an_order(product, token=token)))["id"])

    async def charges(self) -> list[dict[str, Any]]:
        url = f"{self._urls['payment-simulator']}/simulator/stripe/charges"
        found: list[dict[str, Any]] = (
            (await self._client.get(url)).raise_for_status().json()["items"]
        )
        return found

    async def _post(self, service: str, path: str, body: object) -> Any:
        headers = {**self._headers, "Idempotency-Key": str(uuid4())}
        url = f"{self._urls[service]}{path}"
        answer = await self._client.post(url, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()


async def lose_everything(running: Shop, facts: AllFacts) -> None:
    """End the services; drop databases, logins, topics, groups' offsets and Debezium's."""
    await running.processes.end()
    async with connectors(facts["connect"]["url"]) as api:
        for name in SPEAKS:
            await api.delete(running.outboxes[name])
    for service, name in running.databases.items():
        if service == "product":
            url = facts["mongodb"]["url"]
            gone = Database(name=name, url="", admin_url=url)
            await asyncio.to_thread(databases.drop_mongodb, gone, url)
        else:
            url = facts["postgres"]["url"]
            gone = Database(name=name, url="", admin_url=url)
            await asyncio.to_thread(databases.drop_postgres, gone, url)
    names = [f"{topic}.events" for topic in TOPICS]
    bootstrap = facts["connect"]["bootstrap_servers"]
    await topics.drop(bootstrap, *names)
    async with asyncio.timeout(60):
        for name in names:
            await created_anew(bootstrap, name)


async def created_anew(bootstrap: str, topic: str) -> None:
    """Make a topic whose deletion may not be over yet."""
    while True:
        try:
            await topics.create(bootstrap, topic)
        except RuntimeError:
            await asyncio.sleep(0.2)
        else:
            return


async def go_on(running: Shop, facts: AllFacts) -> None:
    """Do what the operator and Kubernetes do after a restore."""
    for outbox in running.outboxes.values():
        await outbox.ensure()
    async with connectors(facts["connect"]["url"]) as api:
        for name in SPEAKS:
            await api.start(running.outboxes[name])
    await running.processes.start()


async def statuses(facts: AllFacts, running: Shop) -> dict[str, str]:
    address = facts["postgres"]["url"].rpartition("/")[0]
    connection = await asyncpg.connect(f"{address}/{running.databases['order']}")
    try:
        found = await connection.fetch("SELECT id::text, status FROM orders")
        return {row["id"]: row["status"] for row in found}
    finally:
        await connection.close()


async def test_what_was_promised_before_the_backup_comes_to_an_end(
    breakable: ServerSet, tmp_path: Path
) -> None:
    facts = await asyncio.to_thread(
        breakable.need, "postgres", "mongodb", "redis", "rabbitmq", "connect"
    )
    signer = Signer()
    server = PostgresServer.reached_from_here(facts["postgres"]["url"])
    async with (
        shop(facts, signer=signer, environment={}) as running,
        httpx.AsyncClient(timeout=60) as client,
        Client(facts["mongodb"]["url"]) as mongodb,
    ):
        buyer = Buyer(running, signer, client)
        product = await buyer.stocked(5000)
        names = {*running.databases.values()}
        promised = [await buyer.order(product) for _ in range(BEFORE)]
        folder = await back_up(server, mongodb, tmp_path, only=names, report=said)
        lost = [await buyer.order(product) for _ in range(AFTER)]
        # Meanwhile the provider takes money that the backup knows nothing of.
        await asyncio.sleep(3)
        await lose_everything(running, facts)

        held = catalogue.read(folder)
        await load(server, mongodb, held, folder, report=said)
        restored = await statuses(facts, running)
        assert restored.keys() == {*promised}
        under_way = Counter(s for s in restored.values() if s not in oracle.TERMINAL)
        assert under_way.total() > BEFORE / 4, "the drill would prove little"
        charged = {each["metadata"]["order_id"] for each in await buyer.charges()}
        unpaid = {id_ for id_, status in restored.items() if status in {"pending", "reserved"}}
        assert charged & unpaid, "no provider knows more than the backup"
        assert charged & {*lost}

        await go_on(running, facts)
        after = [await buyer.order(product) for _ in range(3)]
        stores = Stores(
            facts["postgres"]["url"].rpartition("/")[0],
            facts["mongodb"]["url"],
            databases={**running.databases, "user": running.databases["notification"]},
        )
        snapshot, found = await oracle.settled(stores, PATIENCE_SECONDS)
        await stores.close()
        assert found == []
        ended = {order.id: order.status for order in snapshot.orders}
        assert ended == dict.fromkeys((*promised, *after), "delivered")
        kept = Counter(
            each["metadata"]["order_id"]
            for each in await buyer.charges()
            if each["status"] == "succeeded"
        )
        assert {kept[id_] for id_ in ended} == {1}
