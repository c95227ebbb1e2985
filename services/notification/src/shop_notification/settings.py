"""The notification service's settings; the docs' table is made from them."""

from __future__ import annotations

from pydantic import Field, SecretStr

from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The notification service's settings."""

    service_name: str = "notification"
    database_url: SecretStr = Field(description="postgresql://…")
    rabbitmq_url: SecretStr = Field(description="amqp://…")

    gather_seconds: float = Field(
        0.25, ge=0, description="How long events are gathered to be handled together"
    )
    relay_interval_seconds: float = Field(
        1.0, gt=0, description="How often due messages are looked for; new ones go at once"
    )
    prefetch: int = Field(10, ge=1, description="Messages in hand at once")
    retry_first_seconds: float = Field(
        5, gt=0, description="Before the second try; doubles with each further one"
    )
    retry_most_seconds: float = Field(600, gt=0, description="The longest pause between two tries")
    max_attempts: int = Field(9, ge=1, description="Tries after which a message is parked")
    lease_seconds: float = Field(120, gt=0, description="After which a sender is taken for dead")
    lost_after_seconds: float = Field(
        1200, gt=0, description="After which a message lost with a queue is queued again"
    )
    send_timeout_seconds: float = Field(15, gt=0, description="For one try")
    default_locale: str = Field("en", description="Where a template lacks the reader's language")

    public_url: str = Field(
        "http://127.0.0.1:8080", description="Where people reach the shop, for links in mails"
    )
    keep_messages_days: int = Field(
        90, ge=1, description="After which messages and their attempts are deleted"
    )

    smtp_host: str = Field("mailbox", description="Mail server")
    smtp_port: int = Field(1025, ge=1, le=65535, description="Its port")
    smtp_starttls: bool = Field(default=False, description="Require STARTTLS")
    smtp_username: str | None = Field(None, description="Whom to log in as; none: no login")
    smtp_password: SecretStr | None = Field(None, description="That user's password")
    mail_from: str = Field("Minishop <shop@minishop.dev>", description="Sender of mails")

    sms_base_url: str = Field("http://mailbox:8000/sms", description="Twilio-style API")
    sms_account: str = Field("AC0000000000000000000000000000dev", description="Account SID")
    sms_token: SecretStr = Field(SecretStr("development"), description="Auth token")
    sms_from: str = Field("+15005550006", description="Sender's number")

    push_base_url: str = Field("http://mailbox:8000/push", description="FCM-style API")
    push_project: str = Field("minishop", description="Firebase project")
    push_token: SecretStr = Field(SecretStr("development"), description="OAuth access token")
