"""The HorizontalPodAutoscaler, by CPU. With it, the autoscaler owns the Deployment's replicas."""

from collections.abc import Iterable, Iterator

from shop_operator.metadata import Manifest, owned
from shop_operator.spec import ShopService


def autoscaler(service: ShopService) -> Iterator[Manifest]:
    """Yield the HorizontalPodAutoscaler of a service that asks for one."""
    scaling = service.spec.autoscaling
    if scaling is None:
        return
    target = {"type": "Utilization", "averageUtilization": scaling.cpu_percent}
    yield owned(
        service,
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": service.name},
            "minReplicas": scaling.min,
            "maxReplicas": scaling.max,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    )


def replicas_to_hand_over(wanted: Iterable[Manifest], live: Iterable[Manifest]) -> Manifest | None:
    """Return a manifest of the Deployment's replicas alone, if an autoscaler is about to own them.

    Applied by another field manager with the live value, the field stays when the operator stops
    applying it.
    """
    by_kind = {child["kind"]: child for child in live}
    deployment = by_kind.get("Deployment")
    if deployment is None or "HorizontalPodAutoscaler" in by_kind:
        return None
    if not any(child["kind"] == "HorizontalPodAutoscaler" for child in wanted):
        return None
    metadata = {part: deployment["metadata"][part] for part in ("name", "namespace", "uid")}
    return {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "metadata": metadata,
        "spec": {"replicas": deployment["spec"]["replicas"]},
    }
