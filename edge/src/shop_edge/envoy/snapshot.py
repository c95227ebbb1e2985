"""All of Envoy's configuration, as files that it follows and as one that it can judge."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shop_edge.entities import Certificate, Declared
from shop_edge.envoy.clusters import assignments, clusters, endpoints_file
from shop_edge.envoy.listeners import listeners
from shop_edge.envoy.routes import NAME, route_configuration
from shop_edge.errors import InvalidConfigError
from shop_edge.plugins.registry import check
from shop_edge.plugins.settings import TYPE

_CONNECTIONS = "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
_MOST_CONNECTIONS = 10_000


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where Envoy listens; its own administration only at the loopback address."""

    http: int
    https: int
    admin: int


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Envoy's resources by the kind of their file."""

    endpoints: Sequence[dict[str, Any]]
    clusters: Sequence[dict[str, Any]]
    listeners: Sequence[dict[str, Any]]
    routes: Sequence[dict[str, Any]]

    def files(self) -> dict[str, str]:
        """Return what each file says, by its name."""
        return {
            **{endpoints_file(each["cluster_name"]): _response([each]) for each in self.endpoints},
            "cds.json": _response(self.clusters),
            "lds.json": _response(self.listeners),
            "rds.json": _response(self.routes),
        }

    def with_clusters_of(self, before: "Snapshot") -> "Snapshot":
        """Return this, and the clusters that only the one before has: its routes lead there."""
        names = {each["name"] for each in self.clusters}
        left = [each for each in before.clusters if each["name"] not in names]
        known = {each["cluster_name"] for each in self.endpoints}
        more = [each for each in before.endpoints if each["cluster_name"] not in known]
        return Snapshot(
            endpoints=[*self.endpoints, *more],
            clusters=[*self.clusters, *left],
            listeners=self.listeners,
            routes=self.routes,
        )


NOTHING = Snapshot(endpoints=(), clusters=(), listeners=(), routes=())
"""Without even a listener."""


def snapshot(declared: Declared, *, folder: Path, ports: Ports, fallback: Certificate) -> Snapshot:
    """Return what is declared in Envoy's words.

    Raises:
        InvalidConfigError: a plugin is not done here, or its settings are wrong.

    """
    services = declared.services
    plugins = [
        *declared.plugins,
        *(plugin for each in services for plugin in each.plugins),
        *(plugin for each in services for route in each.routes for plugin in route.plugins),
    ]
    if errors := check(plugins):
        raise InvalidConfigError(errors)
    source = {"path_config_source": {"path": str(folder / "rds.json")}}
    return Snapshot(
        endpoints=assignments(declared),
        clusters=clusters(declared, folder=folder),
        listeners=listeners(
            declared.certificates,
            http=ports.http,
            https=ports.https,
            fallback=fallback,
            routes={"rds": {"route_config_name": NAME, "config_source": source}},
        ),
        routes=[route_configuration(declared)],
    )


def bootstrap(folder: Path, ports: Ports) -> dict[str, Any]:
    """Return what Envoy starts with: where its files are, and where it is administered."""

    def source(name: str) -> dict[str, Any]:
        return {"path_config_source": {"path": str(folder / name)}}

    return {
        "node": {"id": "kong-standin", "cluster": "kong"},
        "admin": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": ports.admin}}
        },
        "dynamic_resources": {"cds_config": source("cds.json"), "lds_config": source("lds.json")},
        # Whoever opens connections without end takes no memory from those who are served.
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{TYPE}{_CONNECTIONS}",
                        "max_active_downstream_connections": _MOST_CONNECTIONS,
                    },
                }
            ]
        },
    }


def judged(found: Snapshot, ports: Ports) -> dict[str, Any]:
    """Return the same without files, for `envoy --mode validate`."""
    routes = {"route_config": _untyped(found.routes[0])}
    static = []
    for listener in found.listeners:
        copy = json.loads(json.dumps(listener))
        for chain in copy["filter_chains"]:
            manager = chain["filters"][0]["typed_config"]
            del manager["rds"]
            manager |= routes
        static.append(_untyped(copy))
    assigned = {each["cluster_name"]: _untyped(each) for each in found.endpoints}
    fixed = []
    for cluster in found.clusters:
        copy = _untyped(dict(cluster))
        if "eds_cluster_config" in copy:
            name = copy.pop("eds_cluster_config")["service_name"]
            empty = {"cluster_name": name}
            copy |= {"type": "STATIC", "load_assignment": assigned.get(name, empty)}
        fixed.append(copy)
    return {
        **{
            key: value
            for key, value in bootstrap(Path("/"), ports).items()
            if key != "dynamic_resources"
        },
        "static_resources": {"listeners": static, "clusters": fixed},
    }


def _untyped(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "@type"}


def _response(resources: Sequence[dict[str, Any]]) -> str:
    text = json.dumps(list(resources), sort_keys=True)
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    return json.dumps({"version_info": version, "resources": list(resources)}, sort_keys=True)
