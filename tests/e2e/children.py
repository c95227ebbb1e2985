"""The operator's children, as the API server has them: what they say and when they were written."""

import json
from dataclasses import dataclass
from typing import Any

from shop_journey.kubectl import Kubectl

from shop_operator.api.kinds import IN_KAFKA_NAMESPACE, IN_SERVICE_NAMESPACES
from shop_operator.metadata import APPLIED_ANNOTATION, MANAGED_BY_LABEL, MANAGER, NAMESPACE_LABEL

_SET_BY_SERVER = ("uid", "resourceVersion", "generation", "managedFields", "creationTimestamp")


@dataclass(frozen=True)
class Child:
    """A child: `content` is all that it says but its status and what the API server notes of it."""

    uid: str
    written: tuple[str, ...]
    """When the operator last changed it, from its managed fields."""
    content: str


async def children(kubectl: Kubectl, namespace: str) -> dict[str, Child]:
    """Return the children of a namespace's ShopServices, by kind and name, but for ending pods."""
    selector = f"-l={MANAGED_BY_LABEL}={MANAGER},{NAMESPACE_LABEL}={namespace}"
    served = (await kubectl("api-resources", "--no-headers", "-o=name")).split()
    found: dict[str, Child] = {}
    for place, kinds in ((namespace, IN_SERVICE_NAMESPACES), ("platform", IN_KAFKA_NAMESPACE)):
        names = [_resource(kind.plural, kind.api_version) for kind in kinds]
        asked = ",".join(name for name in names if name in served)
        text = await kubectl(
            "get", asked, f"-n={place}", selector, "-o=json", "--show-managed-fields"
        )
        for item in json.loads(text)["items"]:
            if item["kind"] == "Pod" and "deletionTimestamp" in item["metadata"]:
                continue
            found[f"{item['kind']}/{item['metadata']['name']}"] = _child(item)
    return found


def _resource(plural: str, api_version: str) -> str:
    group = api_version.rpartition("/")[0]
    return f"{plural}.{group}" if group else plural


def _child(item: dict[str, Any]) -> Child:
    metadata = item["metadata"]
    written = [each["time"] for each in metadata["managedFields"] if each["manager"] == MANAGER]
    content = {key: value for key, value in item.items() if key != "status"}
    content["metadata"] = {k: v for k, v in metadata.items() if k not in _SET_BY_SERVER}
    content["metadata"]["annotations"] = {
        key: value
        for key, value in metadata.get("annotations", {}).items()
        # Of the content, and the Deployment controller's own.
        if key != APPLIED_ANNOTATION and not key.startswith("deployment.kubernetes.io/")
    }
    return Child(metadata["uid"], tuple(written), json.dumps(content, sort_keys=True))
