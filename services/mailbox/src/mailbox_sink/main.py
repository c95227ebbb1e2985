"""The mailbox, wired."""

from __future__ import annotations

from mailbox_sink import api, slack, smtp
from mailbox_sink.box import Box
from mailbox_sink.settings import Settings
from shop_shared import cli
from shop_shared.http import health
from shop_shared.http.app import BodyLimits, create_app
from shop_shared.server import Service


def create(settings: Settings) -> Service:
    """Wire the mailbox."""
    box = Box(settings.keep)
    app = create_app(
        settings, title="Mailbox", bodies=BodyLimits(media_types=None, check_json=False)
    )
    app.state.box = box
    app.include_router(api.router(box))
    app.include_router(slack.router(box))
    health.install(app)

    async def take_mail() -> None:
        server = await smtp.serve(box, settings)
        async with server:
            await server.serve_forever()

    return Service(app=app, background=(take_mail,))


def run() -> None:
    """Do what the command line's word says."""
    cli.run(Settings, create)
