"""Xendit lists refunds by pages."""

from __future__ import annotations

import socket
from typing import Any
from uuid import UUID

from fastapi import FastAPI

from shop_payment.domain import Total
from shop_payment.providers.protocol import Charge
from shop_payment.providers.xendit import XenditProvider
from shop_shared.clock import now
from shop_shared.testing import served

CHARGE = Charge(
    payment_id=UUID(int=1),
    order_id=UUID(int=2),
    total=Total(amount=1_000_000, currency="IDR"),
    method="invoice",
    token=None,
    expires_at=now(),
)


async def test_every_page_is_read() -> None:
    made: list[dict[str, Any]] = [
        {"id": f"rfd-{n}", "amount": 10, "currency": "IDR", "status": "SUCCEEDED"}
        for n in range(123)
    ]
    xendit = FastAPI()

    @xendit.get("/refunds")
    async def refunds(
        invoice_id: str, limit: int = 10, after_id: str | None = None
    ) -> dict[str, Any]:
        assert invoice_id == "inv-1"
        first = 0 if after_id is None else [each["id"] for each in made].index(after_id) + 1
        return {"data": made[first : first + limit], "has_more": first + limit < len(made)}

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        async with served(xendit, listener) as url:
            provider = XenditProvider(
                base_url=url, secret_key="", callback_token="", return_url="", timeout=60
            )
            found = await provider.fetch_refunds(CHARGE, "inv-1")
            await provider.close()
    assert [report.reference for report in found] == [refund["id"] for refund in made]
