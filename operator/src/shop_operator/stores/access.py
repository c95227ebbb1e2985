"""The passwords of a service's Secrets: read from the live ones, remembered, or new."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from shop_operator.children.access_secret import (
    RENEWED_ANNOTATION,
    Access,
    access_name,
    decode,
    password_in,
)
from shop_operator.metadata import Manifest
from shop_operator.names import connector_login
from shop_operator.spec import Key, ShopService

_PASSWORD_BYTES: Final = 24


def known_access(service: ShopService, live: Iterable[Manifest]) -> Access:
    """Return the passwords in the live Secrets; None for one that is missing or unreadable."""
    owner = capture = renewed = None
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
            elif name == connector_login(service) and "password" in data:
                capture = decode(data["password"])
        except ValueError:  # somebody overwrote it: treated as missing
            continue
    return Access(_ascii(owner), _ascii(capture), renewed=renewed)


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
        owner, capture = known.owner or remembered.owner, known.capture or remembered.capture
        return replace(known, owner=owner, capture=capture)

    def remember(self, service: ShopService, access: Access) -> None:
        """Remember passwords that the stores have."""
        self._known[service.key] = service.uid, Access(access.owner, access.capture)

    def forget(self, key: Key) -> None:
        """Forget a ShopService that is deleted."""
        self._known.pop(key, None)


def with_new_passwords(service: ShopService, known: Access) -> Access:
    """Return the passwords with new ones for what the spec needs and nobody knows."""
    if service.spec.database is None:
        return known
    owner = known.owner or secrets.token_urlsafe(_PASSWORD_BYTES)
    if service.spec.outbox_table is None:
        return replace(known, owner=owner)
    capture = known.capture or secrets.token_urlsafe(_PASSWORD_BYTES)
    return replace(known, owner=owner, capture=capture)


def _ascii(password: str | None) -> str | None:
    """Return a password as the operator makes them; None for any other."""
    return password if password and password.isascii() and password.isprintable() else None
