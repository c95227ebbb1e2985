"""What a ShopService or a Deployment is waiting for, in words."""

from collections.abc import Iterable
from typing import Any


def unready(services: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the ShopServices that are not ready, by name, each with the reason it gives."""
    waiting = {}
    for service in services:
        conditions = {c["type"]: c for c in service.get("status", {}).get("conditions", [])}
        ready = conditions.get("Ready", {})
        current = ready.get("observedGeneration") == service["metadata"]["generation"]
        if ready.get("status") == "True" and current:
            continue
        waiting[service["metadata"]["name"]] = _reason(conditions) if current else "not seen yet"
    return waiting


def _reason(conditions: dict[str, dict[str, Any]]) -> str:
    """Return the first reason that is not only the sum of the others."""
    culprits = [c for kind, c in conditions.items() if c["status"] == "False" and kind != "Ready"]
    first = (culprits or [conditions["Ready"]])[0]
    return f"{first['reason']}: {first['message']}" if first.get("message") else first["reason"]


def rolled_out(deployment: dict[str, Any]) -> bool:
    """Tell whether all of a Deployment's pods are of its latest generation, and ready."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == status.get("readyReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )
