"""The payment service, wired."""

from __future__ import annotations

from functools import partial

from shop_payment import api, consumers, events, reconciler
from shop_payment.provider_calls.queue import CALLS
from shop_payment.provider_calls.worker import ProviderWorker
from shop_payment.providers.catalogue import Catalogue, make_providers
from shop_payment.settings import Settings
from shop_payment.state import PaymentState
from shop_shared import cli
from shop_shared.breaker import CircuitBreaker, ConsecutiveFailures
from shop_shared.http import health, problems
from shop_shared.http.app import BodyLimits, create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.tokens import create_verifier, revocations_of
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import consumer_of
from shop_shared.messaging.inbox import SqlInbox
from shop_shared.server import Service
from shop_shared.stores import migrations, postgres
from shop_shared.stores.pg_notify import listen

CONTRACT = Contract(publishes=events.PUBLISHED, subscriptions=consumers.SUBSCRIPTIONS)

BODIES = BodyLimits(
    # A webhook's signature is over the bytes as they came; its adapter reads them itself.
    paths={"/v1/webhooks/": BodyLimits(media_types=None, check_json=False)}
)


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    engine = postgres.create_engine(settings)
    revocations = revocations_of(settings)
    providers = make_providers(settings)
    catalogue = Catalogue(settings.payment_methods, providers)
    workers = {
        name: ProviderWorker(
            engine,
            provider,
            catalogue=catalogue,
            breaker=CircuitBreaker(
                ConsecutiveFailures(settings.breaker_failures),
                open_seconds=settings.breaker_open_seconds,
            ),
            concurrency=settings.provider_concurrency,
        )
        for name, provider in providers.items()
    }

    def wake(provider: str) -> None:
        for name, worker in workers.items():
            if provider in {name, ""}:
                worker.wake()

    app = create_app(
        settings,
        title="Minishop payments",
        bodies=BODIES,
        contract=CONTRACT,
        verifier=create_verifier(settings, revocations=revocations),
    )
    set_state(app, PaymentState(engine=engine, providers=providers, catalogue=catalogue))
    problems.install_unavailable(app, postgres.ERRORS, is_temporary=postgres.is_temporary)
    app.include_router(api.router)
    app.include_router(api.refund_router)
    app.include_router(api.webhook_router)
    health.install(app, required={"postgres": postgres.check(engine)})
    consumer = consumer_of(
        settings,
        group=consumers.GROUP,
        subscriptions=consumers.SUBSCRIPTIONS,
        inbox=SqlInbox(engine),
    )
    return Service(
        app=app,
        contract=CONTRACT,
        background=(
            consumer,
            *(worker.run for worker in workers.values()),
            partial(listen, settings, CALLS.name, wake),
            partial(CALLS.measure, engine),
            partial(reconciler.run, engine, settings),
            partial(reconciler.purge, engine),
        ),
        close=(
            *(provider.close for provider in providers.values()),
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
        migrate=partial(migrations.run, package="shop_payment"),
    )
