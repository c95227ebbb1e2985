"""The passwords of a service's Secrets: read from the live ones, remembered, or new."""

import secrets
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from shop_operator.children.access_secret import (
    RENEWED_ANNOTATION,
    Access,
    Login,
    access_name,
    decode,
    password_in,
)
from shop_operator.metadata import Manifest
from shop_operator.names import connector_login, store_user
from shop_operator.spec import Key, ShopService

OWNERS: Final = frozenset({"Role", "User"})
CAPTURES: Final = frozenset({"CaptureRole", "CaptureUser"})
"""Kinds of logins: of a database's owner, and of Debezium."""
_PASSWORD_BYTES: Final = 24


def known_access(service: ShopService, live: Iterable[Manifest]) -> Access:
    """Return the passwords in the live Secrets; None for one that is missing or unreadable."""
    owner = capture = renewed = redis = rabbitmq = None
    for manifest in live:
        if manifest["kind"] == "Deployment":
            annotations = manifest["spec"]["template"]["metadata"].get("annotations") or {}
            renewed = annotations.get(RENEWED_ANNOTATION)
        if manifest["kind"] != "Secret":
            continue
        data, name = manifest.get("data") or {}, manifest["metadata"]["name"]
        try:
            if name == access_name(service) and "database_url" in data:
                owner = password_in(decode(data["database_url"]))
            if name == access_name(service):
                redis = _login(service, data.get("redis_url"))
                rabbitmq = _login(service, data.get("rabbitmq_url"))
            elif name == connector_login(service) and "password" in data:
                capture = decode(data["password"])
        except ValueError:  # somebody overwrote it: treated as missing
            continue
    return Access(_ascii(owner), _ascii(capture), redis, rabbitmq, renewed=renewed)


def files_of(service: ShopService, live: Iterable[Manifest]) -> frozenset[str]:
    """Return the keys of the live Secret with the stores' addresses."""
    name = access_name(service)
    secret = next((m for m in live if m["kind"] == "Secret" and m["metadata"]["name"] == name), {})
    return frozenset(secret.get("data") or ())


def given_access(
    *,
    new: Access,
    known: Access,
    ensured: AbstractSet[str],
    existed: AbstractSet[str],
    files: AbstractSet[str],
) -> Access:
    """Return the passwords that the stores have: others are not written to a Secret.

    `ensured` are the kinds of logins that are as declared now, `existed` those that were there
    before, `files` the keys of the live Secret. Where pods may run with another login than the one
    that is given now, it says that they are to be replaced.
    """
    given = Access(
        owner=new.owner if ensured & OWNERS else known.owner,
        capture=new.capture if ensured & CAPTURES else known.capture,
        redis=new.redis if "CacheUser" in ensured else known.redis,
        rabbitmq=new.rabbitmq if "QueueUser" in ensured else known.rabbitmq,
        renewed=known.renewed,
    )
    replaced = (
        known.owner is None and bool(ensured & OWNERS) and bool(existed & OWNERS),
        given.redis != known.redis and ("redis_url" in files or "CacheUser" in existed),
        given.rabbitmq != known.rabbitmq and ("rabbitmq_url" in files or "QueueUser" in existed),
    )
    if any(replaced):
        return replace(given, renewed=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return given


class PasswordMemory:
    """The passwords that stores have, so that a deleted Secret is made again as it was.

    Running pods go on then, as they never see another password. After a restart of the operator
    it knows what the live Secrets say.
    """

    def __init__(self) -> None:
        self._known: dict[Key, tuple[str, Access]] = {}

    def fill(self, service: ShopService, known: Access) -> Access:
        """Return the passwords with those that are remembered in place of missing ones."""
        uid, remembered = self._known.get(service.key, ("", Access()))
        if uid != service.uid:
            return known
        return replace(
            known,
            owner=known.owner or remembered.owner,
            capture=known.capture or remembered.capture,
            redis=known.redis or remembered.redis,
            rabbitmq=known.rabbitmq or remembered.rabbitmq,
        )

    def remember(self, service: ShopService, access: Access) -> None:
        """Remember passwords that the stores have."""
        self._known[service.key] = service.uid, replace(access, renewed=None)

    def forget(self, key: Key) -> None:
        """Forget a ShopService that is deleted."""
        self._known.pop(key, None)


def with_new_passwords(service: ShopService, known: Access) -> Access:
    """Return the passwords with new ones for what the spec needs and nobody knows."""
    spec, user = service.spec, store_user(service)
    return replace(
        known,
        owner=known.owner or (_new() if spec.database else None),
        capture=known.capture or (_new() if spec.outbox_table else None),
        redis=known.redis or (Login(user, _new()) if spec.cache else None),
        rabbitmq=known.rabbitmq or (Login(user, _new()) if spec.queue else None),
    )


def _new() -> str:
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def _login(service: ShopService, data: str | None) -> Login | None:
    """Return the service's own login in a store's address; None for any other, or none.

    Raises ValueError if it is unreadable.
    """
    url = urlsplit(decode(data)) if data else None
    if url is None or url.username != store_user(service):
        return None
    password = _ascii(unquote(url.password or ""))
    return Login(url.username, password) if password else None


def _ascii(password: str | None) -> str | None:
    """Return a password as the operator makes them; None for any other."""
    return password if password and password.isascii() and password.isprintable() else None
