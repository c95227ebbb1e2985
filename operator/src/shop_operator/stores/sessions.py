"""The stores, as one reconcile of one ShopService reaches them: each opened when first needed."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeVar

from shop_operator.api.api_client import ApiClient
from shop_operator.api.cache import Cache
from shop_operator.api.write_gate import WriteGate
from shop_operator.spec import ShopService
from shop_operator.stores.kafka_topics import KafkaTopics
from shop_operator.stores.mongodb.session import MongoDB, MongoSession
from shop_operator.stores.postgres.session import Postgres, PostgresSession
from shop_operator.stores.rabbitmq.session import RabbitMQ, RabbitSession
from shop_operator.stores.redis.session import Redis, RedisSession
from shop_operator.stores.vault.session import VaultLogin, VaultSession

T = TypeVar("T")
_TRUST_SECONDS: Final = 60.0
"""How long a login that worked is not tried again."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Access to the API server, for the resources in Kafka's namespace."""

    client: ApiClient
    cache: Cache
    gate: WriteGate


@dataclass(frozen=True, slots=True)
class Servers:
    """How the stores are reached; raises StoreError where that is not known."""

    postgres: Callable[[], Awaitable[Postgres]]
    mongodb: Callable[[], Awaitable[MongoDB]]
    redis: Callable[[str], Awaitable[Redis]] | None = None
    """By the namespace of the service, as the next."""
    rabbitmq: Callable[[str], Awaitable[RabbitMQ]] | None = None
    vault: VaultLogin | None = None
    topics: KafkaTopics | None = None
    creating: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a database is created: PostgreSQL copies its template for one at a time."""
    logins: dict[tuple[str, ...], float] = field(default_factory=dict, repr=False)
    """When each login was last seen to work."""
    redis_commands: dict[tuple[str, ...], str] = field(default_factory=dict)
    """How Redis tells a user's commands that were set as the key says."""


class Sessions:
    """Sessions with the stores on behalf of one ShopService, and Kafka's resources."""

    def __init__(
        self,
        service: ShopService,
        servers: Servers,
        resources: Resources | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        self.service = service
        self.servers = servers
        self.fresh = fresh
        """Whether Kafka's resources are read from the API server, not from the cache."""
        self._resources = resources
        self._postgres: PostgresSession | None = None
        self._mongodb: MongoSession | None = None
        self._redis: RedisSession | None = None
        self._rabbitmq: RabbitSession | None = None
        self._vault: VaultSession | None = None
        self._stack = contextlib.AsyncExitStack()

    @property
    def owner(self) -> str:
        """The ShopService, as marks name it: namespace/name."""
        return str(self.service.key)

    @property
    def resources(self) -> Resources:
        """Access to Kafka's resources. Raises RuntimeError where there is none."""
        if self._resources is None:
            raise RuntimeError("these sessions were opened for the stores alone")
        return self._resources

    async def postgres(self) -> PostgresSession:
        """Return the session with PostgreSQL. Raises StoreError."""
        if self._postgres is None:
            server = await self.servers.postgres()
            self._postgres = await self._stack.enter_async_context(server.session())
        return self._postgres

    async def mongodb(self) -> MongoSession:
        """Return the session with MongoDB. Raises StoreError."""
        if self._mongodb is None:
            server = await self.servers.mongodb()
            self._mongodb = await self._stack.enter_async_context(server.session())
        return self._mongodb

    async def redis(self) -> RedisSession:
        """Return the session with Redis. Raises StoreError."""
        if self._redis is None:
            server = await _given(self.servers.redis)(self.service.namespace)
            self._redis = await self._stack.enter_async_context(server.session())
        return self._redis

    async def rabbitmq(self) -> RabbitSession:
        """Return the session with RabbitMQ. Raises StoreError."""
        if self._rabbitmq is None:
            server = await _given(self.servers.rabbitmq)(self.service.namespace)
            self._rabbitmq = await self._stack.enter_async_context(server.session())
        return self._rabbitmq

    async def vault(self) -> VaultSession:
        """Return the session with Vault. Raises StoreError where there is none."""
        if self._vault is None:
            self._vault = _given(self.servers.vault).session()
        return self._vault

    def is_trusted(self, *login: str) -> bool:
        """Return True if a login, given as its parts, worked in the last minute."""
        worked = self.servers.logins.get(login, float("-inf"))
        return time.monotonic() - worked < _TRUST_SECONDS

    def trust(self, *login: str) -> None:
        """Remember that a login works."""
        self.servers.logins[login] = time.monotonic()

    def distrust(self, *login: str) -> None:
        """Forget which passwords worked for a login, given as its parts without the password."""
        for known in [each for each in self.servers.logins if each[:-1] == login]:
            del self.servers.logins[known]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)


def _given(server: T | None) -> T:
    """Return a server. Raises RuntimeError where the sessions were opened without it."""
    if server is None:
        raise RuntimeError("these sessions were opened without this store")
    return server
