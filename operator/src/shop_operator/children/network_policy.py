"""The NetworkPolicy: default deny both ways, except for peers that the spec implies or names.

The platform's stores are allowed by namespace and port: a policy selects pods, not host names.
"""

from typing import Any
from urllib.parse import urlsplit

from shop_operator.children.service import PORT_NAME
from shop_operator.metadata import MANAGED_BY_LABEL, MANAGER, NAME_LABEL, Manifest, owned, selector
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

_NAMESPACE_NAME = "kubernetes.io/metadata.name"


def network_policy(service: ShopService, platform: Settings) -> Manifest:
    """Return the NetworkPolicy of the service's pods."""
    return owned(
        service,
        "networking.k8s.io/v1",
        "NetworkPolicy",
        spec={
            "podSelector": {"matchLabels": selector(service)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": _ingress(service, platform),
            "egress": _egress(service, platform),
        },
    )


def lets_in(service: ShopService, caller: ShopService, platform: Settings) -> bool:
    """Return True if the policy of a service admits another service of its namespace."""
    if caller.name in service.spec.network.ingress_from:
        return True
    near = {platform.monitoring_namespace}
    if service.spec.route_table is not None and service.spec.route_table.status_path:
        near.add(platform.operator_namespace)
    route = service.spec.route
    if route is not None and route.via == "gateway":
        labels = caller.spec.template.metadata.labels
        is_gateway = platform.gateway_pod_labels.items() <= labels.items()
        if is_gateway or caller.spec.route_table is not None:
            return True
    elif route is not None:
        near |= {service.namespace} if platform.edge == "none" else {*platform.edge_namespaces}
    return service.namespace in near


def _ingress(service: ShopService, platform: Settings) -> list[Manifest]:
    # By name, which each pod resolves by itself: old pods go on while another port rolls out.
    http = [{"protocol": "TCP", "port": PORT_NAME}]
    rules: list[Manifest] = [{"ports": http, "from": [_namespaces(platform.monitoring_namespace)]}]
    if service.spec.network.ingress_from:
        rules.append({"ports": http, "from": [_services(service.spec.network.ingress_from)]})
    if service.spec.route_table is not None and service.spec.route_table.status_path:
        rules.append({"ports": http, "from": [_namespaces(platform.operator_namespace)]})
    route = service.spec.route
    if route is None:
        return rules
    if route.via == "gateway":
        # A route table lists the services of its own namespace, and no other.
        gateway = {"podSelector": {"matchLabels": platform.gateway_pod_labels}}
        rules.append({"ports": http, "from": [gateway]})
    elif platform.edge == "none":
        rules.append({"ports": http})  # a NodePort: callers come from outside, with any address
    else:
        rules.append({"ports": http, "from": [_namespaces(*platform.edge_namespaces)]})
    return rules


def _egress(service: ShopService, platform: Settings) -> list[Manifest]:
    spec = service.spec
    dns = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    rules: list[Manifest] = [{"ports": dns}]
    stores: set[int] = set()
    if spec.database is not None:
        postgres = spec.database.kind == "postgres"
        stores.add(platform.postgres_port if postgres else platform.mongodb_port)
    if spec.cache:
        stores.add(_port(platform.redis_address))
    if spec.queue:
        stores.add(_port(platform.rabbitmq_address))
    if stores:
        rules.append(_to_ports(_namespaces(platform.platform_namespace), sorted(stores)))
    rules += _to_vault(service, platform)
    if spec.events.publishes or spec.events.subscribes:
        kafka = _namespaces(platform.kafka_namespace)
        rules.append(_to_ports(kafka, [_port(platform.kafka_bootstrap)]))
    if platform.otlp_endpoint:
        rules.append({"ports": [{"protocol": "TCP", "port": p} for p in platform.otlp_ports]})
    if spec.network.egress_to:
        rules.append({"to": [_services(spec.network.egress_to)]})
    if spec.route_table is not None:
        every_service = {"matchLabels": {MANAGED_BY_LABEL: MANAGER}}
        rules.append({"to": [{"podSelector": every_service}]})
    if spec.network.egress_cidrs:
        rules.append({"to": [{"ipBlock": {"cidr": cidr}} for cidr in spec.network.egress_cidrs]})
    return rules


def _services(names: tuple[str, ...]) -> dict[str, Any]:
    expression = {"key": NAME_LABEL, "operator": "In", "values": sorted(names)}
    return {"podSelector": {"matchExpressions": [expression]}}


def _namespaces(*names: str) -> dict[str, Any]:
    expression = {"key": _NAMESPACE_NAME, "operator": "In", "values": sorted(names)}
    return {"namespaceSelector": {"matchExpressions": [expression]}}


def _to_ports(peer: Manifest, ports: list[int]) -> Manifest:
    return {"to": [peer], "ports": [{"protocol": "TCP", "port": port} for port in ports]}


def _to_vault(service: ShopService, platform: Settings) -> list[Manifest]:
    # Also with a role of one's own: the pods' agent asks the same Vault.
    if service.spec.secrets.provider != "vault" or not platform.vault_address:
        return []
    port = {"protocol": "TCP", "port": _port_of_url(platform.vault_address)}
    pods = {"to": [_namespaces(platform.vault_pods)]} if platform.vault_pods else {}
    return [{**pods, "ports": [port]}]


def _port_of_url(url: str) -> int:
    found = urlsplit(url)
    return found.port or (443 if found.scheme == "https" else 80)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
