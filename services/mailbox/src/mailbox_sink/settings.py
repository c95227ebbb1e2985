"""What the mailbox can be told."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The mailbox's settings."""

    service_name: str = "mailbox"
    smtp_port: int = Field(1025, ge=0, le=65535, description="Where mail is taken")
    smtp_username: str = Field("minishop", description="Who may log in; nobody has to")
    smtp_password: SecretStr = Field(
        SecretStr("mailbox-development"), description="The password of that login"
    )
    keep: int = Field(5000, ge=1, description="Messages kept; older ones are dropped")
