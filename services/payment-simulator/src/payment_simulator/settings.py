"""What the simulator can be told. Its keys open nothing: they are the same for everyone."""

from __future__ import annotations

from pydantic import Field

from shop_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the payment simulator."""

    service_name: str = Field("payment-simulator", description="Name in logs and metrics")
    own_url: str = Field(
        "http://payment-simulator:8000", description="Where the payment service reaches it"
    )
    page_url: str = Field(
        "http://payment-simulator:8000", description="Where a customer's browser reaches it"
    )
    webhook_url: str = Field(
        "http://payment:8000/v1/webhooks", description="Webhooks go to <this>/<provider>"
    )
    return_url: str = Field(
        "", description="Where its pages lead a customer back to; empty: they do not"
    )
    hang_seconds: float = Field(35, gt=0, description="How long a hanging answer takes")

    stripe_api_key: str = "sk_test_minishop"
    stripe_webhook_secret: str = "whsec_minishop"  # noqa: S105 - the development one
    paypal_client_id: str = "minishop"
    paypal_client_secret: str = "minishop-development"  # noqa: S105 - the development one
    paypal_webhook_id: str = "WH-MINISHOP"
    xendit_secret_key: str = "xnd_development_minishop"  # noqa: S105 - the development one
    xendit_callback_token: str = "xendit-callback-development"  # noqa: S105 - the development one
    midtrans_server_key: str = "SB-Mid-server-minishop"
