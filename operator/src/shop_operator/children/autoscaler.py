"""What chooses the number of pods: a HorizontalPodAutoscaler, or KEDA's ScaledObject by lag.

With either, the operator leaves the Deployment's replicas alone.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from shop_operator.metadata import Manifest, owned
from shop_operator.names import topic_prefix
from shop_operator.pod_spec import Autoscaling
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

AUTOSCALERS: Final = frozenset({"HorizontalPodAutoscaler", "ScaledObject"})


def autoscaler(service: ShopService, platform: Settings) -> Iterator[Manifest]:
    """Yield the autoscaler of a service that asks for one."""
    scaling = service.spec.autoscaling
    if scaling is None:
        return
    if scaling.lag is not None:
        yield _by_lag(service, platform, scaling, per_pod=scaling.lag.per_pod)
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


def _by_lag(
    service: ShopService, platform: Settings, scaling: Autoscaling, *, per_pod: int
) -> Manifest:
    """Return a ScaledObject: one trigger a subscription, and CPU. Source: KEDA, "Apache Kafka"."""
    prefix = topic_prefix(service.namespace, platform)
    lag: list[Manifest] = [
        {
            "type": "kafka",
            "name": f"{each.topic}.{each.group}",
            "metadata": {
                "bootstrapServers": platform.kafka_bootstrap,
                "consumerGroup": prefix + each.group,
                "topic": prefix + each.topic,
                "lagThreshold": str(per_pod),
                # More pods than partitions would idle; without offsets yet, from the beginning.
                "offsetResetPolicy": "earliest",
            },
        }
        for each in service.spec.events.subscribes
    ]
    cpu = {
        "type": "cpu",
        "metricType": "Utilization",
        "metadata": {"value": str(scaling.cpu_percent)},
    }
    return owned(
        service,
        "keda.sh/v1alpha1",
        "ScaledObject",
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": service.name},
            "minReplicaCount": scaling.min,
            "maxReplicaCount": scaling.max,
            "triggers": [*lag, cpu],
        },
    )


def replicas_to_hand_over(wanted: Iterable[Manifest], live: Iterable[Manifest]) -> Manifest | None:
    """Return a manifest of the Deployment's replicas alone, for an autoscaler to go on from.

    Where one is about to own them it is the live value. A field that its only owner stops applying
    is removed, and the API server's default is one pod: applied by another field manager, it stays.
    A HorizontalPodAutoscaler never begins from none, so there it is the fewest; KEDA does.
    Source: Kubernetes documentation, "Server-Side Apply", "Transferring ownership", and "Horizontal
    Pod Autoscaling", "Implicit maintenance-mode deactivation".
    """
    by_kind = {child["kind"]: child for child in live}
    deployment = by_kind.get("Deployment")
    scaler = next((child for child in wanted if child["kind"] in AUTOSCALERS), None)
    if deployment is None or scaler is None:
        return None
    before = deployment["spec"]["replicas"]
    replicas = before or scaler["spec"].get("minReplicas", 0)
    if replicas == before and AUTOSCALERS & by_kind.keys():
        return None
    metadata = {part: deployment["metadata"][part] for part in ("name", "namespace", "uid")}
    return {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "metadata": metadata,
        "spec": {"replicas": replicas},
    }
