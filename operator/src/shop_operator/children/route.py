"""The service's route at the edge: an HTTPRoute or an Ingress, with Kong's plugins."""

from collections.abc import Iterator

from shop_operator.metadata import Manifest, owned
from shop_operator.settings import Settings
from shop_operator.spec import Route, ShopService


def routes(service: ShopService, platform: Settings) -> Iterator[Manifest]:
    """Yield the route and its plugins; nothing where the gateway or a NodePort is the entry.

    Without paths there is none: every path that the service declares is another's.
    """
    route = service.spec.route
    if route is None or not route.paths or route.via == "gateway" or platform.edge == "none":
        return
    for plugin in route.plugins:
        name = f"{service.name}-{plugin.name}"
        found = owned(service, "configuration.konghq.com/v1", "KongPlugin", name=name)
        yield found | {"plugin": plugin.name, "config": plugin.config}
    make = _http_route if platform.edge == "gateway-api" else _ingress
    entry = make(service, route, platform)
    if route.plugins:
        names = ",".join(f"{service.name}-{plugin.name}" for plugin in route.plugins)
        entry["metadata"]["annotations"] = {"konghq.com/plugins": names}
    yield entry


def _http_route(service: ShopService, route: Route, platform: Settings) -> Manifest:
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in route.paths]
    gateway = {"name": platform.gateway_name, "namespace": platform.gateway_namespace}
    backend = {"name": service.name, "port": service.spec.port}
    return owned(
        service,
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        spec={
            "parentRefs": [gateway],
            "hostnames": [route.host or platform.route_host],
            "rules": [{"matches": matches, "backendRefs": [backend]}],
        },
    )


def _ingress(service: ShopService, route: Route, platform: Settings) -> Manifest:
    backend = {"service": {"name": service.name, "port": {"number": service.spec.port}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend} for path in route.paths]
    return owned(
        service,
        "networking.k8s.io/v1",
        "Ingress",
        spec={
            "ingressClassName": platform.ingress_class,
            "rules": [{"host": route.host or platform.route_host, "http": {"paths": paths}}],
        },
    )
