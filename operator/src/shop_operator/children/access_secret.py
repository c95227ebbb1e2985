"""The Secret with the URLs of the stores, mounted as files in the pods.

The user names in the URLs tell which of its two logins the service has now (ADR 86).

It holds the passwords: the operator reads them back from the live Secret. If it is gone, it is made
again from memory; only an operator that never saw it sets new ones, and replaces the pods.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from shop_operator.metadata import ROTATED_ANNOTATION, Manifest, owned
from shop_operator.names import database_name, login_name
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

RENEWED_ANNOTATION: Final = "minishop.dev/password-renewed-at"
"""On the pod template: pods made before do not know the password of now."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and a password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Access:
    """The passwords that children are rendered with; None for one that is not known."""

    owner: str | None = field(default=None, repr=False)
    capture: str | None = field(default=None, repr=False)
    redis: Login | None = None
    rabbitmq: Login | None = None
    renewed: str | None = None
    """When pods last had to be replaced for new passwords (RFC 3339)."""
    is_alternate: bool = False
    """Whether the logins are the second of the two that the service has in turn."""
    rotated: str | None = None
    """The request that these logins were made for (RFC 3339)."""
    capture_rotated: str | None = None
    """The same of Debezium's password."""

    def passwords(self) -> list[str]:
        """Return every password that is known."""
        found = [self.owner, self.capture]
        found += [login.password for login in (self.redis, self.rabbitmq) if login is not None]
        return [password for password in found if password]

    def complete(self, service: ShopService) -> bool:
        """Return True if every password of the service's Secrets is known."""
        spec = service.spec
        return not (
            (spec.database and self.owner is None)
            or (spec.outbox_table and self.capture is None)
            or (spec.cache and self.redis is None)
            or (spec.queue and self.rabbitmq is None)
        )


def access_name(service: ShopService) -> str:
    """Name of the Secret."""
    return f"{service.name}-access"


def access_files(service: ShopService) -> list[str]:
    """List the Secret's keys, which are the names of the files in the pod."""
    spec = service.spec
    wanted = {"database_url": spec.database, "redis_url": spec.cache, "rabbitmq_url": spec.queue}
    return [name for name, asked in wanted.items() if asked]


def access_secret(service: ShopService, platform: Settings, access: Access) -> Iterator[Manifest]:
    """Yield the Secret of a service that has a store."""
    if not service.has_access_secret or not access.complete(service):
        return
    data = {name: encode(url) for name, url in store_urls(service, platform, access).items()}
    secret = owned(service, "v1", "Secret", name=access_name(service), type="Opaque", data=data)
    yield with_rotated(secret, access.rotated)


def with_rotated(secret: Manifest, at: str | None) -> Manifest:
    """Return a Secret that says for which request its passwords were made."""
    if at is not None:
        secret["metadata"]["annotations"] = {ROTATED_ANNOTATION: at}
    return secret


def password_in(url: str) -> str | None:
    """Return the password in a URL, or None."""
    found = urlsplit(url).password
    return unquote(found) if found else None


def encode(text: str) -> str:
    """Return text as a Secret's data holds it."""
    return base64.b64encode(text.encode()).decode()


def decode(data: str) -> str:
    """Return the text in a Secret's data."""
    return base64.b64decode(data).decode()


def store_urls(service: ShopService, platform: Settings, access: Access) -> dict[str, str]:
    """Return the stores' addresses with the logins that are known, by the file's name."""
    urls: dict[str, str] = {}
    database = service.spec.database
    if database is not None and access.owner is not None:
        name = database_name(service, platform)
        user = login_name(name, is_alternate=access.is_alternate)
        login = f"{user}:{quote(access.owner, safe='')}"
        if database.kind == "postgres":
            at = f"{platform.postgres_host}:{platform.postgres_port}"
            urls["database_url"] = f"postgresql://{login}@{at}/{name}"
        else:
            at = f"{platform.mongodb_host}:{platform.mongodb_port}"
            query = f"replicaSet={platform.mongodb_replica_set}&authSource={name}"
            urls["database_url"] = f"mongodb://{login}@{at}/{name}?{query}"
    if service.spec.cache and access.redis is not None:
        number = platform.redis_databases.get(service.namespace, 0)
        urls["redis_url"] = f"redis://{_quoted(access.redis)}@{platform.redis_address}/{number}"
    if service.spec.queue and access.rabbitmq is not None:
        vhost = quote(platform.rabbitmq_vhosts.get(service.namespace, ""), safe="")
        login = _quoted(access.rabbitmq)
        urls["rabbitmq_url"] = f"amqp://{login}@{platform.rabbitmq_address}/{vhost}"
    return urls


def _quoted(login: Login) -> str:
    return f"{quote(login.username, safe='')}:{quote(login.password, safe='')}"
