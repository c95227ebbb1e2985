"""Declarative configurations as Kong's Ingress Controller sends them."""

from collections.abc import Sequence
from typing import Any

TAGS = [
    "k8s-name:limit",
    "k8s-namespace:shop",
    "k8s-kind:KongPlugin",
    "k8s-uid:u",
    "k8s-version:v1",
]


def plugin(name: str, *, route: str = "r", **config: Any) -> dict[str, Any]:
    return {
        "name": name,
        "config": config,
        "route": route,
        "enabled": True,
        "protocols": ["http", "https"],
        "tags": TAGS,
    }


def route(*paths: str, name: str = "r", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "paths": list(paths),
        "path_handling": "v0",
        "preserve_host": True,
        "protocols": ["http", "https"],
        "strip_path": False,
        "tags": ["k8s-name:r"],
        "https_redirect_status_code": 426,
        "request_buffering": True,
        "response_buffering": True,
        **more,
    }


def document(
    *,
    routes: Sequence[dict[str, Any]] = (),
    plugins: Sequence[dict[str, Any]] = (),
    targets: Sequence[str] = ("127.0.0.1:9",),
    certificates: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    service = {
        "name": "s",
        "host": "s.upstream",
        "port": 8000,
        "protocol": "http",
        "path": "/",
        "retries": 5,
        "connect_timeout": 60000,
        "read_timeout": 60000,
        "write_timeout": 60000,
        "routes": list(routes or [route("/")]),
    }
    found: dict[str, Any] = {
        "_format_version": "3.0",
        "services": [service],
        "plugins": list(plugins),
        "upstreams": [
            {
                "name": "s.upstream",
                "algorithm": "round-robin",
                "targets": [{"target": each, "weight": 100} for each in targets],
            }
        ],
    }
    if certificates:
        found["certificates"] = list(certificates)
    return found
