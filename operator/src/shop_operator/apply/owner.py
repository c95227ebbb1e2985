"""Whose an object is: by labels, by owner reference, or by who applied it."""

from shop_operator.api.kinds import SHOP_SERVICE, Kind
from shop_operator.metadata import MANAGER, Manifest, key_of, labels
from shop_operator.spec import ShopService


def is_ours(service: ShopService, live: Manifest) -> bool:
    """Return True if a live object, as `get` returns it, belongs to the service.

    Its labels name the service, or its owner reference does. If neither names anybody, it is the
    service's if the status lists it and the operator's field manager applied it.
    """
    key, owners = key_of(live), controllers(live)
    if key == service.key or service.uid in owners:
        return True
    return key is None and not owners and _is_listed(service, live) and is_applied(live)


def controllers(live: Manifest) -> list[str]:
    """Return the uids in the owner references to ShopServices and to other controllers."""
    references = live["metadata"].get("ownerReferences") or ()
    return [
        reference["uid"]
        for reference in references
        if reference.get("controller") or reference["kind"] == SHOP_SERVICE.kind
    ]


def is_applied(live: Manifest) -> bool:
    """Return True if the operator's field manager applied the object."""
    return any(
        entry.get("manager") == MANAGER and entry.get("operation") == "Apply"
        for entry in live["metadata"].get("managedFields") or ()
    )


def hand_over_command(service: ShopService, kind: Kind, live: Manifest) -> str:
    """Return the kubectl command that marks an object as the service's; it loses no data."""
    metadata = live["metadata"]
    words = " ".join(f"{name}={value}" for name, value in labels(service).items())
    return (
        f"kubectl label --overwrite {kind.plural} -n {metadata['namespace']} {metadata['name']} "
        f"{words}"
    )


def _is_listed(service: ShopService, live: Manifest) -> bool:
    child = live["kind"], live["metadata"]["name"]
    entries = (
        *(service.status.get("children") or ()),
        *(service.status.get("external") or ()),
    )
    return any((entry["kind"], entry["name"]) == child for entry in entries)
