"""Envoy's two listeners: http, and https with the certificates that are declared."""

from collections.abc import Mapping, Sequence
from typing import Any

from shop_edge.entities import Certificate
from shop_edge.plugins import cors, ip_restriction, rate_limiting, request_size_limiting
from shop_edge.plugins.registry import MUTATION
from shop_edge.plugins.settings import TYPE

_FILTERS = f"{TYPE}extensions.filters"
_CORS = f"{_FILTERS}.http.cors.v3.Cors"
_RBAC = f"{_FILTERS}.http.rbac.v3.RBAC"
_MUTATION = f"{_FILTERS}.http.header_mutation.v3.HeaderMutation"
_ROUTER = f"{_FILTERS}.http.router.v3.Router"
_MANAGER = f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager"
_TLS = f"{TYPE}extensions.transport_sockets.tls.v3.DownstreamTlsContext"
_LOG = f"{TYPE}extensions.access_loggers.stream.v3.StdoutAccessLog"
# In Kong's words and with its status, by Envoy's flags of a response that it makes itself.
_SAID = {
    "NR": (404, "no Route matched with those values"),
    "UH": (503, "failure to get a peer from the ring-balancer"),
    "UF": (502, "An invalid response was received from the upstream server"),
    "UC": (502, "An invalid response was received from the upstream server"),
    "UT": (504, "The upstream server is timing out"),
    "SI": (504, "The upstream server is timing out"),
}
# The flag of a limit that is reached is set only after its response is made.
_LIMITED = {
    "filter": {
        "status_code_filter": {
            "comparison": {
                "op": "EQ",
                "value": {"default_value": 429, "runtime_key": "kong.limited"},
            }
        }
    },
    "body": {"inline_string": "API rate limit exceeded"},
}
_LOGGED = {
    "time": "%START_TIME%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "host": "%REQ(:AUTHORITY)%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "milliseconds": "%DURATION%",
    "service": "%UPSTREAM_CLUSTER%",
    "upstream": "%UPSTREAM_HOST%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "traceparent": "%REQ(TRACEPARENT)%",
}
# Bodies that no service has read yet are held here: Envoy would take 24 MiB of a connection. These
# are what it recommends where anybody may connect.
_HTTP_2 = {
    "max_concurrent_streams": 100,
    "initial_stream_window_size": 64 * 1024,
    "initial_connection_window_size": 1024 * 1024,
}
_ONCE = {"default_value": {"numerator": 0}}


def listeners(
    certificates: Sequence[Certificate],
    *,
    http: int,
    https: int,
    fallback: Certificate,
    routes: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return the listeners at these ports.

    ``fallback`` is for clients that ask for a name of no certificate; ``routes`` is where the
    routes come from: Envoy's `rds`, or `route_config` with the routes themselves.
    """
    pairs = sorted(certificates, key=lambda each: sorted(sni.name for sni in each.snis))
    context = {
        "@type": _TLS,
        "common_tls_context": {
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "tls_certificates": [_pair(each) for each in (pairs or [fallback])],
        },
    }
    secure = {"name": "envoy.transport_sockets.tls", "typed_config": context}
    return [
        _listener("http", http, [{"filters": [_manager("http", routes)]}]),
        _listener(
            "https", https, [{"filters": [_manager("https", routes)], "transport_socket": secure}]
        ),
    ]


def _listener(name: str, port: int, chains: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": f"{TYPE}config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": "::", "port_value": port, "ipv4_compat": True}},
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "filter_chains": chains,
    }
    if name == "https":
        inspector = f"{_FILTERS}.listener.tls_inspector.v3.TlsInspector"
        found["listener_filters"] = [
            {"name": "envoy.filters.listener.tls_inspector", "typed_config": {"@type": inspector}}
        ]
    return found


def _manager(name: str, routes: Mapping[str, Any]) -> dict[str, Any]:
    config = {
        "@type": _MANAGER,
        "stat_prefix": name,
        **routes,
        "http_filters": _http_filters(),
        "local_reply_config": _local_replies(),
        "access_log": [
            {
                "name": "envoy.access_loggers.stdout",
                "typed_config": {
                    "@type": _LOG,
                    "log_format": {"json_format": _LOGGED, "omit_empty_values": True},
                },
            }
        ],
        # The client is who opened the connection; what it says of itself comes before in the list.
        "use_remote_address": True,
        "generate_request_id": False,
        "preserve_external_request_id": True,
        "normalize_path": True,
        "server_header_transformation": "PASS_THROUGH",
        "common_http_protocol_options": {"idle_timeout": "75s"},
        "request_headers_timeout": "60s",
        "http2_protocol_options": _HTTP_2,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def _http_filters() -> list[dict[str, Any]]:
    """Return the filters in Kong's order; each does nothing but where a route says what."""
    never = {"filter_enabled": _ONCE, "filter_enforced": _ONCE, "stat_prefix": "rate_limiting"}
    size = {"@type": request_size_limiting.CONFIG, "max_request_bytes": 2**32 - 1}
    return [
        {"name": MUTATION, "typed_config": {"@type": _MUTATION}},
        {"name": cors.FILTER, "typed_config": {"@type": _CORS}},
        {"name": ip_restriction.FILTER, "typed_config": {"@type": _RBAC}},
        {"name": request_size_limiting.FILTER, "disabled": True, "typed_config": size},
        {
            "name": rate_limiting.FILTER,
            "typed_config": {"@type": rate_limiting.CONFIG, **never},
        },
        {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": _ROUTER, "suppress_envoy_headers": True},
        },
    ]


def _local_replies() -> dict[str, Any]:
    by_flag = [
        {
            "filter": {"response_flag_filter": {"flags": [flag]}},
            "status_code": status,
            "body": {"inline_string": text},
        }
        for flag, (status, text) in _SAID.items()
    ]
    return {
        "mappers": [_LIMITED, *by_flag],
        "body_format": {
            "json_format": {"message": "%LOCAL_REPLY_BODY%"},
            "content_type": "application/json; charset=utf-8",
        },
    }


def _pair(certificate: Certificate) -> dict[str, Any]:
    return {
        "certificate_chain": {"inline_string": certificate.cert},
        "private_key": {"inline_string": certificate.key},
    }
