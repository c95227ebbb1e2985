"""Which ShopService has the keys in Redis, or the queues in RabbitMQ, that begin with a name.

A user there is marked; what it reaches is not. Two services of one name, in namespaces whose names
outside do not carry the namespace, would reach each other's.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from shop_operator.names import key_prefix, queue_prefix
from shop_operator.settings import Settings
from shop_operator.spec import ShopService
from shop_operator.stores.errors import StoreError

_WHAT: Final = {"CacheUser": "keys in Redis", "QueueUser": "queues in RabbitMQ"}
USERS: Final = frozenset(_WHAT)
"""Kinds of users that reach what begins with a prefix."""


def taken(
    kind: str, service: ShopService, others: Iterable[ShopService], platform: Settings
) -> StoreError | None:
    """Return whose it is what a service's user of this kind would reach; None if nobody else's.

    It is of whoever has such a user already, else of the oldest that declares one.
    """
    if _has(kind, service):
        return None
    for other in sharing(kind, service, others, platform):
        if _has(kind, other) or (other.created, other.key) < (service.created, service.key):
            return StoreError("NotOwned", said(kind, service, other, platform))
    return None


def sharing(
    kind: str, service: ShopService, others: Iterable[ShopService], platform: Settings
) -> Iterator[ShopService]:
    """Yield the other services whose user of this kind would reach the same."""
    own = _reach(kind, service, platform)
    for other in others if own else ():
        theirs = None if other.key == service.key else _reach(kind, other, platform)
        if own and theirs and _overlap(own, theirs):
            yield other


def said(kind: str, service: ShopService, other: ShopService, platform: Settings) -> str:
    """Return in words what another service has."""
    _, prefix = _reach(kind, service, platform) or ("", "")
    return (
        f"{_WHAT[kind]} that begin with {prefix} are those of ShopService {other.key}; rename one "
        "of the two, or give one of the namespaces names of its own (MINISHOP_SCOPE)"
    )


def _has(kind: str, service: ShopService) -> bool:
    return any(entry["kind"] == kind for entry in service.status.get("external") or ())


def _reach(kind: str, service: ShopService, platform: Settings) -> tuple[str, str] | None:
    """Return virtual host and prefix; None without a user of this kind."""
    if kind == "CacheUser" and service.spec.cache is not None:
        return "", key_prefix(service, platform)  # a user reaches every database of Redis
    if kind == "QueueUser" and service.spec.queue:
        return platform.rabbitmq_vhosts.get(service.namespace, "/"), queue_prefix(service)
    return None


def _overlap(one: tuple[str, str], other: tuple[str, str]) -> bool:
    is_inside = one[1].startswith(other[1]) or other[1].startswith(one[1])
    return one[0] == other[0] and is_inside
