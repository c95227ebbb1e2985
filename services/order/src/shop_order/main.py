"""The order service, wired."""

from functools import partial

from shop_order import api, consumers, events, sweeper
from shop_order.settings import Settings
from shop_order.tracking import Tracker
from shop_shared import cli
from shop_shared.http import health, idempotency, problems
from shop_shared.http.app import create_app
from shop_shared.http.tokens import create_verifier, revocations_of
from shop_shared.messaging import inbox, outbox
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import consume
from shop_shared.server import Service
from shop_shared.stores import migrations, postgres, retention

CONTRACT = Contract(publishes=events.PUBLISHED, consumes=consumers.CONSUMES)


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    engine = postgres.create_engine(settings)
    tracker = Tracker(engine, settings)
    revocations = revocations_of(settings)
    verifier = create_verifier(settings, revocations=revocations)
    app = create_app(settings, title="Minishop orders", contract=CONTRACT, verifier=verifier)
    app.state.engine = engine
    app.state.tracker = tracker
    problems.install_unavailable(app, postgres.ERRORS, is_temporary=postgres.is_temporary)
    app.include_router(api.router)
    health.install(app, required={"postgres": postgres.check(engine)})
    consumer = partial(
        consume,
        settings,
        group=consumers.GROUP,
        topics=list(consumers.CONSUMES),
        handlers=consumers.HANDLERS,
        inbox=inbox.SqlInbox(engine),
    )
    return Service(
        app=app,
        background=(
            consumer,
            partial(sweeper.run, engine, settings),
            tracker.run,
            partial(retention.run, engine, outbox.purge, inbox.purge, idempotency.purge),
        ),
        stopping=(tracker.stop,),
        close=(engine.dispose, revocations.close),
    )


def run() -> None:
    """Do what the command line's word says: serve, migrate or print a contract."""
    cli.run(
        Settings,
        create,
        contract=CONTRACT,
        migrate=partial(migrations.run, package="shop_order"),
    )
