"""Orders faults, plays the customer, and shows what the simulator has."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from payment_simulator.dashboard import Dashboard
from payment_simulator.desk import Desk
from payment_simulator.faults import Fault, Faults
from shop_shared.models import StrictModel

Settle = Callable[..., None]
Provider = Literal["stripe", "paypal", "xendit", "midtrans"]


class OrderFault(StrictModel):
    """A fault for the next calls of a provider."""

    fault: Fault
    times: int = Field(1, ge=1, le=10_000)
    seconds: float | None = Field(None, gt=0, le=600, description="Of a delay or a hanging answer")


def router(
    faults: Faults,
    desks: Mapping[str, Desk],
    settles: Mapping[str, Settle],
    dashboard: Dashboard,
) -> APIRouter:
    """Make the routes of the simulator itself."""
    routes = APIRouter(tags=["simulator"])

    @routes.post("/simulator/faults/{provider}", status_code=204)
    async def order_fault(provider: Provider, wanted: OrderFault) -> None:
        faults.order(provider, wanted.fault, times=wanted.times, seconds=wanted.seconds)

    @routes.delete("/simulator/faults", status_code=204)
    async def clear_faults() -> None:
        faults.clear()

    @routes.get("/simulator/{provider}/charges")
    async def charges(provider: Provider) -> dict[str, Any]:
        desk = desks[provider]
        return {"created": desk.created, "items": list(desk.charges.values())}

    @routes.post("/simulator/{provider}/charges/{reference}/{act}", status_code=204)
    async def settle(provider: Provider, reference: str, act: Literal["pay", "decline"]) -> None:
        try:
            settles[provider](reference, paid=act == "pay")
        except KeyError:
            raise HTTPException(404, "no such charge") from None

    @routes.post("/simulator/{provider}/charges/{reference}/dashboard/{act}", status_code=204)
    async def on_dashboard(
        provider: Provider, reference: str, act: Literal["refund", "dispute"]
    ) -> None:
        try:
            acts = {"refund": dashboard.refund, "dispute": dashboard.dispute}
            acts[act](provider, reference)
        except KeyError:
            raise HTTPException(404, "no such charge that took money") from None

    @routes.get("/pay/{provider}/{reference}", response_class=HTMLResponse)
    async def page(provider: Provider, reference: str) -> str:
        return _PAGE.format(provider=html.escape(provider), reference=html.escape(reference))

    @routes.post("/pay/{provider}/{reference}", response_class=HTMLResponse)
    async def pressed(request: Request, provider: Provider, reference: str) -> str:
        pressed = parse_qs((await request.body()).decode()).get("act", [])
        await settle(provider, reference, "pay" if pressed == ["pay"] else "decline")
        return_url = html.escape(desks[provider].settings.return_url)
        back = f'<p><a href="{return_url}">Back to the shop</a>' if return_url else ""
        return (
            f"<!doctype html><title>Thank you</title><p>Thank you. You can close this page.{back}"
        )

    return routes


_PAGE = """<!doctype html><meta name="viewport" content="width=device-width">
<title>Simulated {provider}</title>
<style>body{{font:1rem system-ui;max-width:30rem;margin:3rem auto}}
button{{padding:.7rem 2rem}}</style>
<h1>Simulated {provider}</h1><p>Charge <code>{reference}</code></p>
<form method="post"><button name="act" value="pay">Pay</button>
<button name="act" value="decline">Decline</button></form>"""
