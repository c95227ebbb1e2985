"""The passwords of a service's Secrets: read from the live ones, or new."""

import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from shop_operator.children.access_secret import Access, access_name, decode, password_in
from shop_operator.metadata import Manifest
from shop_operator.names import connector_login
from shop_operator.spec import ShopService

_PASSWORD_BYTES: Final = 24


def known_access(service: ShopService, live: Iterable[Manifest]) -> Access:
    """Return the passwords in the live Secrets; None for one that is missing or unreadable."""
    owner = capture = None
    for manifest in live:
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
    return Access(_ascii(owner), _ascii(capture))


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
