"""Databases with an outbox, made as the operator makes them: owner, capture role, publication."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import orjson
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_operator.children.access_secret import Login
from shop_operator.children.kafka_connector import (
    Source,
    capture_role,
    mongodb_config,
    postgres_config,
)
from shop_operator.stores.account import DatabaseAccount
from shop_operator.stores.mongodb import MongoDB as MongoStore
from shop_operator.stores.postgres import Postgres as PostgresStore
from shop_shared.ids import uuid7
from shop_shared.messaging import mongo_events, outbox
from shop_shared.messaging.event_tables import create_event_tables
from shop_shared.messaging.events import Event
from shop_shared.settings import ServiceSettings
from shop_shared.stores import mongo
from shop_shared.stores.postgres import create_engine, transaction

TYPE = "minishop.test.counted.v1"


def counted(aggregate: str, n: int, *, key: str = "one", traceparent: str | None = None) -> Event:
    """An event that carries a number; numbers of a key rise in the order of their publication."""
    return Event(
        id=uuid7(),
        type=TYPE,
        aggregate=aggregate,
        key=key,
        payload=orjson.dumps({"n": n}),
        source="/minishop/test",
        traceparent=traceparent,
    )


class Outbox(Protocol):
    """A service's database, as far as its events go."""

    @property
    def name(self) -> str:
        """Of the database, the aggregate of its events, and the connector's prefix."""

    @property
    def topic(self) -> str:
        """Where its events arrive."""

    @property
    def settings(self) -> ServiceSettings:
        """As the service would have them, Kafka aside."""

    @property
    def connector(self) -> dict[str, str]:
        """The connector's settings and class."""

    async def publish(self, events: Sequence[Event]) -> None:
        """Commit the events in one transaction."""

    async def drop(self) -> None:
        """Close and remove it all."""


@dataclass(frozen=True, kw_only=True)
class PostgresOutbox:
    """In PostgreSQL."""

    name: str
    settings: ServiceSettings
    source: Source
    engine: AsyncEngine = field(repr=False)
    store: PostgresStore

    @property
    def topic(self) -> str:
        """Where its events arrive."""
        return f"{self.name}.events"

    @property
    def connector(self) -> dict[str, str]:
        """What the operator renders."""
        kind = "io.debezium.connector.postgresql.PostgresConnector"
        return postgres_config(self.source) | {"connector.class": kind, "tasks.max": "1"}

    async def publish(self, events: Sequence[Event]) -> None:
        """Commit the events in one transaction."""
        async with transaction(self.engine) as connection:
            await outbox.publish(connection, *events)

    async def drop(self) -> None:
        """Close and remove it all."""
        await self.engine.dispose()
        await self.store.stop_capture(self.name)
        await self.store.drop(self.name, BELONGS_TO)


@dataclass(frozen=True, kw_only=True)
class MongoOutbox:
    """In MongoDB."""

    name: str
    settings: ServiceSettings
    source: Source
    client: mongo.Client = field(repr=False)
    store: MongoStore

    @property
    def topic(self) -> str:
        """Where its events arrive."""
        return f"{self.name}.events"

    @property
    def connector(self) -> dict[str, str]:
        """What the operator renders."""
        kind = "io.debezium.connector.mongodb.MongoDbConnector"
        return mongodb_config(self.source) | {"connector.class": kind, "tasks.max": "1"}

    async def publish(self, events: Sequence[Event]) -> None:
        """Commit the events in one transaction."""
        async with mongo.transaction(self.client) as session:
            await mongo_events.publish(session, self.client[self.name], *events)

    async def drop(self) -> None:
        """Close and remove it all."""
        await self.client.close()
        await self.store.stop_capture(self.name)
        await self.store.drop(self.name, BELONGS_TO)


BELONGS_TO = "shop/test"
Migrate = Callable[[ServiceSettings], Awaitable[None]]


async def _event_tables(settings: ServiceSettings) -> None:
    engine = create_engine(settings)
    async with transaction(engine) as connection:
        await connection.run_sync(create_event_tables)
    await engine.dispose()


async def _event_collections(settings: ServiceSettings) -> None:
    async with mongo.create_client(settings) as client:
        await mongo_events.migrate(client.get_default_database())


async def create_postgres(
    admin_url: str, bootstrap_servers: str, *, migrate: Migrate = _event_tables
) -> PostgresOutbox:
    """Make a database in the PostgreSQL of this administrator; migrate makes its tables."""
    server = urlsplit(admin_url)
    host, port = server.hostname or "", server.port or 0
    name, password = _name(), secrets.token_hex(8)
    store = PostgresStore(host, port, Login(server.username or "", server.password or ""))
    settings = ServiceSettings(
        service_name=name,
        kafka_bootstrap_servers=bootstrap_servers,
        database_url=SecretStr(f"postgresql://{name}:{password}@{host}:{port}/{name}"),
    )
    account = DatabaseAccount(name, BELONGS_TO, password, password, "public.outbox")
    await store.ensure(account)
    await migrate(settings)
    await store.ensure(account)
    source = Source(name, name, "public.outbox", host, port, capture_role(name), password)
    engine = create_engine(settings)
    return PostgresOutbox(name=name, settings=settings, source=source, engine=engine, store=store)


async def create_mongodb(
    admin_url: str, bootstrap_servers: str, *, migrate: Migrate = _event_collections
) -> MongoOutbox:
    """Make a database in the MongoDB of this administrator; migrate makes its collections."""
    server = urlsplit(admin_url)
    host, port = server.hostname or "", server.port or 0
    name, password = _name(), secrets.token_hex(8)
    store = MongoStore(host, port, "rs0", Login(server.username or "", server.password or ""))
    query = f"replicaSet=rs0&authSource={name}"
    settings = ServiceSettings(
        service_name=name,
        kafka_bootstrap_servers=bootstrap_servers,
        database_url=SecretStr(f"mongodb://{name}:{password}@{host}:{port}/{name}?{query}"),
    )
    account = DatabaseAccount(name, BELONGS_TO, password, password, "outbox")
    await store.ensure(account)
    await migrate(settings)
    client = mongo.create_client(settings)
    source = Source(name, name, "outbox", host, port, capture_role(name), password, "rs0")
    return MongoOutbox(name=name, settings=settings, source=source, client=client, store=store)


def _name() -> str:
    return f"events_{secrets.token_hex(5)}"
