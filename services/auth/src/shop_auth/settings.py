"""What the auth service can be told; the docs' table is made from it."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shop_auth.keys import BadKeyError, KeyRing
from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The auth service's settings."""

    service_name: str = "auth"
    redis_url: SecretStr = Field(description="redis://…, where sessions live")
    environment: Literal["production", "development"] = Field(
        "production", description="In development a signing key is made where none is given"
    )
    signing_keys: SecretStr | None = Field(
        None,
        description="Ed25519 private keys, PKCS#8 PEM; the first signs, all are published;"
        " read again when its file changes",
    )
    service_clients: dict[str, str] = Field(
        {}, description="JSON: client id → SHA-256 (hex) of the client's random secret"
    )
    user_url: str = Field("http://user:8000", description="The user service")
    user_timeout_seconds: float = Field(5, gt=0, description="How long to wait for its answer")
    access_token_seconds: int = Field(600, ge=60, le=3600, description="Life of an access token")
    session_days: int = Field(30, ge=1, le=365, description="Life of a session, however used")
    refresh_grace_seconds: int = Field(
        30, ge=0, description="How long a refresh token may be sent once more: its answer was lost"
    )
    password_tries: int = Field(10, ge=1, description="Wrong passwords before an account waits")
    password_window_seconds: int = Field(900, ge=1, description="How long it waits")

    @property
    def key_prefix(self) -> str:
        """What the service's keys in Redis begin with."""
        return f"{self.redis_key_prefix}auth:"

    @model_validator(mode="after")
    def _has_keys(self) -> Self:
        if self.signing_keys is not None:
            try:
                KeyRing.from_pem(self.signing_keys.get_secret_value())
            except BadKeyError as error:
                raise ValueError(f"SIGNING_KEYS: {error}") from error
        elif self.environment == "production":
            raise ValueError("SIGNING_KEYS is required in production")
        return self
