"""The platform's stores and their administrators' logins, read from Secrets."""

import time
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.api.kinds import SECRET
from shop_operator.children.access_secret import Login, decode
from shop_operator.settings import Settings
from shop_operator.spec import ShopService
from shop_operator.stores.errors import StoreError
from shop_operator.stores.mongodb.session import MongoDB
from shop_operator.stores.postgres.session import Postgres
from shop_operator.stores.rabbitmq.session import RabbitMQ
from shop_operator.stores.redis.session import Redis

_TRUST_SECONDS: Final = 60.0
"""How long a login that was read is used before its Secret is read again."""


class Platform:
    """Where the stores are and how to log in. Every method raises StoreError."""

    def __init__(self, client: ApiClient, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._logins: dict[str, tuple[float, Login]] = {}

    async def postgres(self) -> Postgres:
        """Return the PostgreSQL server."""
        found = self._settings
        at = found.postgres_address or f"{found.postgres_host}:{found.postgres_port}"
        host, _, port = at.rpartition(":")
        return Postgres(host, int(port), await self.login(found.postgres_admin_secret))

    async def mongodb(self) -> MongoDB:
        """Return the MongoDB replica set."""
        found = self._settings
        at = found.mongodb_address or f"{found.mongodb_host}:{found.mongodb_port}"
        host, _, port = at.rpartition(":")
        replica_set = None if found.mongodb_address else found.mongodb_replica_set
        admin = await self.login(found.mongodb_admin_secret)
        return MongoDB(host, int(port), replica_set, admin)

    async def redis(self, namespace: str) -> Redis:
        """Return the Redis server, in which a namespace with names of its own has a database."""
        found = self._settings
        if found.is_scoped(namespace) and namespace not in found.redis_databases:
            raise _not_separate("Redis", "database", f"REDIS_DATABASES={{'{namespace}': 1}}")
        host, _, port = (found.redis_admin_address or found.redis_address).rpartition(":")
        return Redis(host, int(port), await self.login(found.redis_secret))

    async def rabbitmq(self, namespace: str) -> RabbitMQ:
        """Return the RabbitMQ server, in which such a namespace has a virtual host."""
        found = self._settings
        if found.is_scoped(namespace) and namespace not in found.rabbitmq_vhosts:
            hint = f"RABBITMQ_VHOSTS={{'{namespace}': '{namespace}'}}"
            raise _not_separate("RabbitMQ", "virtual host", hint)
        return RabbitMQ(found.rabbitmq_management_url, await self.login(found.rabbitmq_secret))

    async def login(self, name: str) -> Login:
        """Return the login in one of the platform's Secrets."""
        at, login = self._logins.get(name, (float("-inf"), None))
        if login is not None and time.monotonic() - at < _TRUST_SECONDS:
            return login
        namespace = self._settings.platform_namespace
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
        except ValueError as error:
            raise StoreError(
                "PlatformSecretInvalid", f"Secret {namespace}/{name} is not text: {error}"
            ) from error
        except ApiError as error:
            raise StoreError(
                "PlatformSecretUnreadable", f"Secret {namespace}/{name}: {error}"
            ) from error
        self._logins[name] = (time.monotonic(), login)
        return login

    async def look_for_files(self, service: ShopService) -> None:
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


def _not_separate(store: str, what: str, example: str) -> StoreError:
    example = example.replace("'", '"')
    return StoreError(
        "StoreNotSeparate",
        f"names carry the namespace, which needs a {what} of its own in {store}: give the operator "
        f"one, as in MINISHOP_{example}",
    )
