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


def table_entry(service: ShopService) -> Manifest:
    """Return what the table says of a routed service; `version` is another when any of it is."""
    paths = () if service.spec.route is None else service.spec.route.paths
    entry = {
        "service": service.name,
        "namespace": service.namespace,
        "host": f"{service.name}.{service.namespace}.svc.cluster.local",
        "port": service.spec.port,
        "paths": sorted(paths),
        "headless": f"{pods_name(service)}.{service.namespace}.svc.cluster.local",
    }
    text = json.dumps(entry, sort_keys=True)
    return {**entry, "version": hashlib.sha256(text.encode()).hexdigest()[:_VERSION_LENGTH]}


def route_table(services: Iterable[ShopService], namespace: str, platform: Settings) -> Manifest:
    """Return the ConfigMap; its `routes.json` is a list with an object for each routed service."""
    entries = [
        table_entry(service)
        for service in sorted(services, key=lambda service: service.key)
        if service.spec.route is not None
        and service.spec.route.via == "gateway"
        and service.spec.route.paths
    ]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": platform.route_table,
            "namespace": namespace,
            "labels": {MANAGED_BY_LABEL: MANAGER},
        },
        "data": {ROUTES_KEY: json.dumps(entries, indent=1) + "\n"},
    }
