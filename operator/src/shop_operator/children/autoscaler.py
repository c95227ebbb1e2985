"""Scaling by CPU. Where it is asked for, the Deployment's replicas are the autoscaler's."""

from collections.abc import Iterator

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
