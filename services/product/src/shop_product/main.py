"""The product service, wired."""

import asyncio
from functools import partial

from pymongo.errors import PyMongoError

from shop_product import api, consumers, events, stock_figures, sweeper
from shop_product.api import images, imports
from shop_product.images.encoder import ImageEncoder
from shop_product.list_cache import ListCache
from shop_product.migrations import schema
from shop_product.repository.store import Store
from shop_product.settings import Settings
from shop_product.state import ProductState
from shop_shared import cli
from shop_shared.http import health, problems
from shop_shared.http.app import BodyLimits, create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.tokens import create_verifier, revocations_of
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import consumer_of
from shop_shared.messaging.mongo_events import MongoInbox
from shop_shared.server import Service
from shop_shared.stores import mongo


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    client = mongo.create_client(settings)
    store = Store(client)
    revocations = revocations_of(settings)
    subscriptions = consumers.subscriptions(settings.reservation_time)
    contract = Contract(publishes=events.PUBLISHED, subscriptions=subscriptions)
    app = create_app(
        settings,
        title="Minishop products",
        contract=contract,
        verifier=create_verifier(settings, revocations=revocations),
        bodies=BodyLimits(paths={imports.PATH: imports.LIMITS, images.PATH: images.LIMITS}),
    )
    lists = ListCache(seconds=settings.list_cache_seconds)
    encoder = ImageEncoder()
    set_state(app, ProductState(store=store, lists=lists, encoder=encoder, settings=settings))
    problems.install_unavailable(app, [PyMongoError], is_temporary=mongo.is_temporary)
    app.include_router(api.router)
    health.install(app, required={"mongodb": mongo.check(client)})
    consumer = consumer_of(
        settings,
        group=consumers.GROUP,
        subscriptions=subscriptions,
        inbox=MongoInbox(client, store.database),
    )
    return Service(
        app=app,
        contract=contract,
        background=(
            consumer,
            partial(sweeper.run, store, settings),
            partial(stock_figures.run, store.database),
        ),
        close=(client.close, encoder.close, revocations.close),
    )


def migrate(settings: Settings) -> None:
    """Bring the database to the state this version wants."""

    async def work() -> None:
        async with mongo.create_client(settings) as client:
            currencies = {settings.currency, *settings.indexed_currencies}
            await schema.migrate(client.get_default_database(), currencies=sorted(currencies))

    asyncio.run(work())


def run() -> None:
    """Do what the command line's word says: serve, migrate or print a contract."""
    cli.run(Settings, create, migrate=migrate)
