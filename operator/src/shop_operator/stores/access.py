"""The passwords of a service's Secrets: read from the live ones, remembered, or new."""

import secrets
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from shop_operator.children.access_secret import (
    RENEWED_ANNOTATION,
    Access,
    Login,
    access_name,
    decode,
    password_in,
)
from shop_operator.metadata import ROTATED_ANNOTATION, Manifest, moment, timestamp
from shop_operator.names import alternate, connector_login, login_name, store_user
from shop_operator.spec import Key, ShopService

OWNERS: Final = frozenset({"Role", "User"})
CAPTURES: Final = frozenset({"CaptureRole", "CaptureUser"})
"""Kinds of logins: of a database's owner, and of Debezium."""
_PASSWORD_BYTES: Final = 24


def known_access(service: ShopService, live: Iterable[Manifest]) -> Access:
    """Return the passwords in the live Secrets; None for one that is missing or unreadable."""
    found = Access()
    for manifest in live:
        annotations = manifest["metadata"].get("annotations") or {}
        if manifest["kind"] == "Deployment":
            of_pods = manifest["spec"]["template"]["metadata"].get("annotations") or {}
            found = replace(found, renewed=_own_time(of_pods.get(RENEWED_ANNOTATION)))
        if manifest["kind"] != "Secret":
            continue
        data, name = manifest.get("data") or {}, manifest["metadata"]["name"]
        at = annotations.get(ROTATED_ANNOTATION)
        if name == access_name(service):
            found = replace(found, rotated=at, **_logins(service, data))
        elif name == connector_login(service) and "password" in data:
            password = _ascii(_decoded(data["password"]))
            found = replace(found, capture=password, capture_rotated=_own_time(at))
    if found.rotated is not None and _own_time(found.rotated) is None:
        # Somebody overwrote it, and no request would come after it; the pods were told as much.
        found = replace(found, rotated=found.renewed)
    # The pods may not have been told of the last rotation yet: the Secret is written first.
    renewed = max(filter(None, (found.renewed, found.rotated)), default=None)
    return replace(found, renewed=renewed)


def _logins(service: ShopService, data: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of Access that the stores' addresses tell."""
    urls = {name: _url(value) for name, value in data.items()}
    user = store_user(service)
    is_alternate = any(
        url.username == alternate(url.path.strip("/") if name == "database_url" else user)
        for name, url in urls.items()
        if url is not None
    )
    database = urls.get("database_url")
    return {
        "owner": None if database is None else _ascii(password_in(database.geturl())),
        "redis": _login(login_name(user, is_alternate=is_alternate), urls.get("redis_url")),
        "rabbitmq": _login(login_name(user, is_alternate=is_alternate), urls.get("rabbitmq_url")),
        "is_alternate": is_alternate,
    }


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
        is_alternate=new.is_alternate,
        rotated=new.rotated,
        capture_rotated=new.capture_rotated if ensured & CAPTURES else known.capture_rotated,
    )
    replaced = (
        known.owner is None and bool(ensured & OWNERS) and bool(existed & OWNERS),
        given.redis != known.redis and ("redis_url" in files or "CacheUser" in existed),
        given.rabbitmq != known.rabbitmq and ("rabbitmq_url" in files or "QueueUser" in existed),
    )
    if any(replaced):
        return replace(given, renewed=timestamp())
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
        if not (known.owner or known.redis or known.rabbitmq):  # the Secret is gone
            known = replace(
                known,
                is_alternate=remembered.is_alternate,
                rotated=remembered.rotated,
                renewed=max(filter(None, (known.renewed, remembered.rotated)), default=None),
            )
        if known.capture is None:
            known = replace(known, capture_rotated=remembered.capture_rotated)
        if known.is_alternate != remembered.is_alternate:
            return replace(known, capture=known.capture or remembered.capture)
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
    spec = service.spec
    user = login_name(store_user(service), is_alternate=known.is_alternate)
    return replace(
        known,
        owner=known.owner or (_new() if spec.database else None),
        capture=known.capture or (_new() if spec.outbox_table else None),
        capture_rotated=known.capture_rotated if known.capture else known.rotated,
        redis=known.redis or (Login(user, _new()) if spec.cache else None),
        rabbitmq=known.rabbitmq or (Login(user, _new()) if spec.queue else None),
    )


def with_new_logins(service: ShopService, known: Access, at: str) -> Access:
    """Return new passwords, for the other of the service's two logins; Debezium keeps its own."""
    other = Access(
        capture=known.capture,
        renewed=at,
        is_alternate=not known.is_alternate,
        rotated=at,
        capture_rotated=known.capture_rotated,
    )
    return with_new_passwords(service, other)


def with_new_capture(known: Access, at: str) -> Access:
    """Return the passwords with a new one for Debezium."""
    return replace(known, capture=_new(), capture_rotated=at)


def _new() -> str:
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def _url(data: str) -> SplitResult | None:
    """Return an address in a Secret; None if somebody overwrote it with something else."""
    try:
        return urlsplit(decode(data))
    except ValueError:
        return None


def _decoded(data: str) -> str | None:
    try:
        return decode(data)
    except ValueError:  # somebody overwrote it: treated as missing
        return None


def _login(user: str, url: SplitResult | None) -> Login | None:
    """Return the service's own login in a store's address; None for any other, or none."""
    if url is None or url.username != user:
        return None
    password = _ascii(unquote(url.password or ""))
    return Login(user, password) if password else None


def _own_time(text: str | None) -> str | None:
    """Return a time as the operator writes it, that a request may come after; None for another."""
    at = moment(text or "")
    return text if at is not None and timestamp(at) == text else None


def _ascii(password: str | None) -> str | None:
    """Return a password as the operator makes them; None for any other."""
    return password if password and password.isascii() and password.isprintable() else None
