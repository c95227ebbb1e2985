"""Who set which field: `metadata.managedFields`, cut down to what others set.

Source: Kubernetes documentation, "Server-Side Apply", "Field management"; structured-merge-diff for
the form of `fieldsV1`.
"""

from collections.abc import Mapping
from typing import Any, Final

from shop_operator.metadata import MANAGER, Manifest

HAND_OVER: Final = "shop-operator-hand-over"
"""Field manager that holds a Deployment's replicas until an autoscaler sets them."""


def others(metadata: Mapping[str, Any]) -> list[Manifest]:
    """Return the entries of other managers that set more than the status.

    What the operator itself set by another way than apply counts as another's: it does not keep it.
    """
    return [
        {"manager": entry.get("manager", "somebody"), "fieldsV1": entry["fieldsV1"]}
        for entry in metadata.get("managedFields") or ()
        if entry.get("fieldsV1")
        and entry.get("subresource") != "status"
        and not (entry.get("manager") == MANAGER and entry.get("operation") == "Apply")
        and entry.get("manager") != HAND_OVER
    ]


def keep_others(metadata: Manifest) -> None:
    """Cut managedFields down in place to what others set; nothing is left of it in most objects."""
    found = others(metadata)
    metadata.pop("managedFields", None)
    if found:
        metadata["managedFields"] = found
