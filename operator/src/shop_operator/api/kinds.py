"""The kinds that the operator manages, and the namespace that each lives in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of the Kubernetes API.

    With a label selector it stands for other people's objects that are only looked at.
    """

    api_version: str
    kind: str
    plural: str
    selector: str = ""

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Return the URL path of its collection, of one object, or of a subresource.

        Without a namespace it is the collection of all namespaces, or of a kind that has none.
        """
        root = "/apis" if "/" in self.api_version else "/api"
        within = ["namespaces", namespace] if namespace else []
        parts = [root, self.api_version, *within, self.plural, name, subresource]
        return "/".join(part for part in parts if part)

    def __str__(self) -> str:
        return self.kind


SHOP_SERVICE: Final = Kind("minishop.dev/v1alpha1", "ShopService", "shopservices")
NAMESPACE: Final = Kind("v1", "Namespace", "namespaces")
LEASE: Final = Kind("coordination.k8s.io/v1", "Lease", "leases")
EVENT: Final = Kind("events.k8s.io/v1", "Event", "events")
POD: Final = Kind("v1", "Pod", "pods")
SECRET: Final = Kind("v1", "Secret", "secrets")
ROLE: Final = Kind("rbac.authorization.k8s.io/v1", "Role", "roles")
ROLE_BINDING: Final = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
CONFIG_MAP: Final = Kind("v1", "ConfigMap", "configmaps")
DEPLOYMENT: Final = Kind("apps/v1", "Deployment", "deployments")
KAFKA_TOPIC: Final = Kind("kafka.strimzi.io/v1", "KafkaTopic", "kafkatopics")
KAFKA_CONNECTOR: Final = Kind("kafka.strimzi.io/v1", "KafkaConnector", "kafkaconnectors")
HTTP_ROUTE: Final = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
KONG_PLUGIN: Final = Kind("configuration.konghq.com/v1", "KongPlugin", "kongplugins")
INGRESS: Final = Kind("networking.k8s.io/v1", "Ingress", "ingresses")

ENTRY_LABEL: Final = "minishop.dev/entry"
"""On a Service that others keep: it is the entry from outside to the ShopService of this name."""
ENTRY_SERVICE: Final = Kind("v1", "Service", "services", selector=ENTRY_LABEL)
VALIDATING_WEBHOOK: Final = Kind(
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
)
"""Of the cluster, not of a namespace."""

IN_SERVICE_NAMESPACES: Final = (
    ENTRY_SERVICE,
    Kind("v1", "ServiceAccount", "serviceaccounts"),
    SECRET,
    ROLE,
    ROLE_BINDING,
    CONFIG_MAP,
    Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    Kind("v1", "Service", "services"),
    DEPLOYMENT,
    Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects"),
    Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    KONG_PLUGIN,
    HTTP_ROUTE,
    INGRESS,
    Kind("monitoring.coreos.com/v1", "ServiceMonitor", "servicemonitors"),
    Kind("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules"),
    POD,
)
IN_KAFKA_NAMESPACE: Final = (KAFKA_TOPIC, KAFKA_CONNECTOR)
_KINDS: Final = {
    (kind.api_version, kind.kind): kind
    for kind in (*IN_SERVICE_NAMESPACES, *IN_KAFKA_NAMESPACE, SHOP_SERVICE)
    if not kind.selector
}


def managed_kinds() -> tuple[Kind, ...]:
    """Return every kind that the operator applies, the ShopService itself among them."""
    return tuple(kind for kind in _KINDS.values() if kind is not POD)


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """Return the kind of a manifest. Raises KeyError for a kind not listed here."""
    return _KINDS[manifest["apiVersion"], manifest["kind"]]
