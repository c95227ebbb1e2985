"""`cors`: which origins' pages may call, and preflight requests are answered at the edge."""

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from shop_edge.plugins.settings import TYPE, HeaderName, PluginSettings

FILTER = "envoy.filters.http.cors"
_POLICY = f"{TYPE}extensions.filters.http.cors.v3.CorsPolicy"
_METHODS = ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT")


class Cors(PluginSettings):
    """`origins` are literal or regular expressions; `max_age` is in seconds."""

    plugin: ClassVar[str] = "cors"

    origins: tuple[str, ...] = ("*",)
    methods: tuple[str, ...] = _METHODS
    headers: tuple[HeaderName, ...] = ()
    exposed_headers: tuple[HeaderName, ...] = ()
    max_age: int | None = Field(default=None, ge=0)
    credentials: bool = False
    private_network: bool = False
    preflight_continue: Literal[False] = False
    allow_origin_absent: Literal[True] = True

    @field_validator("origins")
    @classmethod
    def _are_expressions(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for each in origins:
            if each != "*":
                try:
                    re.compile(each)
                except re.error as error:
                    raise ValueError(f"{each!r} is not a valid regex: {error}") from error
        return origins


def filters(settings: Cors) -> dict[str, Any]:
    """Return the route's configuration by Envoy's filters."""
    policy: dict[str, Any] = {
        "@type": _POLICY,
        "allow_origin_string_match": [_origin(each) for each in settings.origins],
        "allow_methods": ",".join(settings.methods),
        "allow_credentials": settings.credentials,
        "allow_private_network_access": settings.private_network,
        "forward_not_matching_preflights": False,
    }
    if settings.headers:
        policy["allow_headers"] = ",".join(settings.headers)
    if settings.exposed_headers:
        policy["expose_headers"] = ",".join(settings.exposed_headers)
    if settings.max_age is not None:
        policy["max_age"] = str(settings.max_age)
    return {FILTER: policy}


def _origin(origin: str) -> dict[str, Any]:
    if origin == "*":
        return {"safe_regex": {"regex": ".*"}}
    if re.fullmatch(r"https?://[-a-zA-Z0-9.]+(:\d+)?", origin):
        return {"exact": origin}
    return {"safe_regex": {"regex": origin}}
