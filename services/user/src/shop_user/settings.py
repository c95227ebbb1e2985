"""What the user service can be told; the docs' table is made from it."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from shop_shared.emails import Email
from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The user service's settings."""

    service_name: str = "user"
    database_url: SecretStr = Field(description="postgresql://…")
    password_threads: int = Field(2, ge=1, le=16, description="Threads that hash passwords")
    password_waiting: int = Field(
        64, ge=1, description="Callers who may wait for a hash; one more is answered 429"
    )
    admin_email: Email | None = Field(None, description="First administrator, made by `migrate`")
    admin_password: SecretStr | None = Field(None, description="The administrator's password")

    @model_validator(mode="after")
    def _admin_is_whole(self) -> Self:
        if self.admin_email and self.admin_password is None:
            raise ValueError("ADMIN_PASSWORD is required with ADMIN_EMAIL")
        return self
