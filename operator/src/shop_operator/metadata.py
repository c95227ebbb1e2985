"""Metadata of every child: labels and owner references that say which ShopService it is for."""

from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime
from typing import Any, Final

from shop_operator.spec import Key, ShopService

Manifest = dict[str, Any]

API_VERSION: Final = "minishop.dev/v1alpha1"
MANAGER: Final = "shop-operator"
FINALIZER: Final = "minishop.dev/cleanup"
NAME_LABEL: Final = "app.kubernetes.io/name"
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
SERVICE_LABEL: Final = "minishop.dev/service"
NAMESPACE_LABEL: Final = "minishop.dev/namespace"
APPLIED_ANNOTATION: Final = "minishop.dev/applied"
ROTATED_ANNOTATION: Final = "minishop.dev/rotated-at"
"""On a Secret with passwords: the request that they were made for."""


def timestamp(at: datetime | None = None) -> str:
    """Return a time, now unless given, as Kubernetes writes it: RFC 3339, in UTC, to the second."""
    found = (at or datetime.now(UTC)).astimezone(UTC)
    return found.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def moment(text: str) -> datetime | None:
    """Return a time that names its zone and after which another can come; None for other words."""
    try:
        at = datetime.fromisoformat(text)
        is_followed = at.tzinfo is not None and at.astimezone(UTC).year < MAXYEAR
    except (ValueError, OverflowError):  # the second: in UTC it is before the first year
        return None
    return at if is_followed else None


def labels(service: ShopService) -> dict[str, str]:
    """Labels of every child, in whichever namespace."""
    return {
        NAME_LABEL: service.name,
        MANAGED_BY_LABEL: MANAGER,
        SERVICE_LABEL: service.name,
        NAMESPACE_LABEL: service.namespace,
    }


def selector(service: ShopService) -> dict[str, str]:
    """Labels that select the service's pods; they never change."""
    return {NAME_LABEL: service.name}


def key_of(manifest: Mapping[str, Any]) -> Key | None:
    """Return the key of the ShopService that a child's labels name, or None without such labels."""
    found = manifest["metadata"].get("labels") or {}
    if found.get(MANAGED_BY_LABEL) != MANAGER:
        return None
    if SERVICE_LABEL not in found or NAMESPACE_LABEL not in found:
        return None
    return Key(found[NAMESPACE_LABEL], found[SERVICE_LABEL])


def owned(
    service: ShopService, api_version: str, kind: str, *, name: str | None = None, **fields: object
) -> Manifest:
    """Return a child in the service's namespace, garbage-collected with it."""
    metadata: Manifest = {
        "name": name or service.name,
        "namespace": service.namespace,
        "labels": labels(service),
    }
    if service.uid:
        metadata["ownerReferences"] = [
            {
                "apiVersion": API_VERSION,
                "kind": "ShopService",
                "name": service.name,
                "uid": service.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def tracked(
    service: ShopService,
    api_version: str,
    kind: str,
    *,
    name: str,
    namespace: str,
    **fields: object,
) -> Manifest:
    """Return a child in another namespace, found by its labels and removed by the finalizer."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels(service)},
        **fields,
    }
