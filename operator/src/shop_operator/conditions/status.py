"""Builds the status of a ShopService. It is written only if it differs."""

from collections.abc import Sequence
from typing import Any

from shop_operator.apply.result import ApplyResult
from shop_operator.conditions.assess import Condition, merged
from shop_operator.conditions.readiness import connector, topic
from shop_operator.conditions.route import route_child
from shop_operator.conditions.workload import counts, is_rolled_out
from shop_operator.metadata import API_VERSION, NAME_LABEL, Manifest, timestamp
from shop_operator.spec import ShopService


def status_of(
    service: ShopService,
    result: ApplyResult,
    conditions: Sequence[Condition],
    *,
    reached_at: str | None,
) -> Manifest:
    """Return the status after a reconcile; `reached_at` is a URL that answers, if one does."""
    replicas, ready = counts(result.live)
    before = service.status
    found: Manifest = {
        "observedGeneration": service.generation,
        "replicas": replicas,
        "readyReplicas": ready,
        "selector": f"{NAME_LABEL}={service.name}",
        "children": [_child(service, child) for child in result.live],
        "conditions": merged(
            conditions, before.get("conditions") or (), generation=service.generation
        ),
    }
    if reached_at is not None:
        found["url"] = reached_at
    if result.drifts:
        drift = result.drifts[0]
        seen = {"kind": drift.kind, "name": drift.name, "field": drift.field}
        last = before.get("lastDrift") or {}
        again = bool(result.pending) and seen == {name: last.get(name) for name in seen}
        found["lastDrift"] = last if again else seen | {"at": timestamp()}
    elif "lastDrift" in before:
        found["lastDrift"] = before["lastDrift"]
    return found


def brief_status(service: ShopService, conditions: Sequence[Condition]) -> Manifest:
    """Return the status of a ShopService that is not reconciled: only the conditions change."""
    before = service.status.get("conditions") or ()
    found = service.status | {
        "observedGeneration": service.generation,
        "conditions": merged(conditions, before, generation=service.generation),
    }
    if service.deleting:
        found.pop("url", None)
    return found


def announcing_status(service: ShopService, conditions: Sequence[Condition]) -> Manifest:
    """Return the status before a rollout: these conditions change, all else stays."""
    before = service.status.get("conditions") or ()
    changed = {condition.type for condition in conditions}
    new = merged(conditions, before, generation=service.generation)
    kept = [condition for condition in before if condition["type"] not in changed]
    return service.status | {"conditions": [*new, *kept]}


def manifest(service: ShopService, status: Manifest) -> Manifest:
    """Return what is applied to the status subresource, unless the ShopService has changed."""
    metadata: dict[str, Any] = {"name": service.name, "namespace": service.namespace}
    return {
        "apiVersion": API_VERSION,
        "kind": "ShopService",
        "metadata": metadata | {"uid": service.uid, "resourceVersion": service.resource_version},
        "status": status,
    }


def _child(service: ShopService, child: Manifest) -> Manifest:
    metadata = child["metadata"]
    found = {
        "apiVersion": child["apiVersion"],
        "kind": child["kind"],
        "name": metadata["name"],
        "ready": _readiness(child),
    }
    if metadata["namespace"] != service.namespace:
        found["namespace"] = metadata["namespace"]
    return found


def _readiness(child: Manifest) -> str:
    """Return True or False, as text. Kinds that report nothing are ready once they exist."""
    if child["kind"] == "Deployment":
        return "True" if is_rolled_out(child) else "False"
    if child["kind"] in {"HTTPRoute", "Ingress"}:
        return route_child(child)[0]
    if child["kind"] == "KafkaTopic":
        return topic(child)[0]
    if child["kind"] == "KafkaConnector":
        return connector(child)[0]
    return "True"
