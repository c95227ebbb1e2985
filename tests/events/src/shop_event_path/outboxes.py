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
from shop_operator.children.kafka_connector import Source, mongodb_config, postgres_config
from shop_operator.names import capture_role
from shop_operator.spec import parse
from shop_operator.stores.external import External
from shop_operator.stores.mongodb.database import Database as MongoDatabase
from shop_operator.stores.mongodb.database import User
from shop_operator.stores.mongodb.session import MongoDB as MongoStore
from shop_operator.stores.postgres.capture import Publication, ReplicationSlot
from shop_operator.stores.postgres.database import Database, Role
from shop_operator.stores.postgres.session import Postgres as PostgresStore
from shop_operator.stores.sessions import Servers, Sessions
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

    async def ensure(self) -> None:
        """Make what is missing of it, as each reconcile of the operator does."""

    async def drop(self) -> None:
        """Close and remove it all."""


async def publish_each(outbox: Outbox, numbers: range) -> None:
    """Commit an event a number, each in a transaction of its own."""
    for n in numbers:
        await outbox.publish([counted(outbox.name, n)])


@dataclass(frozen=True, kw_only=True)
class _Database:
    name: str
    settings: ServiceSettings
    source: Source
    externals: Sequence[External]

    @property
    def topic(self) -> str:
        """Where its events arrive."""
        return f"{self.name}.events"


@dataclass(frozen=True, kw_only=True)
class PostgresOutbox(_Database):
    """In PostgreSQL."""

    engine: AsyncEngine = field(repr=False)
    store: PostgresStore

    @property
    def connector(self) -> dict[str, str]:
        """What the operator renders."""
        kind = "io.debezium.connector.postgresql.PostgresConnector"
        return postgres_config(self.source) | {"connector.class": kind, "tasks.max": "1"}

    async def publish(self, events: Sequence[Event]) -> None:
        """Commit the events in one transaction."""
        async with transaction(self.engine) as connection:
            await outbox.publish(connection, *events)

    async def ensure(self) -> None:
        """Make what is missing of it, as each reconcile of the operator does."""
        await _ensure(self.store, self.externals)

    async def drop(self) -> None:
        """Close and remove it all."""
        await self.engine.dispose()
        await _release(self.store, self.externals)


@dataclass(frozen=True, kw_only=True)
class MongoOutbox(_Database):
    """In MongoDB."""

    client: mongo.Client = field(repr=False)
    store: MongoStore

    @property
    def connector(self) -> dict[str, str]:
        """What the operator renders."""
        kind = "io.debezium.connector.mongodb.MongoDbConnector"
        return mongodb_config(self.source) | {"connector.class": kind, "tasks.max": "1"}

    async def publish(self, events: Sequence[Event]) -> None:
        """Commit the events in one transaction."""
        async with mongo.transaction(self.client) as session:
            await mongo_events.publish(session, self.client[self.name], *events)

    async def ensure(self) -> None:
        """Make what is missing of it, as each reconcile of the operator does."""
        await _ensure(self.store, self.externals)

    async def drop(self) -> None:
        """Close and remove it all."""
        await self.client.close()
        await _release(self.store, self.externals)


SERVICE = parse({"metadata": {"name": "test", "namespace": "shop"}, "spec": {"image": "test:1"}})
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
    admin_url: str, bootstrap_servers: str, *, name: str = "", migrate: Migrate = _event_tables
) -> PostgresOutbox:
    """Make a database in the PostgreSQL of this administrator; migrate makes its tables."""
    server = urlsplit(admin_url)
    host, port = server.hostname or "", server.port or 0
    name, password = name or _name(), secrets.token_hex(8)
    store = PostgresStore(host, port, Login(server.username or "", server.password or ""))
    settings = ServiceSettings(
        service_name=name,
        kafka_bootstrap_servers=bootstrap_servers,
        database_url=SecretStr(f"postgresql://{name}:{password}@{host}:{port}/{name}"),
    )
    capture, owner = capture_role(name), Login(name, password)
    externals: list[External] = [
        Role(name=name, database=name, on_delete="Drop", password=password),
        Database(name=name, on_delete="Drop", login=owner),
        Role(name=capture, database=name, replication=True, on_delete="Drop", password=password),
        Publication(database=name, outbox="public.outbox", login=owner),
        ReplicationSlot(database=name),
    ]
    await _ensure(store, externals)
    await migrate(settings)
    await _ensure(store, externals)
    source = Source(name, name, "public.outbox", host, port, capture, password)
    return PostgresOutbox(
        name=name,
        settings=settings,
        source=source,
        engine=create_engine(settings),
        store=store,
        externals=externals,
    )


async def create_mongodb(
    admin_url: str, bootstrap_servers: str, *, name: str = "", migrate: Migrate = _event_collections
) -> MongoOutbox:
    """Make a database in the MongoDB of this administrator; migrate makes its collections."""
    server = urlsplit(admin_url)
    host, port = server.hostname or "", server.port or 0
    name, password = name or _name(), secrets.token_hex(8)
    store = MongoStore(host, port, "rs0", Login(server.username or "", server.password or ""))
    query = f"replicaSet=rs0&authSource={name}"
    settings = ServiceSettings(
        service_name=name,
        kafka_bootstrap_servers=bootstrap_servers,
        database_url=SecretStr(f"mongodb://{name}:{password}@{host}:{port}/{name}?{query}"),
    )
    capture = capture_role(name)
    externals: list[External] = [
        User(name=name, database=name, on_delete="Drop", password=password),
        MongoDatabase(name=name, on_delete="Drop"),
        User(name=capture, database=name, capture=True, on_delete="Drop", password=password),
    ]
    await _ensure(store, externals)
    await migrate(settings)
    source = Source(name, name, "outbox", host, port, capture, password, "rs0")
    return MongoOutbox(
        name=name,
        settings=settings,
        source=source,
        client=mongo.create_client(settings),
        store=store,
        externals=externals,
    )


def _sessions(store: PostgresStore | MongoStore) -> Sessions:
    async def postgres() -> PostgresStore:
        assert isinstance(store, PostgresStore)
        return store

    async def mongodb() -> MongoStore:
        assert isinstance(store, MongoStore)
        return store

    return Sessions(SERVICE, Servers(postgres, mongodb))


async def _ensure(store: PostgresStore | MongoStore, externals: Sequence[External]) -> None:
    async with _sessions(store) as sessions:
        for external in externals:
            await external.ensure(sessions)


async def _release(store: PostgresStore | MongoStore, externals: Sequence[External]) -> None:
    async with _sessions(store) as sessions:
        for external in reversed(externals):
            if await external.read(sessions) is not None:
                await external.release(sessions)


def _name() -> str:
    return f"events_{secrets.token_hex(5)}"
