"""Scaling by CPU. Where it is asked for, the Deployment's replicas are the autoscaler's."""

from collections.abc import Iterable, Iterator

from shop_operator.children.metadata import Manifest, owned
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
    """Return the Deployment's replicas alone, when an autoscaler is to have them and is not there.

    What another owner applies so, with the live value, stays when the operator stops applying it.
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
