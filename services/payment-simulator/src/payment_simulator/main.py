"""The payment simulator, wired."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI, Request, Response

from payment_simulator import admin, midtrans, paypal, stripe, xendit
from payment_simulator.dashboard import Dashboard
from payment_simulator.desk import Desk, answer
from payment_simulator.faults import Faults, NotAuthorisedFault, ServerError, UnreadableFault
from payment_simulator.settings import Settings
from payment_simulator.webhooks import Webhooks
from shop_shared import cli
from shop_shared.http import health
from shop_shared.http.app import BodyLimits, create_app
from shop_shared.server import Service

PROVIDERS = ("stripe", "paypal", "xendit", "midtrans")


def create(settings: Settings) -> Service:
    """Wire the simulator."""
    faults = Faults(settings.hang_seconds)
    webhooks = Webhooks(settings.webhook_url)
    desks = {name: Desk(name, settings, faults, webhooks) for name in PROVIDERS}
    signer = paypal.Signer()
    app = create_app(
        settings,
        title="Payment simulator",
        bodies=BodyLimits(media_types=None, check_json=False),
    )
    app.state.desks = desks
    app.state.signer = signer
    app.include_router(stripe.router(desks["stripe"]))
    app.include_router(paypal.router(desks["paypal"], signer))
    app.include_router(xendit.router(desks["xendit"]))
    app.include_router(midtrans.router(desks["midtrans"]))
    settles = {
        "stripe": partial(stripe.settle, desks["stripe"]),
        "paypal": partial(paypal.settle, desks["paypal"], signer),
        "xendit": partial(xendit.settle, desks["xendit"]),
        "midtrans": partial(midtrans.settle, desks["midtrans"]),
    }
    dashboard = Dashboard(desks, signer)
    app.state.dashboard = dashboard
    app.include_router(admin.router(faults, desks, settles, dashboard))
    _install_errors(app)
    health.install(app)
    return Service(app=app, close=(webhooks.close,))


_NOT_AUTHORISED = {
    "stripe": stripe.not_authorised,
    "paypal": paypal.not_authorised,
    "xendit": xendit.not_authorised,
    "midtrans": midtrans.not_authorised,
}


def run() -> None:
    """Do what the command line's word says."""
    cli.run(Settings, create)


def _install_errors(app: FastAPI) -> None:
    async def of_provider(_request: Request, error: Exception) -> Response:
        if isinstance(error, stripe.StripeError | xendit.XenditError):
            return error.response
        raise error

    async def of_fault(_request: Request, _error: Exception) -> Response:
        return answer({"error": {"type": "api_error", "message": "ordered to fail"}}, 500)

    async def not_authorised(request: Request, _error: Exception) -> Response:
        return _NOT_AUTHORISED[request.url.path.split("/")[1]]()

    async def unreadable(_request: Request, _error: Exception) -> Response:
        return Response("<html><h1>We'll be right back</h1></html>", media_type="text/html")

    app.add_exception_handler(NotAuthorisedFault, not_authorised)
    app.add_exception_handler(UnreadableFault, unreadable)
    app.add_exception_handler(stripe.StripeError, of_provider)
    app.add_exception_handler(xendit.XenditError, of_provider)
    app.add_exception_handler(ServerError, of_fault)
