"""Services and upstreams as Envoy's clusters and their endpoints."""

import hashlib
from pathlib import Path
from typing import Any

from shop_edge.entities import Declared, Service, Upstream
from shop_edge.plugins.settings import TYPE

_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
# Below that of the servers behind it: who closes an idle connection first loses no request.
_IDLE = "3s"
_POLICIES = {"round-robin": "ROUND_ROBIN", "least-connections": "LEAST_REQUEST"}


def clusters(declared: Declared, *, folder: Path) -> list[dict[str, Any]]:
    """Return a cluster for each service; `folder` is where the files of their endpoints are."""
    upstreams = {each.name: each for each in declared.upstreams}
    return [_cluster(each, upstreams.get(each.host), folder) for each in declared.services]


def endpoints_file(upstream: str) -> str:
    """Return the name of the file with an upstream's endpoints: Envoy asks for one each."""
    return f"eds-{hashlib.sha256(upstream.encode()).hexdigest()[:16]}.json"


def _cluster(service: Service, upstream: Upstream | None, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": f"{TYPE}config.cluster.v3.Cluster",
        "name": service.name,
        "connect_timeout": milliseconds(service.connect_timeout),
        # Envoy would let only three requests be tried again at once.
        "circuit_breakers": {"thresholds": [{"max_retries": 1024}]},
        "typed_extension_protocol_options": {
            _HTTP: {
                "@type": f"type.googleapis.com/{_HTTP}",
                "common_http_protocol_options": {"idle_timeout": _IDLE},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }
    if upstream is None:
        address = {"socket_address": {"address": service.host, "port_value": service.port}}
        endpoint = {"endpoint": {"address": address}}
        return found | {
            "type": "STRICT_DNS",
            "load_assignment": {
                "cluster_name": service.name,
                "endpoints": [{"lb_endpoints": [endpoint]}],
            },
        }
    return found | {
        "type": "EDS",
        "lb_policy": _POLICIES[upstream.algorithm],
        "eds_cluster_config": {
            "service_name": upstream.name,
            "eds_config": {
                "path_config_source": {"path": str(folder / endpoints_file(upstream.name))}
            },
        },
    }


def assignments(declared: Declared) -> list[dict[str, Any]]:
    """Return the endpoints of each upstream that a service uses."""
    used = {each.host for each in declared.services}
    return [
        {
            "@type": f"{TYPE}config.endpoint.v3.ClusterLoadAssignment",
            "cluster_name": each.name,
            "endpoints": [
                {
                    "lb_endpoints": [
                        {
                            "endpoint": {"address": _address(target.target)},
                            "load_balancing_weight": target.weight,
                        }
                        for target in each.targets
                        if target.weight
                    ]
                }
            ],
        }
        for each in declared.upstreams
        if each.name in used
    ]


def milliseconds(value: int) -> str:
    """Return a time as Envoy reads it."""
    return f"{value / 1000:.3f}s"


def _address(target: str) -> dict[str, Any]:
    host, _, port = target.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}
