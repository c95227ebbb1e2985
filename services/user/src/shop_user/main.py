"""The user service, wired."""

import asyncio
from functools import partial

from shop_shared import cli
from shop_shared.background import WakeSignal
from shop_shared.http import health, problems
from shop_shared.http.app import create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.tokens import create_verifier, revocations_of
from shop_shared.messaging import outbox
from shop_shared.messaging.asyncapi import Contract
from shop_shared.server import Service
from shop_shared.stores import migrations, postgres, retention
from shop_shared.stores.pg_notify import listen
from shop_user import api, events
from shop_user.passwords import Passwords
from shop_user.repository import codes, password_resets, password_tries
from shop_user.service import password_reset
from shop_user.service.administration import ensure_admin
from shop_user.settings import Settings
from shop_user.state import UserState

CONTRACT = Contract(publishes=events.PUBLISHED)


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    engine = postgres.create_engine(settings)
    passwords = Passwords(threads=settings.password_threads, waiting=settings.password_waiting)
    revocations = revocations_of(settings)
    verifier = create_verifier(settings, revocations=revocations)
    signal = WakeSignal()
    app = create_app(settings, title="Minishop users", contract=CONTRACT, verifier=verifier)
    set_state(app, UserState(engine=engine, passwords=passwords))
    problems.install_unavailable(app, postgres.ERRORS, is_temporary=postgres.is_temporary)
    app.include_router(api.router)
    health.install(app, required={"postgres": postgres.check(engine)})
    return Service(
        app=app,
        background=(
            partial(password_reset.run, engine, signal),
            partial(listen, settings, password_resets.CHANNEL, signal.wake),
            partial(
                retention.run,
                engine,
                codes.purge,
                password_resets.purge,
                password_tries.purge,
                outbox.purge,
            ),
        ),
        close=(engine.dispose, passwords.close, revocations.close),
    )


def migrate(settings: Settings) -> None:
    """Bring the database to this version, and see that there is an administrator."""
    migrations.run(settings, "shop_user")
    if settings.admin_email and settings.admin_password:
        asyncio.run(
            _ensure_admin(
                settings.admin_email, settings.admin_password.get_secret_value(), settings
            )
        )


async def _ensure_admin(email: str, password: str, settings: Settings) -> None:
    engine = postgres.create_engine(settings)
    passwords = Passwords(threads=1)
    try:
        await ensure_admin(engine, passwords, email=email, password=password)
    finally:
        await passwords.close()
        await engine.dispose()


def run() -> None:
    """Do what the command line's word says: serve, migrate or print a contract."""
    cli.run(Settings, create, contract=CONTRACT, migrate=migrate)
