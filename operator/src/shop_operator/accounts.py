"""Sees to it that a service can log in to its stores, and knows the passwords that render needs."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Final

from shop_operator.api_errors import ApiError, NotFoundError
from shop_operator.children.access_secret import Access, Login, access_name, decode, password_in
from shop_operator.children.kafka_connector import connector_name
from shop_operator.children.metadata import Manifest
from shop_operator.cluster import Cluster
from shop_operator.kinds import SECRET
from shop_operator.settings import Settings
from shop_operator.spec import Database, ShopService
from shop_operator.stores import Account, StoreError
from shop_operator.stores.mongodb import MongoDB
from shop_operator.stores.postgres import Postgres

_TRUST_SECONDS: Final = 60.0
"""How long a store that was seen right is not looked at again."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """What is known of a service's stores after a look at them."""

    access: Access
    database_error: StoreError | None = None
    secrets_error: StoreError | None = None
    outbox_ready: bool = False


class Stores:
    """The stores of the platform, with what was lately seen of them."""

    def __init__(self, cluster: Cluster, platform: Settings) -> None:
        self._cluster = cluster
        self._platform = platform
        self._logins: dict[str, tuple[float, Login]] = {}
        self._seen: dict[Account, float] = {}
        self._making = asyncio.Lock()

    async def ensure(self, service: ShopService, live: list[Manifest], *, write: bool) -> Accounts:
        """Make what the service's stores need; only look up passwords unless `write`."""
        spec, platform = service.spec, self._platform
        known = known_access(service, live)
        owner, capture = known.owner, known.capture
        if write and spec.database:
            owner = owner or secrets.token_urlsafe(24)
            if spec.outbox_table:
                capture = capture or secrets.token_urlsafe(24)
        redis = rabbitmq = None
        secrets_error = None
        try:
            if spec.cache:
                redis = await self._login(platform.redis_secret)
            if spec.queue:
                rabbitmq = await self._login(platform.rabbitmq_secret)
            if spec.secrets.provider == "kubernetes":
                await self._look_for(service)
        except StoreError as error:
            secrets_error = error
        access = Access(owner, capture, redis, rabbitmq)
        if not write or spec.database is None or owner is None:
            return Accounts(access, secrets_error=secrets_error)
        account = Account(spec.database.name, str(service.key), owner, capture, spec.outbox_table)
        try:
            ready = await self._ensure(spec.database, account)
        except StoreError as error:
            # Passwords that no store has been told are not written to a Secret.
            return Accounts(
                Access(known.owner, known.capture, redis, rabbitmq), error, secrets_error
            )
        return Accounts(access, None, secrets_error, outbox_ready=ready)

    async def stop_capture(self, database: Database) -> None:
        """Leave nothing of change data capture in the store. Raises StoreError."""
        self._forget(database.name)
        await (await self._store(database)).stop_capture(database.name)

    async def drop(self, database: Database, belongs_to: str) -> None:
        """Drop the database of a service. Raises StoreError."""
        self._forget(database.name)
        await (await self._store(database)).drop(database.name, belongs_to)

    async def _ensure(self, database: Database, account: Account) -> bool:
        if time.monotonic() - self._seen.get(account, float("-inf")) < _TRUST_SECONDS:
            return account.outbox is not None
        store = await self._store(database)
        async with self._making:  # PostgreSQL copies one template at a time
            ready = await store.ensure(account)
        if ready or account.outbox is None:
            self._forget(account.database)
            self._seen[account] = time.monotonic()
        return ready

    def _forget(self, database: str) -> None:
        for account in [seen for seen in self._seen if seen.database == database]:
            del self._seen[account]

    async def _store(self, database: Database) -> Postgres | MongoDB:
        platform = self._platform
        if database.kind == "postgres":
            at = platform.postgres_address or f"{platform.postgres_host}:{platform.postgres_port}"
            host, _, port = at.rpartition(":")
            return Postgres(host, int(port), await self._login(platform.postgres_admin_secret))
        at = platform.mongodb_address or f"{platform.mongodb_host}:{platform.mongodb_port}"
        host, _, port = at.rpartition(":")
        replica_set = None if platform.mongodb_address else platform.mongodb_replica_set
        admin = await self._login(platform.mongodb_admin_secret)
        return MongoDB(host, int(port), replica_set, admin)

    async def _look_for(self, service: ShopService) -> None:
        """See that the Secrets of `secrets.files` are there: pods without one don't start.

        They are somebody else's and not watched, so a missing one is asked for again and again.
        """
        for file in service.spec.secrets.files:
            name, _, key = file.path.partition("/")
            try:
                data = (await self._cluster.get(SECRET, service.namespace, name)).get("data") or {}
            except NotFoundError:
                data = {}
            except ApiError as error:
                raise StoreError("SecretUnreadable", f"Secret {name}: {error}") from error
            if key not in data:
                raise StoreError(
                    "SecretMissing",
                    f"Secret {service.namespace}/{name} with the key {key} is not there; create "
                    f"it, or correct the path of secrets.files {file.name}",
                )

    async def _login(self, name: str) -> Login:
        """Read one of the platform's Secrets; a login is believed for a while."""
        at, login = self._logins.get(name, (float("-inf"), None))
        if login is not None and time.monotonic() - at < _TRUST_SECONDS:
            return login
        namespace = self._platform.platform_namespace
        try:
            data = (await self._cluster.get(SECRET, namespace, name)).get("data") or {}
            login = Login(decode(data["username"]), decode(data["password"]))
        except NotFoundError as error:
            raise StoreError(
                "PlatformSecretMissing",
                f"Secret {namespace}/{name} is missing; install the platform, or name the right "
                "Secret in the operator's settings",
            ) from error
        except KeyError as error:
            raise StoreError(
                "PlatformSecretInvalid", f"Secret {namespace}/{name} has no key {error}"
            ) from error
        except ApiError as error:
            raise StoreError(
                "PlatformSecretUnreadable", f"Secret {namespace}/{name}: {error}"
            ) from error
        self._logins[name] = (time.monotonic(), login)
        return login


def known_access(service: ShopService, live: list[Manifest]) -> Access:
    """Return the passwords that the live Secrets hold."""
    owner = capture = None
    for manifest in live:
        if manifest["kind"] != "Secret":
            continue
        data, name = manifest.get("data") or {}, manifest["metadata"]["name"]
        try:
            if name == access_name(service) and "database_url" in data:
                owner = password_in(decode(data["database_url"]))
            elif name == connector_name(service) and "password" in data:
                capture = decode(data["password"])
        except ValueError:  # somebody wrote nonsense over it: as good as gone
            continue
    return Access(owner, capture)
