"""The shipping service, wired."""

from datetime import timedelta
from functools import partial

from shop_shared import cli
from shop_shared.background import WakeSignal
from shop_shared.http import health, problems
from shop_shared.http.app import create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.tokens import create_verifier, revocations_of
from shop_shared.messaging import inbox, outbox
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import consumer_of
from shop_shared.server import Service
from shop_shared.stores import erasure, migrations, postgres, redis, retention
from shop_shared.stores.pg_notify import listen
from shop_shipping import api, consumers, events, worker
from shop_shipping.cache import Cache
from shop_shipping.repository import CALLS
from shop_shipping.settings import Settings
from shop_shipping.simulated_carrier import SimulatedCarrier
from shop_shipping.state import ShippingState
from shop_shipping.tables import PERSONAL_DATA


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    engine = postgres.create_engine(settings)
    store = redis.create_redis(settings) if settings.redis_url else None
    carrier = SimulatedCarrier(settings)
    signal = WakeSignal()
    revocations = revocations_of(settings)
    verifier = create_verifier(settings, revocations=revocations)
    subscriptions = consumers.subscriptions(carrier.name)
    contract = Contract(publishes=events.PUBLISHED, subscriptions=subscriptions)
    app = create_app(settings, title="Minishop shipping", contract=contract, verifier=verifier)
    state = ShippingState(
        engine=engine,
        settings=settings,
        cache=Cache(
            store,
            prefix=f"{settings.redis_key_prefix}shipping:",
            seconds=settings.tracking_cache_seconds,
        ),
        carrier=carrier,
    )
    set_state(app, state)
    problems.install_unavailable(app, postgres.ERRORS, is_temporary=postgres.is_temporary)
    app.include_router(api.router)
    health.install(
        app,
        required={"postgres": postgres.check(engine)},
        degraded={"redis": redis.check(store)} if store else {},
    )
    consumer = consumer_of(
        settings,
        group=consumers.GROUP,
        subscriptions=subscriptions,
        inbox=inbox.SqlInbox(engine),
    )
    return Service(
        app=app,
        contract=contract,
        background=(
            consumer,
            partial(listen, settings, CALLS.name, signal.wake),
            partial(CALLS.measure, engine),
            partial(worker.run, engine, settings, carrier, signal),
            partial(
                retention.run,
                engine,
                outbox.purge,
                inbox.purge,
                partial(
                    erasure.erase,
                    data=PERSONAL_DATA,
                    keep=timedelta(days=settings.erase_after_days),
                ),
            ),
        ),
        close=(engine.dispose, revocations.close, *([store.aclose] if store else [])),
    )


def run() -> None:
    """Do what the command line's word says: serve, migrate or print a contract."""
    cli.run(
        Settings,
        create,
        migrate=partial(migrations.run, package="shop_shipping"),
    )
