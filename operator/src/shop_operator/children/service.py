"""The Service for callers, and a headless one for a gateway that balances over pods."""

from collections.abc import Iterator

from shop_operator.metadata import Manifest, owned, selector
from shop_operator.spec import ShopService

PORT_NAME = "http"
HEADLESS_LABEL = "minishop.dev/headless"


def pods_name(service: ShopService) -> str:
    """Name of the headless Service, which resolves to the addresses of the ready pods."""
    return f"{service.name}-pods"


def services(service: ShopService) -> Iterator[Manifest]:
    """Yield the Service, and the headless one of a service with a route."""
    ports = [
        {"name": PORT_NAME, "port": service.spec.port, "targetPort": PORT_NAME, "protocol": "TCP"}
    ]
    spec = {"type": "ClusterIP", "selector": selector(service), "ports": ports}
    yield owned(service, "v1", "Service", spec=spec)
    if service.spec.route is not None:
        headless = {**spec, "clusterIP": "None"}
        found = owned(service, "v1", "Service", name=pods_name(service), spec=headless)
        found["metadata"]["labels"] |= {HEADLESS_LABEL: "true"}
        yield found
