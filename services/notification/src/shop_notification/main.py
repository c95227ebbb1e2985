"""The notification service, wired."""

from __future__ import annotations

from functools import partial

from aio_pika.abc import AbstractConnection

from shop_notification import api, consumers, queues, relay
from shop_notification.channels.contract import Channel
from shop_notification.channels.email import EmailChannel
from shop_notification.channels.push import PushChannel
from shop_notification.channels.sms import SmsChannel
from shop_notification.queues import Broker
from shop_notification.sender import Sender
from shop_notification.settings import Settings
from shop_shared import cli
from shop_shared.http import health, problems
from shop_shared.http.app import create_app
from shop_shared.http.tokens import create_verifier, revocations_of
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import consume
from shop_shared.messaging.inbox import SqlInbox
from shop_shared.server import Service
from shop_shared.stores import migrations, postgres

CONTRACT = Contract(consumes=consumers.CONSUMES)


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    engine = postgres.create_engine(settings)
    channels: dict[str, Channel] = {
        "email": EmailChannel(settings),
        "sms": SmsChannel(settings),
        "push": PushChannel(settings),
    }
    sender = Sender(engine, settings, channels)
    revocations = revocations_of(settings)
    verifier = create_verifier(settings, revocations=revocations)
    app = create_app(settings, title="Minishop notifications", contract=CONTRACT, verifier=verifier)
    app.state.engine = engine
    problems.install_unavailable(app, postgres.ERRORS, is_temporary=postgres.is_temporary)
    app.include_router(api.router)
    health.install(app, required={"postgres": postgres.check(engine)})
    consumer = partial(
        consume,
        settings,
        group=consumers.GROUP,
        topics=list(consumers.CONSUMES),
        handlers=consumers.HANDLERS,
        inbox=SqlInbox(engine),
    )

    async def work(connection: AbstractConnection, broker: Broker) -> None:
        await sender.consume(connection, broker)
        await relay.run(engine, settings, broker)

    broker = partial(
        queues.run,
        settings.rabbitmq_url.get_secret_value(),
        settings.retry_delays_seconds,
        work,
    )
    return Service(
        app=app,
        background=(consumer, broker),
        close=(
            sender.finish,
            *(channel.close for channel in channels.values()),
            revocations.close,
            engine.dispose,
        ),
    )


def run() -> None:
    """Do what the command line's word says: serve, migrate or print a contract."""
    cli.run(
        Settings,
        create,
        contract=CONTRACT,
        migrate=partial(migrations.run, package="shop_notification"),
    )
