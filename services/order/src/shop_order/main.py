"""The order service, wired."""

from datetime import timedelta
from functools import partial

from shop_order import api, consumers, events, figures, sweeper
from shop_order.returns import api as returns_api
from shop_order.returns import events as return_events
from shop_order.settings import Settings
from shop_order.state import OrderState
from shop_order.tables import PERSONAL_DATA
from shop_order.tracking import Tracker
from shop_shared import cli
from shop_shared.http import health, idempotency, problems
from shop_shared.http.app import create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.tokens import create_verifier, revocations_of
from shop_shared.messaging import inbox, outbox
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import consumer_of
from shop_shared.server import Service
from shop_shared.stores import erasure, migrations, postgres, retention

CONTRACT = Contract(
    publishes=(*events.PUBLISHED, *return_events.PUBLISHED), subscriptions=consumers.SUBSCRIPTIONS
)


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    engine = postgres.create_engine(settings)
    tracker = Tracker(engine, settings)
    revocations = revocations_of(settings)
    verifier = create_verifier(settings, revocations=revocations)
    app = create_app(settings, title="Minishop orders", contract=CONTRACT, verifier=verifier)
    set_state(app, OrderState(engine=engine, settings=settings, tracker=tracker))
    problems.install_unavailable(app, postgres.ERRORS, is_temporary=postgres.is_temporary)
    app.include_router(figures.router)  # before the orders by their ids
    app.include_router(api.router)
    app.include_router(returns_api.router)
    health.install(app, required={"postgres": postgres.check(engine)})
    consumer = consumer_of(
        settings,
        group=consumers.GROUP,
        subscriptions=consumers.SUBSCRIPTIONS,
        inbox=inbox.SqlInbox(engine),
    )
    return Service(
        app=app,
        contract=CONTRACT,
        background=(
            consumer,
            partial(sweeper.run, engine, settings),
            tracker.run,
            partial(
                retention.run,
                engine,
                outbox.purge,
                inbox.purge,
                idempotency.purge,
                partial(
                    erasure.erase,
                    data=PERSONAL_DATA,
                    keep=timedelta(days=settings.erase_after_days),
                ),
            ),
        ),
        stopping=(tracker.stop,),
        close=(engine.dispose, revocations.close),
    )


def run() -> None:
    """Do what the command line's word says: serve, migrate or print a contract."""
    cli.run(
        Settings,
        create,
        migrate=partial(migrations.run, package="shop_order"),
    )
