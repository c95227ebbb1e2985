"""Settings: the environment first, then files under /vault/secrets, named as the setting."""

import os
import sys
from pathlib import Path
from typing import NoReturn, TypeVar

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS_DIR = "/vault/secrets"


def secrets_dir() -> Path:
    """Return where the secret provider writes its files (`SECRETS_DIR` overrides)."""
    return Path(os.environ.get("SECRETS_DIR", SECRETS_DIR))


class ServiceSettings(BaseSettings):
    """What every service can be told. A service's own settings.py adds its fields.

    `database_url` and its like are None here; a service that needs one declares it again
    without the None.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    service_name: str = Field("shop", description="Name in logs, metrics, traces and groups")
    host: str = Field("", description="Address to listen on; empty: all, of IPv4 and IPv6")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on")
    log_level: str = Field(
        "info",
        pattern="(?i)^(debug|info|warning|error)$",
        description="The least that is logged: debug, info, warning or error",
    )
    kafka_bootstrap_servers: str = Field(
        "minishop-kafka-bootstrap.platform:9092", description="host:port, comma separated"
    )
    kafka_topic_prefix: str = Field(
        "", description="Before the names of topics and groups; the operator sets it per namespace"
    )
    database_url: SecretStr | None = Field(
        None, description="postgresql://… or mongodb://…; read again when its file changes"
    )
    vault_agent_url: str | None = Field(
        None,
        description="The agent that writes `database_url`; asked for another when it is refused",
    )
    database_pool_size: int = Field(5, ge=1, le=100, description="Connections a process keeps")
    redis_url: SecretStr | None = Field(None, description="redis://…")
    redis_key_prefix: str = Field(
        "", description="Before the names of keys in Redis; the operator sets it per namespace"
    )
    rabbitmq_url: SecretStr | None = Field(None, description="amqp://…")
    jwks_url: str = Field(
        "http://auth:8000/.well-known/jwks.json", description="Keys that tokens are signed by"
    )
    jwt_issuer: str = Field("https://auth.minishop.dev", description="`iss` of every token")
    jwt_audience: str = Field("minishop", description="`aud` of every token")
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint"),
        description="OpenTelemetry collector (OTLP over HTTP); none: nothing is sent",
    )
    shutdown_grace_seconds: float = Field(
        20, gt=0, description="Time to finish requests and the batch in hand after SIGTERM"
    )


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def load_settings(settings: type[SettingsT]) -> SettingsT:
    """Read the settings, or print one line a bad setting on stderr and exit with status 2."""
    directory = secrets_dir()
    try:
        return settings(_secrets_dir=directory if directory.is_dir() else None)
    except ValidationError as error:
        _stop(error)


def read_secret(name: str) -> str | None:
    """Read a secret's file as it is now, or None where its value comes from the environment."""
    if name.upper() in os.environ or name in os.environ:
        return None
    file = secrets_dir() / name
    return file.read_text().strip() if file.is_file() else None


def secret_version(name: str) -> tuple[int, int, int] | None:
    """Return what differs once a secret's file was written anew; None where there is no file."""
    try:
        found = (secrets_dir() / name).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _stop(error: ValidationError) -> NoReturn:
    for problem in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in problem["loc"]).upper() or "settings"
        print(f"setting {name}: {problem['msg']}", file=sys.stderr)  # noqa: T201 - no log yet
    raise SystemExit(2)
