"""Names outside a service's namespace: databases, roles, topics, connectors.

Two namespaces share the stores and Kafka. With scope `cluster` a name is what the spec declares,
so both can't declare the same one. With scope `namespace` it carries the namespace as a prefix.
"""

import hashlib
from typing import Final

from shop_operator.settings import Settings
from shop_operator.spec import ShopService, Subscription

_LONGEST_DATABASE: Final = 56
"""PostgreSQL cuts identifiers at 63 bytes; `_outbox` is the longest suffix added to one."""


def topic_prefix(namespace: str, platform: Settings) -> str:
    """Return what goes before the names of topics and groups: empty, or `<namespace>.`."""
    return f"{namespace}." if platform.is_scoped(namespace) else ""


def database_name(service: ShopService, platform: Settings) -> str:
    """Return the name of the service's database and of the role that owns it; empty without one."""
    declared = service.spec.database.name if service.spec.database else ""
    if not declared or not platform.is_scoped(service.namespace):
        return declared
    found = f"{service.namespace.replace('-', '_')}__{declared}"
    if len(found) <= _LONGEST_DATABASE:
        return found
    digest = hashlib.sha256(f"{service.namespace}/{declared}".encode()).hexdigest()[:8]
    return f"{found[: _LONGEST_DATABASE - 9]}_{digest}"


def capture_role(database: str) -> str:
    """Return the role or user that Debezium logs in as."""
    return f"{database}_cdc"


def slot(database: str) -> str:
    """Return the name of a database's replication slot and publication."""
    return f"{database}_outbox"


def dead_letter_topic(service: ShopService, platform: Settings, read: Subscription) -> str:
    """Return the topic for messages that the group could not handle."""
    return f"{topic_prefix(service.namespace, platform)}{read.topic}.{read.group}.dlt"


def key_prefix(service: ShopService, platform: Settings) -> str:
    """Return what the keys of the service in Redis begin with."""
    namespace = f"{service.namespace}:" if platform.is_scoped(service.namespace) else ""
    return f"{namespace}{service.name}:"


def queue_prefix(service: ShopService) -> str:
    """Return what the names of the service's queues and exchanges begin with."""
    return f"{service.name}."


def store_user(service: ShopService) -> str:
    """Return the name of the service's user in Redis and RabbitMQ."""
    return f"{service.namespace}-{service.name}"


def alternate(name: str) -> str:
    """Return the second of the two names that a service's login has in turn: see ADR 86."""
    return f"{name}_alt"


def login_name(name: str, *, is_alternate: bool) -> str:
    """Return the name that a service logs in by now, of the two."""
    return alternate(name) if is_alternate else name


def vault_name(service: ShopService) -> str:
    """Return the name of the service's policy, its roles and its connection in Vault."""
    return f"{service.namespace}-{service.name}"


def vault_folder(service: ShopService) -> str:
    """Return the folder of the service's secrets in Vault's key/value engine."""
    return f"{service.namespace}/{service.name}"


def connector_login(service: ShopService) -> str:
    """Return the name of the Secret with Debezium's login, in the service's namespace."""
    return f"{service.name}-outbox"


def connector_name(service: ShopService, platform: Settings) -> str:
    """Return the name of the KafkaConnector, in Kafka's namespace."""
    return f"{topic_prefix(service.namespace, platform)}{service.name}-outbox"


def source_name(service: ShopService, platform: Settings) -> str:
    """Return Debezium's `topic.prefix`, which also names its heartbeat and message topics."""
    return f"{topic_prefix(service.namespace, platform)}{service.name}"
