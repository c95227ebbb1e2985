"""Routes as Envoy's: by host, then the one that says more before the one that says less.

Source: Kong, "Router", flavour `traditional_compatible`; Envoy, "Route matching".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shop_edge.entities import Declared, Route, Service
from shop_edge.envoy.clusters import milliseconds
from shop_edge.plugins.registry import route_filters
from shop_edge.plugins.settings import TYPE

NAME: Final = "kong"
_REGEX: Final = "~"
_ANY: Final = "*"
# RFC 9110, 9.2.2: these may be sent again though the first may have arrived.
_IDEMPOTENT: Final = "GET|HEAD|OPTIONS|TRACE|PUT|DELETE"
_UNSENT: Final = "connect-failure,refused-stream,reset-before-request"
_SCHEME: Final = "x-forwarded-proto"
_UPGRADE: Final = 426
_PREVIOUS_HOSTS: Final = f"{TYPE}extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"


@dataclass(frozen=True, kw_only=True)
class _Way:
    """A path, or none, of a route."""

    service: Service
    route: Route
    path: str
    filters: Mapping[str, Any]

    def rank(self, domain: str) -> tuple[int, int, int, int, int]:
        """Return what orders ways of one host: the least comes first."""
        route = self.route
        host = 0 if domain in route.hosts else 1 if route.hosts else 2
        said = bool(route.methods) + bool(route.headers) + bool(self.path)
        regex = self.path.startswith(_REGEX)
        priority = route.regex_priority if regex else 0
        return host, -said, -len(route.headers), -(1 + priority) if regex else 0, -len(self.path)


def route_configuration(declared: Declared) -> dict[str, Any]:
    """Return all routes, a virtual host for each host that a route names and one for all others."""
    ways = list(_ways(declared))
    domains = sorted({host for way in ways for host in way.route.hosts} | {_ANY})
    hosts = []
    for domain in domains:
        mine = [way for way in ways if _serves(way.route, domain)]
        ordered = sorted(mine, key=lambda way: way.rank(domain))
        routes = [each for way in ordered for each in _routes(way)]
        if routes:
            hosts.append({"name": domain, "domains": [domain], "routes": routes})
    return {
        "@type": f"{TYPE}config.route.v3.RouteConfiguration",
        "name": NAME,
        "virtual_hosts": hosts,
        "ignore_port_in_host_matching": True,
        "request_headers_to_remove": ["x-envoy-external-address", "x-envoy-internal"],
    }


def _ways(declared: Declared) -> Iterator[_Way]:
    for service in declared.services:
        if not service.enabled:
            continue
        for route in service.routes:
            filters = route_filters(declared.plugins_of(service, route))
            for path in route.paths or ("",):
                yield _Way(service=service, route=route, path=path, filters=filters)


def _serves(route: Route, domain: str) -> bool:
    if not route.hosts or domain in route.hosts:
        return True
    return any(
        host.startswith("*.") and domain != _ANY and domain.endswith(host[1:])
        for host in route.hosts
    )


def _routes(way: _Way) -> Iterator[dict[str, Any]]:
    """Yield a way as Envoy's routes: what may be sent again apart from what may not."""
    match = _match(way)
    if "https" not in way.route.protocols:
        match = _with_header(match, _SCHEME, ["http"])
    elif "http" not in way.route.protocols:
        yield {"match": _with_header(match, _SCHEME, ["http"]), **_only_https(way.route)}
    again = {"name": ":method", "string_match": {"safe_regex": {"regex": _IDEMPOTENT}}}
    safe = {**match, "headers": [*match.get("headers", ()), again]}
    yield _to_service(way, safe, retry_on=f"{_UNSENT},reset")
    yield _to_service(way, match, retry_on=_UNSENT)


def _to_service(way: _Way, match: Mapping[str, Any], *, retry_on: str) -> dict[str, Any]:
    service = way.service
    action: dict[str, Any] = {
        "cluster": service.name,
        # Kong limits the time between two reads, and none of the whole.
        "timeout": "0s",
        "idle_timeout": milliseconds(max(service.read_timeout, service.write_timeout)),
    }
    if service.retries:
        action["retry_policy"] = {
            "retry_on": retry_on,
            "num_retries": service.retries,
            "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
            "retry_host_predicate": [
                {
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": {"@type": _PREVIOUS_HOSTS},
                }
            ],
            "host_selection_retry_max_attempts": 5,
        }
    if not way.route.preserve_host:
        action["host_rewrite_literal"] = service.host
    if way.route.strip_path and way.path:
        action["regex_rewrite"] = {
            "pattern": {"regex": _stripped(way.path)},
            "substitution": "/",
        }
    found: dict[str, Any] = {"match": match, "route": action}
    if way.filters:
        found["typed_per_filter_config"] = way.filters
    return found


def _match(way: _Way) -> dict[str, Any]:
    found: dict[str, Any]
    if way.path.startswith(_REGEX):
        pattern = way.path[1:]
        ends = pattern.endswith("$") and not pattern.endswith(r"\$")
        whole = pattern[:-1] if ends else f"(?:{pattern}).*"
        found = {"safe_regex": {"regex": whole.removeprefix("^")}}
    else:
        found = {"prefix": way.path or "/"}
    if way.route.methods:
        found = _with_header(found, ":method", way.route.methods)
    for name, values in sorted(way.route.headers.items()):
        found = _with_header(found, name, values)
    return found


def _with_header(match: Mapping[str, Any], name: str, values: Sequence[str]) -> dict[str, Any]:
    """Return a match that also asks for one of these values; one after `~*` is an expression."""
    patterns = [each[2:] if each.startswith("~*") else re.escape(each) for each in values]
    said = {"name": name, "string_match": {"safe_regex": {"regex": "|".join(patterns)}}}
    return {**match, "headers": [*match.get("headers", ()), said]}


def _stripped(path: str) -> str:
    if path.startswith(_REGEX):
        return f"^(?:{path[1:].removesuffix('$').removeprefix('^')})/?"
    return f"^{re.escape(path.rstrip('/'))}/?"


def _only_https(route: Route) -> dict[str, Any]:
    code = route.https_redirect_status_code
    if code == _UPGRADE:
        said = {"inline_string": "Please use HTTPS protocol"}
        return {"direct_response": {"status": code, "body": said}}
    codes = {
        301: "MOVED_PERMANENTLY",
        302: "FOUND",
        307: "TEMPORARY_REDIRECT",
        308: "PERMANENT_REDIRECT",
    }
    return {"redirect": {"https_redirect": True, "response_code": codes[code]}}
