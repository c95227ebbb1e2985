"""What the gateway can be told."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from pydantic import Field, SecretStr

from shop_gateway.room import Limits
from shop_shared.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """The gateway's own settings beside those of every service."""

    service_name: str = Field("gateway", description="Name in logs, metrics, traces and groups")
    redis_url: SecretStr = Field(description="redis://…; rate limits are counted there")
    routes_file: Path = Field(
        Path("/etc/minishop/routes/routes.json"),
        description="The route table that the operator writes; followed while running",
    )
    deadline_seconds: float = Field(
        15,
        gt=0,
        le=300,
        description="The longest that a service may be waited for, and a caller with a body",
    )
    upload_seconds: float = Field(
        300,
        gt=0,
        le=3600,
        description="The same for a line-by-line import (NDJSON) and for pictures",
    )
    max_body_bytes: int = Field(1024 * 1024, gt=0, description="The largest request body")
    max_upload_bytes: int = Field(
        64 * 1024 * 1024, gt=0, description="The largest line-by-line import (NDJSON) or picture"
    )
    rate_limit_user: str = Field(
        "1200/minute", description="Requests of one signed-in user, counted in Redis"
    )
    rate_limit_address: str = Field(
        "2400/minute", description="Requests of one address that is not signed in"
    )
    max_at_once: int = Field(
        Limits.at_once,
        gt=0,
        description="Reads under way at a service at a time, for each pod; and all others",
    )
    max_waiting: int = Field(
        Limits.waiting,
        ge=0,
        description="As many more wait for a place, of each kind; others are refused",
    )
    wait_seconds: float = Field(
        Limits.wait_seconds, gt=0, description="The longest that one waits for a place"
    )
    max_streams: int = Field(
        20, gt=0, description="Live streams that one user or address may hold open at a replica"
    )
    cors_origins: tuple[str, ...] = Field(
        ("*",),
        description="Origins whose pages may call the API; none: `[]`. No cookie is ever used",
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks whose X-Forwarded-* headers are believed (an ingress, say)"
    )
    trusted_proxy_hosts: tuple[str, ...] = Field(
        (),
        description="DNS names of pods that are believed likewise (a headless Service)",
    )
