"""PayPal's no to our credentials is none to a payment."""

from __future__ import annotations

import socket
from uuid import UUID

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from shop_payment.domain import Total
from shop_payment.providers.paypal import PayPalProvider
from shop_payment.providers.paypal_webhooks import PayPalSignatures
from shop_payment.providers.protocol import Charge, NotAuthorisedError
from shop_shared.clock import now
from shop_shared.testing import served

PATIENCE = 60
CHARGE = Charge(
    payment_id=UUID(int=1),
    order_id=UUID(int=2),
    total=Total(amount=1999, currency="USD"),
    method="paypal",
    token=None,
    expires_at=now(),
)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, "invalid_client"), (400, "unauthorized_client"), (401, "invalid_client")],
)
async def test_a_refused_access_token_decides_nothing(status: int, error: str) -> None:
    """OAuth answers 400 to most of what is wrong with a client (RFC 6749, 5.2)."""
    paypal = FastAPI()

    @paypal.post("/v1/oauth2/token")
    async def token() -> Response:
        return JSONResponse({"error": error}, status_code=status)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        async with served(paypal, listener) as url:
            provider = PayPalProvider(
                base_url=url,
                client_id="id",
                client_secret="secret",
                signatures=PayPalSignatures(webhook_id="", origins=(), timeout=PATIENCE),
                return_url="",
                timeout=PATIENCE,
            )
            try:
                with pytest.raises(NotAuthorisedError, match=error):
                    await provider.create(CHARGE)
            finally:
                await provider.close()
