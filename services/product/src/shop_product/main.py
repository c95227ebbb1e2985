"""The product service, wired."""

import asyncio
from functools import partial

from pymongo.errors import PyMongoError

from shop_product import api, consumers, events, sweeper
from shop_product.api import imports
from shop_product.api.list_cache import ListCache
from shop_product.migrations import schema
from shop_product.repository.store import Store
from shop_product.settings import Settings
from shop_shared import cli
from shop_shared.http import health, problems
from shop_shared.http.app import BodyLimits, create_app
from shop_shared.http.tokens import create_verifier, revocations_of
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import consume
from shop_shared.messaging.mongo_events import MongoInbox
from shop_shared.server import Service
from shop_shared.stores import mongo

CONTRACT = Contract(publishes=events.PUBLISHED, consumes=consumers.CONSUMES)


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    client = mongo.create_client(settings)
    store = Store(client)
    revocations = revocations_of(settings)
    app = create_app(
        settings,
        title="Minishop products",
        contract=CONTRACT,
        verifier=create_verifier(settings, revocations=revocations),
        bodies=BodyLimits(paths={imports.PATH: imports.LIMITS}),
    )
    app.state.store = store
    app.state.lists = ListCache(seconds=settings.list_cache_seconds)
    problems.install_unavailable(app, [PyMongoError], is_temporary=mongo.is_temporary)
    app.include_router(api.router)
    health.install(app, required={"mongodb": mongo.check(client)})
    consumer = partial(
        consume,
        settings,
        group=consumers.GROUP,
        topics=list(consumers.CONSUMES),
        handlers=consumers.handlers(settings),
        inbox=MongoInbox(client, store.database),
    )
    return Service(
        app=app,
        background=(consumer, partial(sweeper.run, store, settings)),
        close=(client.close, revocations.close),
    )


def migrate(settings: Settings) -> None:
    """Bring the database to the state this version wants."""

    async def work() -> None:
        async with mongo.create_client(settings) as client:
            await schema.migrate(client.get_default_database())

    asyncio.run(work())


def run() -> None:
    """Do what the command line's word says: serve, migrate or print a contract."""
    cli.run(Settings, create, contract=CONTRACT, migrate=migrate)
