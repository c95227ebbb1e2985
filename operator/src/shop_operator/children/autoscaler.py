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
    """Return a manifest of the Deployment's replicas alone, if an autoscaler is about to own them.

    Applied by another field manager with the live value, the field stays when the operator stops
    applying it.
    """
    by_kind = {child["kind"]: child for child in live}
    deployment = by_kind.get("Deployment")
    if deployment is None or AUTOSCALERS & by_kind.keys():
        return None
    if not any(child["kind"] in AUTOSCALERS for child in wanted):
        return None
    metadata = {part: deployment["metadata"][part] for part in ("name", "namespace", "uid")}
    return {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "metadata": metadata,
        "spec": {"replicas": deployment["spec"]["replicas"]},
    }
