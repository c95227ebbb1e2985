"""The ConfigMap with all routes via the gateway, one a namespace."""

import hashlib
import json
from collections.abc import Iterable
from typing import Final

from shop_operator.children.service import pods_name
from shop_operator.metadata import MANAGED_BY_LABEL, MANAGER, Manifest
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

ROUTES_KEY: Final = "routes.json"
"""Key of the ConfigMap, and the file's name where it is mounted."""
_VERSION_LENGTH: Final = 16
_FIELDS: Final = frozenset({"service", "host", "port", "headless", "version"})


def table_entry(service: ShopService, *, by_service: bool = False) -> Manifest:
    """Return what the table says of a routed service; `version` is another when any of it is.

    A gateway sends requests to the pods, or with `by_service` to the Service.
    """
    paths = () if service.spec.route is None else service.spec.route.paths
    host = f"{service.name}.{service.namespace}.svc.cluster.local"
    pods = f"{pods_name(service)}.{service.namespace}.svc.cluster.local"
    entry = {
        "service": service.name,
        "namespace": service.namespace,
        "host": host,
        "port": service.spec.port,
        "paths": sorted(paths),
        "headless": host if by_service else pods,
    }
    text = json.dumps(entry, sort_keys=True)
    return {**entry, "version": hashlib.sha256(text.encode()).hexdigest()[:_VERSION_LENGTH]}


def entries_in(text: str) -> list[Manifest]:
    """Return the entries of a `routes.json`, without what another hand made of it."""
    try:
        found = json.loads(text)
    except ValueError:
        return []
    entries = found if isinstance(found, list) else []
    return [each for each in entries if isinstance(each, dict) and each.keys() >= _FIELDS]


def is_by_service(entry: Manifest) -> bool:
    """Return True if an entry leads to the Service and not to the pods."""
    return bool(entry["headless"] == entry["host"])


def is_listed(service: ShopService) -> bool:
    """Return True for a service that the table has: one with paths via the gateway."""
    route = service.spec.route
    return route is not None and route.via == "gateway" and bool(route.paths)


def route_table(entries: Iterable[Manifest], namespace: str, platform: Settings) -> Manifest:
    """Return the ConfigMap; its `routes.json` is a list with an object for each routed service."""
    listed = sorted(entries, key=lambda entry: str(entry["service"]))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": platform.route_table,
            "namespace": namespace,
            "labels": {MANAGED_BY_LABEL: MANAGER},
        },
        "data": {ROUTES_KEY: json.dumps(listed, indent=1) + "\n"},
    }
