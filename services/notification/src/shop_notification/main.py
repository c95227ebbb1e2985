"""The notification service, wired."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from aio_pika.abc import AbstractConnection

from shop_notification import api, consumers, queues, relay
from shop_notification.channels.email import EmailChannel
from shop_notification.channels.protocol import Channel
from shop_notification.channels.push import PushChannel
from shop_notification.channels.sms import SmsChannel
from shop_notification.queues import Broker
from shop_notification.repository import erasure
from shop_notification.repository.link_keys import LinkKey
from shop_notification.repository.sending import MESSAGES
from shop_notification.sender import Sender
from shop_notification.settings import Settings
from shop_notification.state import NotificationState
from shop_shared import cli
from shop_shared.background import WakeSignal
from shop_shared.http import health, idempotency, problems
from shop_shared.http.app import BodyLimits, create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.tokens import create_verifier, revocations_of
from shop_shared.messaging import inbox
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import consumer_of
from shop_shared.messaging.inbox import SqlInbox
from shop_shared.server import Service
from shop_shared.stores import migrations, postgres, retention
from shop_shared.stores.pg_notify import listen

CONTRACT = Contract(subscriptions=consumers.SUBSCRIPTIONS)
BODIES = BodyLimits(
    paths={
        # RFC 8058: mail programs post a form.
        f"{api.UNSUBSCRIBE}/": BodyLimits(max_bytes=4096, media_types=None, check_json=False)
    }
)


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    engine = postgres.create_engine(settings)
    channels: dict[str, Channel] = {
        "email": EmailChannel(settings),
        "sms": SmsChannel(settings),
        "push": PushChannel(settings),
    }
    link_key = LinkKey(engine)
    sender = Sender(engine, settings, channels, link_key)
    revocations = revocations_of(settings)
    verifier = create_verifier(settings, revocations=revocations)
    app = create_app(
        settings,
        title="Minishop notifications",
        bodies=BODIES,
        contract=CONTRACT,
        verifier=verifier,
    )
    set_state(app, NotificationState(engine=engine, settings=settings, link_key=link_key))
    problems.install_unavailable(app, postgres.ERRORS, is_temporary=postgres.is_temporary)
    app.include_router(api.router)
    health.install(app, required={"postgres": postgres.check(engine)})
    consumer = consumer_of(
        settings,
        group=consumers.GROUP,
        subscriptions=consumers.SUBSCRIPTIONS,
        inbox=SqlInbox(engine),
        gather_seconds=settings.gather_seconds,
    )
    new_messages = WakeSignal()

    async def work(connection: AbstractConnection, broker: Broker) -> None:
        await sender.consume(connection, broker)
        await relay.run(engine, settings, broker, new_messages)

    broker = partial(
        queues.run,
        settings.rabbitmq_url.get_secret_value(),
        work,
    )
    retain = partial(
        retention.run,
        engine,
        erasure.suppress_unclaimed,
        partial(erasure.purge_messages, keep=timedelta(days=settings.keep_messages_days)),
        erasure.erase_latecomers,
        erasure.purge_erased,
        inbox.purge,
        idempotency.purge,
    )
    return Service(
        app=app,
        background=(
            consumer,
            broker,
            partial(listen, settings, MESSAGES.name, new_messages.wake),
            retain,
            partial(MESSAGES.measure, engine),
        ),
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
