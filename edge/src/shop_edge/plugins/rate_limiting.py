"""`rate-limiting`: so many requests of one address in a second, minute, hour or day.

Kong counts by windows of the clock; Envoy's buckets start full and fill steadily. So the first
burst is the same, and after it requests get through one by one rather than all at the next window.
Source: Kong, "Rate Limiting"; Envoy, "Local rate limit".
"""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from shop_edge.plugins.settings import TYPE, PluginSettings

FILTER = "envoy.filters.http.local_ratelimit"
CONFIG = f"{TYPE}extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
# One subscriber has a /64 of IPv6 at least, and may use another address of it for each request.
_ADDRESS = {"masked_remote_address": {"v6_prefix_mask_len": 64}}
# More addresses than these share the room by who was seen last.
_ADDRESSES = 10_000
_UNBOUNDED = {"max_tokens": 4_000_000_000, "tokens_per_fill": 4_000_000_000, "fill_interval": "1s"}
_ALWAYS = {"default_value": {"numerator": 100}}


class RateLimiting(PluginSettings):
    """Nobody signs in at the stand-in, so a consumer or a credential is the address, as in Kong."""

    plugin: ClassVar[str] = "rate-limiting"

    second: int | None = Field(default=None, ge=1)
    minute: int | None = Field(default=None, ge=1)
    hour: int | None = Field(default=None, ge=1)
    day: int | None = Field(default=None, ge=1)
    policy: Literal["local"] = "local"
    limit_by: Literal["consumer", "credential", "ip", "service"] = "consumer"
    fault_tolerant: bool = True
    hide_client_headers: bool = False
    error_code: Literal[429] = 429
    error_message: Literal["API rate limit exceeded"] = "API rate limit exceeded"
    sync_rate: Literal[-1] = -1

    @model_validator(mode="after")
    def _has_a_limit(self) -> "RateLimiting":
        if not self.limits():
            raise ValueError(f"at least one of these fields must be set: {', '.join(_SECONDS)}")
        return self

    def limits(self) -> dict[str, int]:
        """Return how many requests by the name of the time."""
        return {name: n for name in _SECONDS if (n := getattr(self, name)) is not None}


def filters(settings: RateLimiting) -> dict[str, Any]:
    """Return the route's configuration by Envoy's filters."""
    by_address = settings.limit_by != "service"
    actions = [
        {
            "actions": [
                {"generic_key": {"descriptor_key": "window", "descriptor_value": name}},
                *([_ADDRESS] if by_address else []),
            ]
        }
        for name in settings.limits()
    ]
    descriptors = [
        {
            "entries": [
                {"key": "window", "value": name},
                *([{"key": key} for key in _ADDRESS] if by_address else []),
            ],
            "token_bucket": {
                "max_tokens": n,
                "tokens_per_fill": n,
                "fill_interval": f"{_SECONDS[name]}s",
            },
        }
        for name, n in settings.limits().items()
    ]
    wait = max(-(-_SECONDS[name] // n) for name, n in settings.limits().items())
    config: dict[str, Any] = {
        "@type": CONFIG,
        "stat_prefix": "rate_limiting",
        "token_bucket": _UNBOUNDED,
        "filter_enabled": _ALWAYS,
        "filter_enforced": _ALWAYS,
        "rate_limits": actions,
        "descriptors": descriptors,
        "always_consume_default_token_bucket": False,
        "max_dynamic_descriptors": _ADDRESSES,
        "response_headers_to_add": [
            {
                "header": {"key": "retry-after", "value": str(wait)},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }
    if not settings.hide_client_headers:
        config["enable_x_ratelimit_headers"] = "DRAFT_VERSION_03"
    return {FILTER: config}
