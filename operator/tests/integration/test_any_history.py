"""Whatever happens in whatever order: what was there stays, and nothing of ours is left.

Random histories of specs, refusals, restarts of an operator that is killed in the middle of its
work, stores that are away, and deletions, against the real API server and stores.
"""

import asyncio
import contextlib
import os
import secrets
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_servers.servers import MongoDB, Postgres

from shop_cluster.control_plane import ControlPlane
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.api.kinds import KAFKA_CONNECTOR, KAFKA_TOPIC, LEASE, SECRET, SHOP_SERVICE
from shop_operator.settings import Settings

from .outside import OUTBOX, Sql, delete, gone, mongo
from .shop import Shop

SERVICES = ("one", "two")
MINE = ("alpha", "beta", "legacy")
"""Ends of the names that services ask for; `legacy` was there before."""


def _once(topics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({topic["topic"]: topic for topic in topics}.values())


def _events(name: str) -> st.SearchStrategy[dict[str, Any]]:
    topics = st.sampled_from([f"{name}.events", "common.events", "legacy.events"])
    publishes = st.lists(topics.map(lambda topic: {"topic": topic, "onDelete": "Drop"}), max_size=2)
    subscription = {"topic": "common.events", "group": name, "onDelete": "Drop"}
    return st.fixed_dictionaries(
        {
            "publishes": publishes.map(lambda found: {t["topic"]: t for t in found}.values()).map(
                list
            )
        },
        optional={"outbox": st.just({}), "subscribes": st.just([subscription])},
    )


@st.composite
def _specs(draw: st.DrawFn) -> dict[str, Any]:
    spec: dict[str, Any] = {"events": draw(_events(draw(st.sampled_from(SERVICES))))}
    if draw(st.booleans()):
        kind = draw(st.sampled_from(["postgres", "postgres", "mongodb"]))
        spec["database"] = {"kind": kind, "name": draw(st.sampled_from(MINE)), "onDelete": "Drop"}
    else:
        spec["events"].pop("outbox", None)
    policy = draw(st.sampled_from(["Enforce"] * 5 + ["Observe", "Paused"]))
    return spec | {"managementPolicy": policy}


STEPS = st.one_of(
    st.tuples(st.just("apply"), st.sampled_from(SERVICES), _specs()),
    st.tuples(st.just("apply"), st.sampled_from(SERVICES), _specs()),
    st.tuples(st.just("delete"), st.sampled_from(SERVICES)),
    st.tuples(st.just("kill"), st.floats(0, 0.4)),
    st.tuples(st.just("away"), st.booleans()),
    st.tuples(st.just("settle"), st.floats(0.2, 1.0)),
    st.tuples(st.just("debezium")),
)


@dataclass
class History:
    """One history, in namespaces and with names of its own."""

    shop: Shop
    sql: Sql
    documents: MongoDB
    closed_port: int
    prefix: str
    away: bool = False
    task: "asyncio.Task[None] | None" = None
    before: set[tuple[str, str]] = field(default_factory=set)

    def named(self, value: Any) -> Any:
        """Return a spec with the names of this history."""
        if isinstance(value, dict):
            return {key: self.named(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.named(each) for each in value]
        return f"{self.prefix}{value}" if value in MINE else value

    async def begin(self) -> None:
        """Make what is there before."""
        legacy = f"{self.prefix}legacy"
        await self.sql.run(
            f'CREATE ROLE "{legacy}_dba"', f'CREATE DATABASE "{legacy}" OWNER "{legacy}_dba"'
        )
        async with mongo(self.documents) as admin:
            await admin[legacy]["orders"].insert_one({"_id": 1})
        topic = {"apiVersion": KAFKA_TOPIC.api_version, "kind": KAFKA_TOPIC.kind}
        metadata = {"name": "legacy.events", "namespace": self.shop.platform.kafka_namespace}
        await self.shop.client.apply({**topic, "metadata": metadata, "spec": {}}, manager="dba")
        self.before = await self.sql.all_named(self.prefix)

    async def start(self) -> None:
        changes: dict[str, Any] = {}
        if self.away:
            at = f"127.0.0.1:{self.closed_port}"
            changes = {"postgres_address": at, "mongodb_address": at}
        await self.shop.start(**changes)
        self.task = self.shop.running[-1][1]

    async def kill(self) -> None:
        """End the operator at whatever it waits for, without a good-bye."""
        if self.task is None:
            return
        self.task.cancel()
        await asyncio.wait([self.task])
        self.shop.running.clear()
        namespace, name = self.shop.platform.operator_namespace, self.shop.platform.lease_name
        lease = await self.shop.get(LEASE, name, namespace)
        if lease is not None:  # or the next one waits for its end
            await self.shop.client.delete(LEASE, namespace, name, uid=lease["metadata"]["uid"])

    async def step(self, step: tuple[Any, ...]) -> None:
        match step:
            case "apply", service, spec:
                body = await self.shop.get(SHOP_SERVICE, service)
                if body is None or "deletionTimestamp" not in body["metadata"]:
                    with contextlib.suppress(ApiError):  # an immutable field
                        await self.shop.declare(service, **self.named(spec))
            case "delete", service:
                await self.delete(service)
            case "kill", seconds:
                await asyncio.sleep(seconds)
                await self.kill()
                await self.start()
            case "away", away:
                self.away = away
                await self.kill()
                await self.start()
            case "settle", seconds:
                await asyncio.sleep(seconds)
            case ("debezium",):
                await self.debezium()

    async def delete(self, service: str) -> None:
        """Delete a service, under Enforce: otherwise what is outside stays, by design."""
        if await self.shop.get(SHOP_SERVICE, service) is None:
            return
        patch = {"spec": {"managementPolicy": "Enforce"}}
        with contextlib.suppress(NotFoundError):
            await self.shop.client.merge(SHOP_SERVICE, self.shop.namespace, service, patch)
            await delete(self.shop, service)

    async def debezium(self) -> None:
        """Make outbox and slot, where the service and Debezium can log in to make theirs."""
        for service in SERVICES:
            body = await self.shop.get(SHOP_SERVICE, service) or {"spec": {}}
            database = (body["spec"].get("database") or {}).get("name", "")
            secret = await self.shop.get(SECRET, f"{service}-outbox")
            if secret is None or (body["spec"].get("database") or {}).get("kind") != "postgres":
                continue
            with contextlib.suppress(asyncpg.PostgresError, NotFoundError, ConnectionError):
                owner = await self.sql.login(self.shop, service, database)
                await owner.execute(OUTBOX.replace("TABLE", "TABLE IF NOT EXISTS"))
                await owner.close()
                capture = await self.sql.capture(self.shop, service, database)
                slot = f"{database}_outbox"
                await capture.execute(
                    f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')"
                )
                await capture.close()

    async def end(self) -> None:
        """Bring the stores back and delete all; check what is left."""
        self.away = False
        await self.kill()
        await self.start()
        for service in SERVICES:
            await self.delete(service)
        for service in SERVICES:
            await gone(self.shop, service, seconds=60)
        await self.kill()

    async def clean(self) -> None:
        """Remove what was there before."""
        await self.sql.drop(self.prefix)
        async with mongo(self.documents) as admin:
            await admin.drop_database(f"{self.prefix}legacy")

    async def check(self) -> None:
        """Check that what was there is as it was, and that nothing else is."""
        assert await self.sql.all_named(self.prefix) == self.before
        async with mongo(self.documents) as admin:
            names = await admin.list_database_names()
            assert {each for each in names if each.startswith(self.prefix)} == {
                f"{self.prefix}legacy"
            }
            assert await admin[f"{self.prefix}legacy"]["orders"].count_documents({}) == 1
            for end in MINE:
                users = (await admin[f"{self.prefix}{end}"].command("usersInfo"))["users"]
                assert users == []
        namespace = self.shop.platform.kafka_namespace
        left = [
            body["metadata"]["name"]
            for kind in (KAFKA_TOPIC, KAFKA_CONNECTOR)
            for body in (await self.shop.client.list(kind, namespace, recent=True))["items"]
        ]
        assert left == ["legacy.events"]


@dataclass
class World:
    """The stores, and settings that name them."""

    platform: Settings
    sql: Sql
    documents: MongoDB
    closed_port: int


@pytest.fixture
async def world(
    sql: Shop, documents: Shop, postgres: Postgres, mongodb: MongoDB, closed_port: int
) -> World:
    _ = documents  # the same shop, with both stores
    return World(sql.platform, Sql(postgres), mongodb, closed_port)


@settings(
    max_examples=int(os.environ.get("HISTORIES", "5")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=3, max_size=14))
def test_any_history(
    plane: ControlPlane,
    world: World,
    steps: list[tuple[Any, ...]],
) -> None:
    name = f"h{secrets.token_hex(4)}"
    for namespace in (name, f"{name}-kafka"):
        plane.kubectl("create", "namespace", namespace)
    changes = {"namespaces": (name,), "kafka_namespace": f"{name}-kafka", "lease_name": name}

    async def live() -> None:
        async with ApiClient(connection.login) as client:
            shop = Shop(client, world.platform.model_copy(update=changes))
            history = History(shop, world.sql, world.documents, world.closed_port, name)
            await history.begin()
            await history.start()
            for step in steps:
                await history.step(step)
            await history.end()
            await history.check()
            await history.clean()

    asyncio.run(live())
