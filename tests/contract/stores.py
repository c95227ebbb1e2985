"""The services on real stores: each with a database of its own, at this version's schema."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import SecretStr
from shop_servers import databases
from shop_servers.servers import MongoDB, Postgres, RabbitMQ, Redis

from contract.services import Member
from shop_product.migrations import schema
from shop_shared.settings import ServiceSettings
from shop_shared.stores import migrations, mongo


@dataclass
class Stores:
    """The running servers; `settings` makes what a service needs there, `drop` takes it away."""

    postgres: Postgres
    mongodb: MongoDB
    redis: Redis
    rabbitmq: RabbitMQ
    _made: dict[str, ServiceSettings] = field(default_factory=dict)
    _drops: list[Callable[[], None]] = field(default_factory=list)

    def settings(self, member: Member) -> ServiceSettings:
        """Return a service's settings, its stores ready to serve."""
        if member.name not in self._made:
            values = self._values(member.name)
            settings = member.settings.model_validate(values)
            # In a thread, because a test's own event loop belongs to this one.
            with ThreadPoolExecutor(max_workers=1) as pool:
                pool.submit(_migrate, member.name, settings).result()
            self._made[member.name] = settings
        return self._made[member.name]

    def drop(self) -> None:
        """Drop every database made here."""
        for drop in self._drops:
            drop()

    def _values(self, name: str) -> dict[str, Any]:
        # One Redis for all: auth writes there which sessions have ended.
        values = {"redis_url": self._redis, **_keys(name)}
        match name:
            case "auth" | "gateway":
                return values
            case "product":
                return values | {"database_url": self._mongodb()}
            case "notification":
                values |= {"rabbitmq_url": self._rabbitmq()}
        return values | {"database_url": self._postgres()}

    def _postgres(self) -> SecretStr:
        database = databases.create_postgres(self.postgres.url)
        self._drops.append(lambda: databases.drop_postgres(database, self.postgres.url))
        return SecretStr(database.url)

    def _mongodb(self) -> SecretStr:
        database = databases.create_mongodb(self.mongodb.url)
        self._drops.append(lambda: databases.drop_mongodb(database, self.mongodb.url))
        return SecretStr(database.url)

    @cached_property
    def _redis(self) -> SecretStr:
        return SecretStr(databases.create_redis(self.redis.url))

    def _rabbitmq(self) -> SecretStr:
        url = databases.create_vhost(self.rabbitmq.url, self.rabbitmq.management_url)
        self._drops.append(lambda: databases.drop_vhost(url, self.rabbitmq.management_url))
        return SecretStr(url)


def _keys(name: str) -> dict[str, object]:
    match name:
        case "auth":
            return {"environment": "development"}
        case "payment":
            return {"stripe_api_key": "sk_test", "stripe_webhook_secret": "whsec_test"}
        case "shipping":
            return {"carrier_secret": "a carrier's secret"}
    return {}


def _migrate(name: str, settings: ServiceSettings) -> None:
    if name == "product":
        asyncio.run(_migrate_product(settings))
    elif name not in {"auth", "gateway"}:  # they keep nothing
        migrations.run(settings, f"shop_{name}")


async def _migrate_product(settings: ServiceSettings) -> None:
    async with mongo.create_client(settings) as client:
        await schema.migrate(client.get_default_database())
