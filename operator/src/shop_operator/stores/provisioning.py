"""Provisions the databases and roles of a ShopService, and finds the passwords for rendering."""

import asyncio
import secrets
import time
from dataclasses import dataclass
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.api.kinds import SECRET
from shop_operator.children.access_secret import Access, Login, access_name, decode, password_in
from shop_operator.children.kafka_connector import connector_name
from shop_operator.metadata import Manifest
from shop_operator.settings import Settings
from shop_operator.spec import Database, ShopService
from shop_operator.stores.account import DatabaseAccount, StoreError
from shop_operator.stores.mongodb import MongoDB
from shop_operator.stores.postgres import Postgres

_TRUST_SECONDS: Final = 60.0
"""How long a store found as declared is not looked at again."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The state of a service's stores after provisioning."""

    access: Access
    database_error: StoreError | None = None
    secrets_error: StoreError | None = None
    outbox_ready: bool = False


class Provisioner:
    """Creates what services need in the stores; remembers for a while what it has checked."""

    def __init__(self, client: ApiClient, platform: Settings) -> None:
        self._client = client
        self._platform = platform
        self._logins: dict[str, tuple[float, Login]] = {}
        self._seen: dict[DatabaseAccount, float] = {}
        self._making = asyncio.Lock()

    async def ensure(
        self, service: ShopService, live: list[Manifest], *, write: bool
    ) -> Provisioned:
        """Create what the service needs in its stores; without `write` only look up passwords."""
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
            return Provisioned(access, secrets_error=secrets_error)
        account = DatabaseAccount(
            spec.database.name, str(service.key), owner, capture, spec.outbox_table
        )
        try:
            ready = await self._ensure(spec.database, account)
        except StoreError as error:
            # A password that no store has been given is not written to a Secret.
            return Provisioned(
                Access(known.owner, known.capture, redis, rabbitmq), error, secrets_error
            )
        return Provisioned(access, None, secrets_error, outbox_ready=ready)

    async def stop_capture(self, database: Database) -> None:
        """Remove slot, publication and capture role from the store. Raises StoreError."""
        self._forget(database.name)
        await (await self._store(database)).stop_capture(database.name)

    async def drop(self, database: Database, belongs_to: str) -> None:
        """Drop the database of a service and its owner. Raises StoreError."""
        self._forget(database.name)
        await (await self._store(database)).drop(database.name, belongs_to)

    async def _ensure(self, database: Database, account: DatabaseAccount) -> bool:
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
        """Check that the Secrets of `secrets.files` exist: pods without one don't start.

        Other people own them and they are not watched, so the check is repeated until it passes.
        """
        for file in service.spec.secrets.files:
            name, _, key = file.path.partition("/")
            try:
                data = (await self._client.get(SECRET, service.namespace, name)).get("data") or {}
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
        """Read a login from a Secret of the platform, cached for a while. Raises StoreError."""
        at, login = self._logins.get(name, (float("-inf"), None))
        if login is not None and time.monotonic() - at < _TRUST_SECONDS:
            return login
        namespace = self._platform.platform_namespace
        try:
            data = (await self._client.get(SECRET, namespace, name)).get("data") or {}
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
    """Return the passwords in the live Secrets; None for one that is missing or unreadable."""
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
        except (
            ValueError
        ):  # overwritten with something that is no URL or no base64: treated as missing
            continue
    return Access(owner, capture)
