"""What the mailbox can be told."""

from __future__ import annotations

from pydantic import Field

from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The mailbox's settings."""

    service_name: str = "mailbox"
    smtp_port: int = Field(1025, ge=0, le=65535, description="Where mail is taken")
    keep: int = Field(5000, ge=1, description="Messages kept; older ones are dropped")
